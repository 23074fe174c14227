"""`name=value&name=value`, as queries and forms write it; what is not asked for stays as it is, byte for byte.

Names are compared decoded (`+` and `%XX`), as a server reads them: WHATWG URL §5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from urllib.parse import unquote_to_bytes


class Pairs:
    """The pairs of a text, taken apart once, so that a thousand fields do not read them a thousand times."""

    __slots__ = ("_parts", "_places")

    def __init__(self, text: bytes) -> None:
        self._parts: list[list[bytes]] = [[part] for part in text.split(b"&")] if text else []
        self._places: dict[bytes, list[int]] = {}
        for place, [part] in enumerate(self._parts):
            if part:
                self._places.setdefault(_name(part), []).append(place)

    def __contains__(self, name: str) -> bool:
        return name.encode() in self._places

    def put(self, name: str, values: Iterable[str], quote: Callable[[str], str]) -> None:
        """Have these values under the name: in the place of the first that had it, else at the end."""
        fresh = [f"{quote(name)}={quote(value)}".encode() for value in values]
        first, *others = self._places.get(name.encode()) or [len(self._parts)]
        if first == len(self._parts):
            self._parts.append([])
        for place in others:
            self._parts[place] = []
        self._parts[first] = fresh
        self._places[name.encode()] = [first]

    def __bytes__(self) -> bytes:
        return b"&".join(pair for part in self._parts for pair in part)


def _name(pair: bytes) -> bytes:
    return unquote_to_bytes(pair.partition(b"=")[0].replace(b"+", b" "))
