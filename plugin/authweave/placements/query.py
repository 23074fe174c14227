"""`in: query`: WHATWG URL §5, RFC 3986 §3.4."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from authweave.drafts.texts import is_well_formed
from authweave.errors import PlacementError
from authweave.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from authweave.drafts.draft import Draft


class QueryPlacement:
    """A parameter of the URL; a list repeats it. The other parameters stay byte for byte: a signed URL stays signed."""

    name: ClassVar[str] = "query"
    title: ClassVar[str] = "query parameter"

    def wrong_key(self, key: str) -> str | None:
        """A name is not empty."""
        return None if key and is_well_formed(key) else "the name of a query parameter is a text that is not empty"

    def place(self, draft: Draft, key: str, value: Any, on_conflict: str) -> None:
        """Set the parameter."""
        if why := self.wrong_key(key):
            raise PlacementError(f"query field {key}: {why}")
        draft.put_query(key, value, on_conflict)


@hookimpl
def register_placements(register: Register) -> None:
    """Add `query`."""
    register(QueryPlacement)
