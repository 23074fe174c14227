"""JSON: RFC 8259, with JSON Pointers (RFC 6901) as keys.

Values are spliced into the text: numbers, escapes, white space and the order of everything else stay as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn, Self

from authweave.drafts.texts import is_well_formed
from authweave.errors import PlacementError
from authweave.values import Secret

_BLANKS: Final = re.compile(r"[ \t\n\r]*")
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,8}")


class JsonBody:
    """A JSON document. A key that starts with `/` is a pointer, any other a member of the outermost object.

    Parents that a pointer names and that are not there are made: lists where the next step is `-` or `0`, else objects.
    """

    __slots__ = ("_text", "content_type")

    def __init__(self, text: str, content_type: str = "") -> None:
        self._text = text
        self.content_type = content_type

    @classmethod
    def empty(cls, content_type: str | None) -> Self:
        """An object without members."""
        return cls("{}", content_type or "application/json")

    @classmethod
    def read(cls, body: bytes, parameters: Mapping[str, str]) -> Self:
        """The document as it was written. Raises PlacementError if it is not JSON, or has a key twice."""
        if not body:
            raise PlacementError("the body is empty, which is not JSON")
        return cls(_checked(body))

    def has(self, key: str) -> bool:
        """Is something there?"""
        return _spot(self._text, key).taken

    def put(self, key: str, value: Any) -> None:
        """Write the value there; it may hold lists and maps."""
        spot = _spot(self._text, key)
        for step in reversed(spot.missing):
            value = [value] if step in ("-", "0") else {step: value}
        self._text = f"{self._text[: spot.start]}{spot.before}{_written(value, key)}{self._text[spot.end :]}"

    def encode(self) -> bytes:
        """The document in UTF-8."""
        return self._text.encode()


def pointer(key: str) -> list[str]:
    """The steps to a key: RFC 6901 §3 if it starts with `/`, else the one member of that name."""
    if not key.startswith("/"):
        return [key]
    return [step.replace("~1", "/").replace("~0", "~") for step in key.split("/")[1:]]


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where a value goes: in place of `start:end`, after `before`, inside parents still `missing`."""

    start: int
    end: int
    before: str
    taken: bool
    missing: Sequence[str] = ()


def _spot(text: str, key: str) -> _Spot:
    try:
        return _found(text, key)
    except RecursionError:
        pass  # deep in the stack less nesting can be read than when the body was checked
    raise PlacementError(f"payload field {key}: the JSON body is nested too deep")


def _found(text: str, key: str) -> _Spot:
    steps = pointer(key)
    start = _after_blanks(text, 0)
    if not key.startswith("/") and text[start] != "{":
        raise PlacementError(f"payload field {key}: the JSON body is no object")
    spot = _Spot(start, len(text), "", True)
    for depth, step in enumerate(steps):
        spot = _part(text, spot.start, step, key, depth)
        if not spot.taken:
            return _Spot(spot.start, spot.end, spot.before, False, steps[depth + 1 :])
    return spot


def _part(text: str, start: int, step: str, key: str, depth: int) -> _Spot:
    if text[start] == "{":
        return _member(text, start, step)
    if text[start] == "[":
        return _item(text, start, step, key)
    where = "/".join(key.split("/")[: depth + 1]) or "the body"
    raise PlacementError(f"payload field {key}: {where} is neither an object nor a list")


def _member(text: str, start: int, name: str) -> _Spot:
    end, comma = start + 1, ""
    for other, first, end in _members(text, start):
        if other == name:
            return _Spot(first, end, "", True)
        comma = ","
    return _Spot(end, end, f"{comma}{json.dumps(name, ensure_ascii=False)}:", False)


def _item(text: str, start: int, step: str, key: str) -> _Spot:
    spans = list(_items(text, start))
    if step != "-" and not _INDEX.fullmatch(step):
        raise PlacementError(f"payload field {key}: {step} is no place in a list; write a number, or - for a new item")
    index = len(spans) if step == "-" else int(step)
    if index > len(spans):
        raise PlacementError(f"payload field {key}: the list has {len(spans)} items only")
    if index < len(spans):
        return _Spot(*spans[index], "", True)
    end = spans[-1][1] if spans else start + 1
    return _Spot(end, end, "," if spans else "", False)


def _members(text: str, start: int) -> Iterator[tuple[str, int, int]]:
    """Name and span of every member of the object that starts here; the document is known to be JSON."""
    place = _after_blanks(text, start + 1)
    while text[place] != "}":
        name, place = _MEASURING.raw_decode(text, place)
        first = _after_blanks(text, _after_blanks(text, place) + 1)
        end = _MEASURING.raw_decode(text, first)[1]
        yield name, first, end
        place = _next(text, end)


def _items(text: str, start: int) -> Iterator[tuple[int, int]]:
    place = _after_blanks(text, start + 1)
    while text[place] != "]":
        end = _MEASURING.raw_decode(text, place)[1]
        yield place, end
        place = _next(text, end)


def _next(text: str, end: int) -> int:
    place = _after_blanks(text, end)
    return _after_blanks(text, place + 1) if text[place] == "," else place


def _after_blanks(text: str, place: int) -> int:
    found = _BLANKS.match(text, place)
    return found.end() if found else place


class _NotJson(ValueError):
    """The message says why, in words of ours."""


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise _NotJson("has a key twice")


def _no_constant(name: str) -> NoReturn:
    raise _NotJson(f"holds {name}, which JSON does not have")


_MEASURING: Final = json.JSONDecoder(parse_int=str, parse_float=str)
_CHECKING: Final = json.JSONDecoder(
    parse_int=str, parse_float=str, parse_constant=_no_constant, object_pairs_hook=_once
)


def _checked(body: bytes) -> str:
    try:
        text = body.decode()
        _CHECKING.decode(text)
    except _NotJson as problem:
        why = str(problem)
    except UnicodeDecodeError:
        why = "is not UTF-8"
    except ValueError:
        why = "is not JSON"
    except RecursionError:
        why = "is nested too deep"
    else:
        return text
    raise PlacementError(f"the body {why}")


def _written(value: Any, key: str) -> str:
    why = "holds half a character (a lone surrogate)"
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)
        if is_well_formed(text):
            return text
    except TypeError:
        why = "holds something that JSON does not have, such as bytes; finish with `base64` or `hex`"
    except ValueError:
        why = "holds a number without end, or itself"
    except RecursionError:
        why = "is nested too deep"
    raise PlacementError(f"payload field {key} {why}")


def _plain(value: object) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError
