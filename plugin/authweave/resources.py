"""Where the shipped profiles and schemas lie: inside the wheel, or at the top of a checkout."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parent


@cache
def _root() -> Path:
    shipped = _PACKAGE / "_data"
    return shipped if shipped.is_dir() else _PACKAGE.parents[1]


def profiles_folder() -> Path:
    """The folder of the shipped profiles."""
    return _root() / "profiles"


def schema_file(name: str = "auth-profile") -> Path:
    """A published schema."""
    return _root() / "schemas" / f"{name}.schema.json"
