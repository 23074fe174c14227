"""What sorts of values templates know, and what a function may ask of its arguments.

Whatever is not of the wanted sort raises `Unfit`, whose message names the sort, never the value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from authweave.templates.bounds import Unfit, bounded

_KINDS: Final = {
    type(None): "null", bool: "a truth value", int: "a number", float: "a number",
    str: "text", bytes: "bytes", list: "a list", tuple: "a list", dict: "a map",
}  # fmt: skip


def kind(value: Any) -> str:
    """What sort of thing a value is, for messages."""
    return _KINDS.get(type(value)) or ("a map" if isinstance(value, Mapping) else "something else")


def is_number(value: Any) -> bool:
    """Is it a number? A truth value is none."""
    return type(value) is int or type(value) is float


def text_of(value: Any) -> str:
    """A value as it reads inside text: numbers and truth values as in JSON; null, lists, maps and bytes do not."""
    if type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if is_number(value):
        return repr(bounded(value)) if type(value) is float else str(value)
    raise Unfit(f"{kind(value)} cannot stand inside text")


def as_text(value: Any) -> str:
    """Text, or a number as it reads in text."""
    if type(value) is str:
        return value
    if is_number(value):
        return text_of(value)
    raise Unfit(f"takes text, got {kind(value)}")


def as_bytes(value: Any) -> bytes:
    """Bytes, or text in UTF-8."""
    if type(value) is bytes:
        return value
    if type(value) is str:
        return value.encode()
    if is_number(value):
        return text_of(value).encode()
    raise Unfit(f"takes text or bytes, got {kind(value)}")


def as_number(value: Any) -> Any:
    """A number."""
    if is_number(value):
        return value
    hint = "; turn text into one with `int`" if type(value) is str else ""
    raise Unfit(f"takes a number, got {kind(value)}{hint}")


def as_list(value: Any) -> list[Any]:
    """A list."""
    if isinstance(value, list | tuple):
        return list(value)
    raise Unfit(f"takes a list, got {kind(value)}")
