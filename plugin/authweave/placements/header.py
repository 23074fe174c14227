"""`in: header`: RFC 9110 §5."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from authweave.drafts.header_fields import wrong_name
from authweave.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from authweave.drafts.draft import Draft


class HeaderPlacement:
    """A header field, in the place of every other of its name.

    The value arrives letter for letter: white space around it, control and non-ASCII characters are errors.
    """

    name: ClassVar[str] = "header"
    title: ClassVar[str] = "header field"

    def wrong_key(self, key: str) -> str | None:
        """Names that are no token, and those that routing, framing or the client own."""
        return wrong_name(key)

    def place(self, draft: Draft, key: str, value: Any, on_conflict: str) -> None:
        """Set the header."""
        draft.put_header(key, value, on_conflict)


@hookimpl
def register_placements(register: Register) -> None:
    """Add `header`."""
    register(HeaderPlacement)
