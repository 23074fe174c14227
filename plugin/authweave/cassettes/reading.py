"""What the templates of a profile read of answers: only that goes into a cassette."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final

from authweave.profile import Profile

Path = tuple[str, ...]
_STANDARD: Final = (
    "access_token", "token_type", "expires_in", "refresh_token", "id_token", "scope", "error", "error_description", "error_uri", "issued_token_type",
    "expires_at", "code", "message", "detail", "active", "client_id", "aud", "exp", "errorCode", "errorSummary", "error_codes", "status",
)  # fmt: skip
"""Members that are read without a template: RFC 6749 §5, RFC 7662, and the usual words of errors."""
_LEFT_OUT: Final = frozenset({"merged", "resolved", "inputs", "scheme", "grant", "client_auth"})


class Reads:
    """The look-ups `response.…` of one profile."""

    def __init__(self, profile: Profile) -> None:
        self._paths = {path[1:] for path in _reads(profile) if path[0] == "response"}

    @property
    def whole_text(self) -> bool:
        """Does a template read the body as text, or as a form or XML?"""
        return any(path[:1] in (("text",), ("form",), ("xml",)) or path == () for path in self._paths)

    def header(self, name: str) -> bool:
        """Does a template read this header field, or all of them?"""
        return any(path[:1] == ("headers",) and (len(path) == 1 or path[1].lower() == name.lower()) for path in self._paths)

    @property
    def cookies(self) -> bool:
        """Does a template read cookies?"""
        return any(path[:1] == ("cookies",) for path in self._paths)

    def json(self, path: Path) -> bool:
        """May this member of a JSON body be read, or something in it?"""
        if path and path[-1] in _STANDARD:
            return True
        return any(_may_meet(read[1:], path) for read in self._paths if read[:1] == ("json",))


def _may_meet(read: Path, path: Path) -> bool:
    """Is one the beginning of the other? Places in lists count as any."""
    return all(one == other or other.isdecimal() or one.isdecimal() for one, other in zip(read, path, strict=False))


def _reads(value: Any) -> Iterator[tuple[str, ...]]:
    reads = getattr(value, "reads", None)
    if isinstance(reads, frozenset):
        yield from (tuple(map(str, path)) for path in reads if path)
        return
    if is_dataclass(value) and not isinstance(value, type):
        for one in fields(value):
            if one.name not in _LEFT_OUT:
                yield from _reads(getattr(value, one.name))
    elif isinstance(value, Mapping):
        for member in value.values():
            yield from _reads(member)
    elif isinstance(value, tuple | list):
        for member in value:
            yield from _reads(member)
