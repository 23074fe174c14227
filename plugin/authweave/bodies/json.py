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

    __slots__ = ("_root", "content_type")

    def __init__(self, text: str, content_type: str = "") -> None:
        self._root: _Node = text
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
        return self._spot(key).taken

    def put(self, key: str, value: Any) -> None:
        """Write the value there; it may hold lists and maps."""
        spot = self._spot(key)
        for step in reversed(spot.missing):
            value = [value] if step in ("-", "0") else {step: value}
        spot.parent.write(spot.step, spot.index, _written(value, key))

    def _spot(self, key: str) -> _Spot:
        try:
            return self._found(key)
        except RecursionError:
            pass  # deep in the stack less nesting can be read than when the body was checked
        raise PlacementError(f"payload field {key}: the JSON body is nested too deep")

    def _found(self, key: str) -> _Spot:
        steps = pointer(key)
        self._root = parent = _opened(self._root, key, "the body")
        if not key.startswith("/") and parent.is_list:
            raise PlacementError(f"payload field {key}: the JSON body is no object")
        for depth, step in enumerate(steps[:-1]):
            index = parent.index_of(step, key)
            if index is None:
                return _Spot(parent, step, None, steps[depth + 1 :])
            parent.values[index] = parent = _opened(parent.values[index], key, "/".join(key.split("/")[: depth + 2]))
        return _Spot(parent, steps[-1], parent.index_of(steps[-1], key))

    def encode(self) -> bytes:
        """The document in UTF-8."""
        return _text_of(self._root).encode()


def pointer(key: str) -> list[str]:
    """The steps to a key: RFC 6901 §3 if it starts with `/`, else the one member of that name."""
    if not key.startswith("/"):
        return [key]
    return [step.replace("~1", "/").replace("~0", "~") for step in key.split("/")[1:]]


class _Opened:
    """An object or a list taken apart, once, so that a thousand fields do not read a body a thousand times."""

    __slots__ = ("_before", "_head", "_names", "_tail", "is_list", "values")

    def __init__(self, text: str) -> None:
        start = _after_blanks(text, 0)
        self.is_list = text[start] == "["
        self._head, place = text[: start + 1], start + 1
        self._before: list[str] = []
        self.values: list[_Node] = []
        self._names: dict[str, int] = {}
        for name, first, end in _items(text, start) if self.is_list else _members(text, start):
            self._names[name] = len(self.values)
            self._before.append(text[place:first])
            self.values.append(text[first:end])
            place = end
        self._tail = text[place:]

    def index_of(self, step: str, key: str) -> int | None:
        """Where the value of a step of a pointer is, or None. Raises PlacementError if there is no such place in a list."""
        if not self.is_list:
            return self._names.get(step)
        if step != "-" and not _INDEX.fullmatch(step):
            raise PlacementError(f"payload field {key}: {step} is no place in a list; write a number, or - for a new item")
        count = len(self.values)
        index = count if step == "-" else int(step)
        if index > count:
            raise PlacementError(f"payload field {key}: the list has {count} items only")
        return index if index < count else None

    def write(self, step: str, index: int | None, text: str) -> None:
        """Put the text of a value at its index, or behind the last."""
        if index is not None:
            self.values[index] = text
            return
        name = "" if self.is_list else f"{json.dumps(step, ensure_ascii=False)}:"
        self._names[step] = len(self.values)
        self._before.append(f"{',' if self.values else ''}{name}")
        self.values.append(text)

    def parts(self) -> Iterator[_Node]:
        """What it is made of, in order."""
        yield self._head
        for before, value in zip(self._before, self.values, strict=True):
            yield before
            yield value
        yield self._tail


_Node = str | _Opened


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where a value goes: at `index` of its parent, or as a new `step` of it, inside parents still `missing`."""

    parent: _Opened
    step: str
    index: int | None
    missing: Sequence[str] = ()

    @property
    def taken(self) -> bool:
        return self.index is not None


def _opened(node: _Node, key: str, where: str) -> _Opened:
    if isinstance(node, _Opened):
        return node
    if node[_after_blanks(node, 0)] in "{[":
        return _Opened(node)
    if where == "the body" and not key.startswith("/"):
        raise PlacementError(f"payload field {key}: the JSON body is no object")
    raise PlacementError(f"payload field {key}: {where} is neither an object nor a list")


def _text_of(root: _Node) -> str:
    """The whole text, without recursion: pointers may be long."""
    texts: list[str] = []
    waiting: list[Iterator[_Node]] = [iter([root])]
    while waiting:
        for node in waiting[-1]:
            if isinstance(node, _Opened):
                waiting.append(node.parts())
                break
            texts.append(node)
        else:
            waiting.pop()
    return "".join(texts)


def _members(text: str, start: int) -> Iterator[tuple[str, int, int]]:
    """Name and span of every member of the object that starts here; the document is known to be JSON."""
    place = _after_blanks(text, start + 1)
    while text[place] != "}":
        name, place = _MEASURING.raw_decode(text, place)
        first = _after_blanks(text, _after_blanks(text, place) + 1)
        end = _MEASURING.raw_decode(text, first)[1]
        yield name, first, end
        place = _next(text, end)


def _items(text: str, start: int) -> Iterator[tuple[str, int, int]]:
    """Number and span of every item of the list that starts here."""
    place, count = _after_blanks(text, start + 1), 0
    while text[place] != "]":
        end = _MEASURING.raw_decode(text, place)[1]
        yield str(count), place, end
        place, count = _next(text, end), count + 1


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
