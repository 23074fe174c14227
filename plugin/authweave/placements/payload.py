"""`in: payload`: a field of the body, whatever it is encoded as."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Final

from authweave.drafts.texts import is_well_formed
from authweave.errors import PlacementError
from authweave.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from authweave.drafts.draft import Draft

_WRONG_ESCAPE: Final = re.compile(r"~(?![01])")


class PayloadPlacement:
    """A member of a JSON object, a field of a form, a part of a multipart body, or an element of an XML document.

    A key that starts with `/` is a JSON Pointer or an element path. The rest of the body stays byte for byte.
    """

    name: ClassVar[str] = "payload"
    title: ClassVar[str] = "field of the body"

    def wrong_key(self, key: str) -> str | None:
        """A name is not empty, and a JSON Pointer escapes `~` as `~0` (RFC 6901 §3)."""
        if not key or not is_well_formed(key):
            return "the name of a payload field is a text that is not empty"
        if key.startswith("/") and _WRONG_ESCAPE.search(key):
            return "in a JSON Pointer ~ is written ~0, and ~1 stands for / (RFC 6901 §3)"
        return None

    def place(self, draft: Draft, key: str, value: Any, on_conflict: str) -> None:
        """Set the field."""
        if why := self.wrong_key(key):
            raise PlacementError(f"payload field {key}: {why}")
        draft.put_payload(key, value, on_conflict)


@hookimpl
def register_placements(register: Register) -> None:
    """Add `payload`."""
    register(PayloadPlacement)
