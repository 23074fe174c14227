"""A vendor's own grant: its word is sent as `grant_type`, its parameters are `token_request.fields` (RFC 6749 §4.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from authweave.values import JsonSchema

if TYPE_CHECKING:
    from authweave.call import TokenCall


class Vendor:
    """Stands for every `grant_type` that is not registered. Not a name of its own, so it is not registered either."""

    name: ClassVar[str] = "vendor"
    title: ClassVar[str] = "a vendor's own grant"
    schema: ClassVar[JsonSchema] = {}
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    attended: ClassVar[bool] = False

    def parameters(self, call: TokenCall) -> Mapping[str, Any]:
        """Whatever the vendor wants stands in `token_request.fields`."""
        return {}
