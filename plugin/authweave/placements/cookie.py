"""`in: cookie`: RFC 6265 §4."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Final

from authweave.drafts.header_fields import is_token
from authweave.drafts.texts import short_text_for
from authweave.errors import PlacementError
from authweave.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from authweave.drafts.draft import Draft

_OCTETS: Final = r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*"
_VALUE: Final = re.compile(f'{_OCTETS}|"{_OCTETS}"')


class CookiePlacement:
    """A cookie, merged with those of the caller into one Cookie header. Nothing is escaped: servers disagree how."""

    name: ClassVar[str] = "cookie"
    title: ClassVar[str] = "cookie"

    def wrong_key(self, key: str) -> str | None:
        """A name is a token."""
        return None if is_token(key) else "a cookie's name is made of letters, digits and !#$%&'*+-.^_`|~ (RFC 6265 §4)"

    def place(self, draft: Draft, key: str, value: Any, on_conflict: str) -> None:
        """Set the cookie."""
        if why := self.wrong_key(key):
            raise PlacementError(f"cookie {key}: {why}")
        text = short_text_for(value, f"cookie {key}")
        if not _VALUE.fullmatch(text):
            raise PlacementError(f"cookie {key}: the value has a character that a cookie cannot hold (RFC 6265 §4.1.1)")
        pairs = [pair for name, line in draft.headers if name.lower() == "cookie" for pair in _pairs(line)]
        if draft.may_write(any(_name(pair) == key for pair in pairs), on_conflict, f"cookie {key}"):
            draft.set_cookies(_with_pair(pairs, key, f"{key}={text}"))


def _pairs(line: str) -> list[str]:
    return [pair for part in line.split(";") if (pair := part.strip(" \t"))]


def _name(pair: str) -> str:
    return pair.partition("=")[0].strip(" \t")


def _with_pair(pairs: list[str], name: str, fresh: str) -> list[str]:
    others = [pair for pair in pairs if _name(pair) != name]
    place = next((index for index, pair in enumerate(pairs) if _name(pair) == name), len(pairs))
    return [*others[:place], fresh, *others[place:]]


@hookimpl
def register_placements(register: Register) -> None:
    """Add `cookie`."""
    register(CookiePlacement)
