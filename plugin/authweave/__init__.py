"""authweave: auth profiles for bots and workflows, applied to every task request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authweave._version import __version__

if TYPE_CHECKING:
    from authweave.connections.connection import Connection
    from authweave.engine import Engine
    from authweave.errors import AuthweaveError, ProfileError
    from authweave.extensions.catalog import Catalog
    from authweave.hookspecs import hookimpl
    from authweave.limits import Limits
    from authweave.loading import load, loads
    from authweave.pending import Pending
    from authweave.profile import Profile
    from authweave.settings import Settings
    from authweave.values import Judgement, Problem, Secret, TaskRequest, TaskResponse

_WHERE = {
    "AuthweaveError": "errors", "Catalog": "extensions.catalog", "Connection": "connections.connection", "Engine": "engine", "Judgement": "values",
    "Limits": "limits", "Pending": "pending", "Problem": "values", "Profile": "profile", "ProfileError": "errors", "Secret": "values",
    "Settings": "settings", "TaskRequest": "values", "TaskResponse": "values", "hookimpl": "hookspecs", "load": "loading",
    "loads": "loading",
}  # fmt: skip

__all__ = [
    "AuthweaveError", "Catalog", "Connection", "Engine", "Judgement", "Limits", "Pending", "Problem", "Profile", "ProfileError", "Secret",
    "Settings", "TaskRequest", "TaskResponse", "__version__", "hookimpl", "load", "loads",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """The public names, imported when they are first asked for: `import authweave` alone costs next to nothing."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return __all__
