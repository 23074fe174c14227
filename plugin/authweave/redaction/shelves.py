"""Texts to find, filed so that thousands of them are looked for at once."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

_BASE64: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")
TELLING_PART: Final = 12
"""So many characters from the beginning of a secret are hidden, too, where a text was cut in the middle of one."""
_COMPARED: Final = 256


@dataclass(frozen=True, slots=True)
class Find:
    """A text to find and its mark; `before` and `after`: the neighbour there holds bits of the secret (base64)."""

    text: str
    mark: str
    before: bool = False
    after: bool = False

    def edges(self, text: str, start: int, done: int) -> tuple[int, int]:
        """From where to where the mark goes, when the text was found at `start`."""
        end = start + len(self.text)
        if self.before and start > done and text[start - 1] in _BASE64:
            start -= 1
        if self.after and end < len(text) and text[end] in _BASE64:
            end += 1
        return start, end


class Shelf:
    """All texts that begin alike. A server may have made up thousands of them: no look goes through them one by one, nor
    through long ones letter by letter.
    """

    __slots__ = ("_index", "beginnings", "finds")

    def __init__(self) -> None:
        self.finds: dict[str, Find] = {}
        self.beginnings: set[str] = set()
        self._index = _Index(())

    def put(self, find: Find) -> bool:
        """One more; the first of a text stays. Is it a new one? For one thread at a time."""
        if find.text in self.finds:
            return False
        self.beginnings.add(find.text[:TELLING_PART])
        self.finds[find.text] = find
        return True

    def longest_at(self, text: str, at: int) -> Find | None:
        """The longest one that stands there."""
        index, piece = self._indexed(), text[at:at + _COMPARED]
        place = bisect_right(index.heads, piece) - 1
        while place >= 0:
            if piece.startswith(index.heads[place]) and (whole := index.alike[place].longest_at(text, at)):
                return self.finds[whole]
            place = index.inner[place]
        return None

    def begun_at(self, text: str, at: int, stop: int) -> tuple[Find, int] | None:
        """The one of which most stands there, at least until `stop`, and where that ends: in alphabetical order it is beside the text."""
        index = self._indexed()
        place = bisect_right(index.heads, text[at:at + _COMPARED])
        near = [whole for alike in index.alike[max(place - 1, 0):place + 1] for whole in alike.beside(text, at)]
        begun = [(_shared(one, text, at), one) for one in near if len(one) > stop - at and text.startswith(one[:stop - at], at)]
        return (self.finds[max(begun)[1]], at + max(begun)[0]) if begun else None

    def _indexed(self) -> _Index:
        if self._index.size != len(self.finds):
            self._index = _Index(tuple(self.finds))
        return self._index


class _Index:
    """Texts in alphabetical order of their heads; for each head the whole texts, and which other head it begins with."""

    __slots__ = ("alike", "heads", "inner", "size")

    def __init__(self, texts: tuple[str, ...]) -> None:
        by_head: dict[str, list[str]] = {}
        for text in sorted(texts):
            by_head.setdefault(text[:_COMPARED], []).append(text)
        self.size = len(texts)
        self.heads = sorted(by_head)
        self.alike = [_Alike(by_head[head]) for head in self.heads]
        self.inner = _inner(self.heads)


class _Alike:
    """Texts of one head, in alphabetical order: there may be very many, as a server's tokens have one head."""

    __slots__ = ("inner", "longest", "texts")

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts
        self.longest = max(map(len, texts))
        self.inner = _inner(texts)

    def longest_at(self, text: str, at: int) -> str:
        """The longest one that stands there; '' for none. Whatever is between it and the text in alphabetical order begins with it."""
        place = self._place(text, at) - 1
        while place >= 0:
            if text.startswith(self.texts[place], at):
                return self.texts[place]
            place = self.inner[place]
        return ""

    def beside(self, text: str, at: int) -> list[str]:
        """Those that are beside what stands there: none has more of it."""
        place = self._place(text, at)
        return self.texts[max(place - 1, 0):place + 1]

    def _place(self, text: str, at: int) -> int:
        if len(self.texts) == 1:
            return int(text.startswith(self.texts[0], at))
        return bisect_right(self.texts, text[at:at + self.longest])


def _inner(heads: list[str]) -> list[int]:
    """For each the place of the longest other one that it begins with, or -1."""
    places: list[int] = []
    for number, head in enumerate(heads):
        place = number - 1
        while place >= 0 and not head.startswith(heads[place]):
            place = places[place]
        places.append(place)
    return places


def _shared(secret: str, text: str, at: int) -> int:
    """How many characters of the secret stand there."""
    least, most = 0, min(len(secret), len(text) - at)
    while least < most:
        middle = (least + most + 1) // 2
        if text.startswith(secret[least:middle], at + least):
            least = middle
        else:
            most = middle - 1
    return least
