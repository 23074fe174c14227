"""`in: path`: RFC 3986 §3.3."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Final

from authweave.drafts.texts import short_text_for
from authweave.errors import PlacementError
from authweave.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from authweave.drafts.draft import Draft

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


class PathPlacement:
    """Fills `{key}` in the path of a URL template, as one segment or part of one.

    Every character that is not unreserved is escaped; what is empty or makes a dot segment is an error. A finished URL
    is never scanned, and neither is a value.
    """

    name: ClassVar[str] = "path"
    title: ClassVar[str] = "part of the path"

    def wrong_key(self, key: str) -> str | None:
        """What can stand between the braces."""
        if _NAME.fullmatch(key):
            return None
        return "the name of a path field is made of letters, digits, _ . and -, a letter or _ first"

    def place(self, draft: Draft, key: str, value: Any, on_conflict: str) -> None:
        """Fill every `{key}`."""
        text = short_text_for(value, f"path field {key}")
        if key not in draft.placeholders:
            raise PlacementError(f"path field {key}: the request has no URL template with {{{key}}} in its path")
        if draft.may_write(draft.target.is_filled(key), on_conflict, f"path field {key}"):
            draft.target.fill(key, text)


@hookimpl
def register_placements(register: Register) -> None:
    """Add `path`."""
    register(PathPlacement)
