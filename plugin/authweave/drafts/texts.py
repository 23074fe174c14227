"""What a value of a field is as text, for the places that hold text only.

Errors name the field and the kind of the value, never the value; none is raised inside an `except`, because
what Python says of a text it cannot encode holds the text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from authweave.errors import PlacementError
from authweave.templates.bounds import Unfit
from authweave.templates.operands import text_of
from authweave.templates.operators import revealed

LONGEST: Final = 128 * 1024
"""Characters of a value in a header, a cookie or a URL. Servers read 8 to 64 KiB of them."""

_HINTS: Final = {
    bytes: "bytes; finish with `base64` or `hex`",
    type(None): "null",
    list: "a list; only query, form and multipart repeat a field",
    tuple: "a list; only query, form and multipart repeat a field",
}


def text_for(value: Any, what: str) -> str:
    """Text, or a number or truth value as JSON writes it. `what` names the field in the PlacementError."""
    text = value if type(value) is str else _written(revealed(value))
    if text is None:
        raise PlacementError(f"{what} needs text, a number or a truth value, not {_kind(revealed(value))}")
    if not is_well_formed(text):
        raise PlacementError(f"{what} holds half a character (a lone surrogate)")
    return text


def short_text_for(value: Any, what: str) -> str:
    """As `text_for`, for a place in the head of a request."""
    text = text_for(value, what)
    if len(text) > LONGEST:
        raise PlacementError(f"{what} is longer than {LONGEST} characters, which no server reads there")
    return text


def texts_for(value: Any, what: str, text: Callable[[Any, str], str] = text_for) -> list[str]:
    """As `text_for` or another `text`, where a list repeats the field. An empty list is an error: it would be no field at all."""
    if not isinstance(value, list | tuple):
        return [text(value, what)]
    if not value:
        raise PlacementError(f"{what} is an empty list, which is no value")
    return [text(item, f"{what} [{index}]") for index, item in enumerate(value)]


def is_well_formed(text: str) -> bool:
    """Can it be written in UTF-8?"""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_utf8(data: bytes) -> bool:
    """Are the bytes UTF-8?"""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _written(value: Any) -> str | None:
    try:
        return text_of(value)
    except Unfit:
        return None


def _kind(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a map"
    if isinstance(value, float):
        return "a number without end"
    return _HINTS.get(type(value), "something else")
