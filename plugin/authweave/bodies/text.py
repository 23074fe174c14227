"""Bodies without fields: text that is written out, and no body at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn, Self

from authweave.drafts.texts import is_well_formed
from authweave.errors import PlacementError


class TextBody:
    """A text. It has no fields: the profile writes `content`."""

    content_type = "text/plain; charset=utf-8"
    _why = "a text has no fields; write content, or another encoding"

    @classmethod
    def empty(cls, content_type: str | None) -> Self:
        """A body to be written with `content`."""
        body = cls()
        body.content_type = content_type or cls.content_type
        return body

    @classmethod
    def read(cls, body: bytes, parameters: Mapping[str, str]) -> Self:
        """Never: a text has no fields."""
        raise PlacementError(cls._why)

    def has(self, key: str) -> bool:
        """Never."""
        self._refuse(key)

    def put(self, key: str, value: Any) -> None:
        """Never."""
        self._refuse(key)

    def encode(self) -> bytes:
        """Nothing."""
        return b""

    def _refuse(self, key: str) -> NoReturn:
        raise PlacementError(f"payload field {key}: {self._why}")


class NoBody(TextBody):
    """No body: `encoding: none`."""

    content_type = ""
    _why = "the encoding is none: there is no body to put it into"


class ContentBody(TextBody):
    """The text that the profile wrote as `content`."""

    _why = "the body is written out as content: fields cannot be added to it"

    def __init__(self, text: str, content_type: str) -> None:
        if not is_well_formed(text):
            raise PlacementError("content holds half a character (a lone surrogate)")
        self._text = text.encode()
        self.content_type = content_type

    def encode(self) -> bytes:
        """The text in UTF-8."""
        return self._text
