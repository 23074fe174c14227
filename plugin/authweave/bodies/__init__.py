"""Encodings of a payload: one file each. A body keeps what it was read from, byte for byte, beside what is put in."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final, Protocol, cast

from authweave.drafts.media_types import media_type
from authweave.errors import PlacementError


class Body(Protocol):
    """A payload that fields are put into. `content_type` is what a body that was made new is sent as ('' for none)."""

    content_type: str

    def has(self, key: str) -> bool:
        """Is something under the key? Raises PlacementError if the key cannot be there."""
        ...

    def put(self, key: str, value: Any) -> None:
        """Put the value under the key, in place of what is there. Raises PlacementError; the body is then unchanged."""
        ...

    def encode(self) -> bytes:
        """The bytes to send."""
        ...


class _Encoding(Protocol):
    def empty(self, content_type: str | None) -> Body: ...

    def read(self, body: bytes, parameters: Mapping[str, str]) -> Body: ...


_CLASSES: Final = {
    "form": ("authweave.bodies.form", "FormBody"),
    "json": ("authweave.bodies.json", "JsonBody"),
    "multipart": ("authweave.bodies.multipart", "MultipartBody"),
    "xml": ("authweave.bodies.xml", "XmlBody"),
    "text": ("authweave.bodies.text", "TextBody"),
    "none": ("authweave.bodies.text", "NoBody"),
}
_MEDIA_TYPES: Final = {
    "application/x-www-form-urlencoded": "form",
    "multipart/form-data": "multipart",
    "application/json": "json",
    "text/json": "json",
    "application/xml": "xml",
    "text/xml": "xml",
}
_SUFFIXES: Final = {"+json": "json", "+xml": "xml"}
_CONTENT_TYPES: Final = {
    "form": "application/x-www-form-urlencoded",
    "json": "application/json",
    "xml": "application/xml",
    "text": "text/plain; charset=utf-8",
}
_READABLE: Final = "JSON, XML, application/x-www-form-urlencoded and multipart/form-data"


def empty_body(encoding: str, content_type: str | None) -> Body:
    """A new body of an encoding of the format, sent as `content_type` if that is written."""
    return _class(encoding).empty(content_type)


def read_body(body: bytes, content_type: str) -> Body:
    """The body of a request, by its Content-Type. Raises PlacementError if fields cannot be put into it."""
    name, parameters = media_type(content_type)
    encoding = encoding_of(name)
    if encoding is None:
        raise PlacementError(f"a body of type {name or '(unreadable)'} has no fields; known are {_READABLE}")
    if parameters.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise PlacementError(f"the body is {name} in another charset than utf-8")
    return _class(encoding).read(body, parameters)


def encoding_of(name: str) -> str | None:
    """How bodies of this media type are written, or None where that is not known."""
    return _MEDIA_TYPES.get(name) or _SUFFIXES.get(name[name.rfind("+") :])


def content_body(encoding: str, text: str, content_type: str | None) -> Body:
    """A body that is written out as text, sent with the type of the encoding it is written in."""
    from authweave.bodies.text import ContentBody

    sent_as = content_type or _CONTENT_TYPES.get(encoding)
    if sent_as is None:
        raise PlacementError(f"content cannot be sent with encoding {encoding}; write form, json, xml or text")
    return ContentBody(text, sent_as)


def _class(encoding: str) -> _Encoding:
    module, name = _CLASSES[encoding]
    return cast("_Encoding", getattr(import_module(module), name))
