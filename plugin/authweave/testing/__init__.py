"""What every extension of a kind promises, as suites for pytest: subclass the one of your kind, and run it.

    from authweave.testing import GrantContract

    class TestBadge(GrantContract):
        extension = Badge

The built-ins pass the same suites. They need pytest: `pip install 'authweave[testing]'`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from authweave.testing.client_auth import ClientAuthContract
    from authweave.testing.grant import GrantContract
    from authweave.testing.observer import ObserverContract
    from authweave.testing.placement import PlacementContract
    from authweave.testing.report_format import ReportFormatContract
    from authweave.testing.rule import RuleContract
    from authweave.testing.scheme import SchemeContract
    from authweave.testing.seal import SealContract
    from authweave.testing.source import SourceContract
    from authweave.testing.store import StoreContract

__all__ = [
    "ClientAuthContract", "GrantContract", "ObserverContract", "PlacementContract", "ReportFormatContract", "RuleContract",
    "SchemeContract", "SealContract", "SourceContract", "StoreContract",
]  # fmt: skip

_FILES: Final = {
    "ClientAuthContract": "client_auth", "GrantContract": "grant", "ObserverContract": "observer", "PlacementContract": "placement",
    "ReportFormatContract": "report_format", "RuleContract": "rule", "SchemeContract": "scheme", "SealContract": "seal",
    "SourceContract": "source", "StoreContract": "store",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """A suite, imported when it is asked for: only then pytest is needed. Raises ImportError, which says how to get it."""
    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = f"{__name__}.{_FILES[name]}"
    _explain_asserts_of(f"{__name__}.extension", f"{__name__}.trial", module)
    return getattr(import_module(module), name)


def __dir__() -> list[str]:
    return __all__


def _explain_asserts_of(*modules: str) -> None:
    """A suite that fails shows both sides, as a test file does."""
    if find_spec("pytest") is None:
        raise ImportError("the suites of authweave.testing need pytest: pip install 'authweave[testing]'")
    import pytest

    pytest.register_assert_rewrite(*(module for module in modules if module not in sys.modules))
