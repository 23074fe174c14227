"""The types of inputs: how what somebody supplied becomes the value that templates read."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from authweave.inputs.pem import mended


class Unfit(Exception):
    """A supplied value that is not of the type. The message says what would be right, never what was given."""


_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]{0,18})")
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,18})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?")
_BOOLEANS: Final = {"true": True, "false": False, "1": True, "0": False}
_LIMIT: Final = 2**63
_DEEPEST: Final = 100


def converted(kind: str, given: Any) -> Any:
    """What was supplied, in the type of the input. Raises Unfit."""
    if kind not in TYPES:
        raise Unfit(f"has the type {kind}, which is not known; known are {', '.join(TYPES)}")
    if isinstance(given, bytes) and kind != "pkcs12":
        given = _text_of_bytes(given)
    return TYPES[kind](given)


def text_form(value: Any) -> str | None:
    """A scalar as it reads inside text, which is what patterns look at; None for lists, maps and bytes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value) if isinstance(value, int | float) else None


def _string(given: Any) -> str:
    text = text_form(given)
    if text is None:
        raise Unfit("must be a text")
    return _sound(text)


def _integer(given: Any) -> int:
    if isinstance(given, str) and _INTEGER.fullmatch(given):
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, int) or not -_LIMIT <= given < _LIMIT:
        raise Unfit("must be a whole number such as 12, without leading zeros, + or spaces")
    return given


def _number(given: Any) -> int | float:
    if isinstance(given, str) and _NUMBER.fullmatch(given):
        given = int(given) if _INTEGER.fullmatch(given) else float(given)
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(_bounded(given)):
        raise Unfit("must be a number such as 12 or 2.5")
    return given


def _bounded(number: float) -> float:
    return number if not isinstance(number, int) or -_LIMIT <= number < _LIMIT else math.inf


def _boolean(given: Any) -> bool:
    if isinstance(given, str) and given.lower() in _BOOLEANS:
        return _BOOLEANS[given.lower()]
    if not isinstance(given, bool):
        raise Unfit("must be true or false")
    return given


def _list(given: Any) -> list[Any]:
    """A JSON list if it starts with `[`, else items between commas, without the spaces around them."""
    if isinstance(given, str):
        given = _json(given) if given.lstrip().startswith("[") else [item.strip() for item in given.split(",")]
    if not isinstance(given, list | tuple):
        raise Unfit('must be a list: a, b or ["a", "b"]')
    items = [_item(item) for item in given]
    if "" in items:
        raise Unfit("has an empty item")
    return items


def _item(item: Any) -> Any:
    if not isinstance(item, str | int | float) or (isinstance(item, float) and not math.isfinite(item)):
        raise Unfit("must be a list of texts, numbers and truth values")
    return _sound(item) if isinstance(item, str) else item


def _json(given: Any) -> Any:
    if not isinstance(given, str):
        return _plain(given, 0)
    wrong = ""
    try:
        return _plain(json.loads(given, parse_constant=_no_number, object_pairs_hook=_no_key_twice), 0)
    except Unfit:
        raise
    except json.JSONDecodeError as error:
        is_path = len(given) < 260 and given.lower().endswith(".json")
        wrong = "is not JSON: it looks like a file name; supply what is in the file" if is_path else f"is not JSON at line {error.lineno} column {error.colno}"
    except ValueError:
        wrong = "holds a number that is too long"
    except RecursionError:
        wrong = "is nested too deeply"
    raise Unfit(wrong)


def _no_number(_: str) -> NoReturn:
    raise Unfit("is not JSON: NaN and Infinity are no numbers there")


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise Unfit("is not sound JSON: an object has a key twice")
    return dict(pairs)


def _plain(value: Any, depth: int) -> Any:
    """A copy of JSON data that nobody else holds. Raises Unfit for what is none."""
    if depth > _DEEPEST:
        raise Unfit("is nested too deeply")
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {_sound(key): _plain(member, depth + 1) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, depth + 1) for item in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _sound(value)
    if isinstance(value, int | float) and math.isfinite(_bounded(value)):
        return value
    raise Unfit("must be JSON, or data that JSON can hold")


def _pem(given: Any) -> str:
    text, wrong = mended(_string(given))
    if wrong:
        raise Unfit(wrong)
    return text


def _pkcs12(given: Any) -> bytes:
    """Bytes as they are, or base64 with line ends at will. RFC 7292 §4: a sequence that begins with version 3."""
    raw = given if isinstance(given, bytes) else _of_base64(given)
    if isinstance(given, bytes) and not _is_pkcs12(raw) and given.isascii():
        raw = _of_base64(given.decode())
    if not _is_pkcs12(raw):
        raise Unfit("is not a PKCS #12 file in base64")
    return raw


def _of_base64(given: Any) -> bytes:
    text = "".join(given.split()) if isinstance(given, str) else ""
    try:
        return base64.b64decode(text.encode(), validate=True)
    except ValueError:
        return b""


def _is_pkcs12(raw: bytes) -> bool:
    if len(raw) < 4 or raw[0] != 0x30:
        return False
    extra = raw[1] & 0x7F if raw[1] & 0x80 else 0
    is_whole = raw[1] == 0x80 or _length(raw, extra) == len(raw)
    return extra <= 4 and is_whole and raw[2 + extra:5 + extra] == b"\x02\x01\x03"


def _length(raw: bytes, extra: int) -> int:
    """The length of a DER value with its header."""
    return 2 + extra + (int.from_bytes(raw[2:2 + extra]) if extra else raw[1])


def _text_of_bytes(given: bytes) -> str:
    try:
        return given.decode()
    except UnicodeDecodeError as error:
        offset = error.start
    raise Unfit(f"is not UTF-8 at byte {offset}")


def _sound(text: str) -> str:
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise Unfit("holds half of a character (a lone surrogate)")
    return text


TYPES: Final[Mapping[str, Callable[[Any], Any]]] = {
    "string": _string, "integer": _integer, "number": _number, "boolean": _boolean, "list": _list, "json": _json,
    "pem": _pem, "pkcs12": _pkcs12,
}  # fmt: skip
"""Name → how a value becomes one."""
