"""`application/x-www-form-urlencoded`: WHATWG URL §5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import quote_plus

from authweave.drafts.texts import texts_for
from authweave.drafts.urlencoded import Pairs


class FormBody:
    """A form. A list is a field that is repeated."""

    __slots__ = ("_pairs", "content_type")

    def __init__(self, pairs: bytes, content_type: str = "") -> None:
        self._pairs = Pairs(pairs)
        self.content_type = content_type

    @classmethod
    def empty(cls, content_type: str | None) -> Self:
        """A form without fields."""
        return cls(b"", content_type or "application/x-www-form-urlencoded")

    @classmethod
    def read(cls, body: bytes, parameters: Mapping[str, str]) -> Self:
        """A form as it was written."""
        return cls(body)

    def has(self, key: str) -> bool:
        """Is there a field of this name?"""
        return key in self._pairs

    def put(self, key: str, value: Any) -> None:
        """Set the field."""
        self._pairs.put(key, texts_for(value, f"payload field {key}"), quote_plus)

    def encode(self) -> bytes:
        """The form as it is sent."""
        return bytes(self._pairs)
