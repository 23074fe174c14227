"""What format 1 has and this version does not do yet: refused by name, never ignored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from authweave.values import Path

NAMES: Final[Mapping[str, frozenset[str]]] = {
    "schemes": frozenset(),
    "grants": frozenset({
        "implicit",
    }),
    "client_auth": frozenset(),
}  # fmt: skip
"""Names of extensions; a package that registers one of them is used."""

_OF_TYPES: Final[Mapping[str, frozenset[str]]] = {
    "oauth2": frozenset({
    }),
}  # fmt: skip
"""Keys of `auth` by the type they belong to."""

TOP_KEYS: Final[frozenset[str]] = frozenset()
"""Keys of a profile that belong to a part that is not built yet."""

NAMESPACES: Final[frozenset[str]] = frozenset()
"""What templates of format 1 can read, and nothing gives yet."""

RULE: Final = "not_built"
FIX: Final = "leave it out, or wait for the version that has it"
_WORDS: Final = {"schemes": "auth type", "grants": "grant type", "client_auth": "client authentication type"}


def keys_of(data: Mapping[str, Any], variants: Iterable[tuple[Path, Mapping[str, Any]]]) -> Iterator[Path]:
    """The keys of a profile that belong to a part that is not built yet."""
    yield from ((key,) for key in data if key in TOP_KEYS)
    for path, auth in variants:
        yield from ((*path, key) for key in auth if key in _OF_TYPES.get(str(auth.get("type")), ()))


def is_missing(kind: str, name: str, registered: Mapping[str, object]) -> bool:
    """Is this a name of format 1 that nothing here does?"""
    return name in NAMES.get(kind, ()) and name not in registered


def sentence(kind: str, name: str) -> str:
    """`auth type session is not built yet`."""
    return f"{_WORDS[kind]} {name} is not built yet"


def type_of_key(key: str, auth_type: Any) -> str:
    """The type that a key of `auth` belongs to and that is not, or not wholly, built; empty if there is none."""
    if key in _OF_TYPES.get(str(auth_type), ()):
        return str(auth_type)
    return next((name for name, keys in _OF_TYPES.items() if key in keys), "")
