"""Regular expressions of authors (`pattern`, `keep`), run in time that grows with the text alone.

A pattern becomes an automaton of positions (Glushkov 1961): after each character, the set of positions that may come
next is one integer. There is no backtracking, so no pattern and no value can make it slow.
"""

from __future__ import annotations

import functools
import operator
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from typing import Final, Protocol

from authweave.errors import PatternError
from authweave.patterns import syntax

__all__ = ["Pattern", "PatternError", "compile_pattern"]

STATES: Final = 2000
ALL_STATES: Final = 20_000
"""Of all patterns of one profile."""
_REMEMBERED: Final = 1000
_SHARED: Final = 8


@functools.lru_cache(maxsize=64)
def compile_pattern(text: str) -> Pattern:
    """The pattern, ready to be asked. Raises PatternError for what ECMA-262 and Python do not share."""
    tree, _ = _read(text)
    return Pattern(text, tree)


def size_of(text: str) -> int:
    """The characters that a pattern expands to, known without making it ready. Raises PatternError."""
    return _read(text)[1]


def _read(text: str) -> tuple[syntax.Node, int]:
    tree = syntax.parse(text)
    if (size := _size(tree)) > STATES:
        raise PatternError(f"the pattern expands to more than {STATES} characters", "use smaller counts, or {1,}")
    return tree, size


class Pattern:
    """A compiled pattern; its answers depend on nothing else, so threads may share it.

    Sets of positions are integers with one bit for each; the highest bit stands for the end of the value.
    """

    def __init__(self, text: str, tree: syntax.Node) -> None:
        self.text = text
        numbering = _Numbering()
        root = numbering.placed(tree)
        follow = [0] * len(numbering.sets)
        self._accepted = 1 << len(follow)
        self._start = root.enter(self._accepted, follow)
        self._steps = _Steps(follow)
        self._alphabet = _Alphabet(numbering.sets)

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"

    def matches(self, value: str) -> bool:
        """Does the pattern meet the whole value?"""
        expected, takers, after = self._start, self._alphabet, self._steps
        for char in value:
            met = expected & takers[char]
            if not met:
                return False
            expected = after[met]
        return bool(expected & self._accepted)


class _Steps(dict[int, int]):
    """Positions just met → positions that may come next; worked out on first need, and forgotten when many.

    Most positions lead to their neighbour, to themselves, or where many others lead: each of these is one operation
    for all. The others are looked up eight at a time.
    """

    def __init__(self, follow: list[int]) -> None:
        super().__init__()
        self._next = self._same = self._branching = 0
        self._rest: list[int] = []
        for position, targets in enumerate(follow):
            me, neighbour = 1 << position, 2 << position
            self._next |= me if targets & neighbour else 0
            self._same |= me if targets & me else 0
            self._rest.append(targets & ~(me | neighbour))
        self._shared = {targets: 0 for targets, _ in Counter(filter(None, self._rest)).most_common(_SHARED)}
        for position, targets in enumerate(self._rest):
            if targets in self._shared:
                self._shared[targets] |= 1 << position
            elif targets:
                self._branching |= 1 << position
        self._bytes = len(follow) // 8 + 1
        self._branches: dict[tuple[int, int], int] = {}

    def __missing__(self, met: int) -> int:
        expected = ((met & self._next) << 1) | (met & self._same)
        for targets, sources in self._shared.items():
            if met & sources:
                expected |= targets
        if branching := met & self._branching:
            for eight in enumerate(branching.to_bytes(self._bytes, "little")):
                if eight[1]:
                    known = self._branches.get(eight)
                    expected |= self._branch(eight) if known is None else known
        if len(self) >= _REMEMBERED:
            self.clear()
        self[met] = expected
        return expected

    def _branch(self, eight: tuple[int, int]) -> int:
        """Where eight neighbouring positions lead, given the index of their byte and which of them were met."""
        index, byte = eight
        targets = 0
        for bit in range(8):
            if byte >> bit & 1:
                targets |= self._rest[8 * index + bit]
        if len(self._branches) >= _REMEMBERED:
            self._branches.clear()
        return self._branches.setdefault(eight, targets)


class _Alphabet(dict[str, int]):
    """Character → positions that take it; worked out on first need, and forgotten when many.

    Between two neighbouring edges of the sets in use all characters are alike, so they are worked out once.
    """

    def __init__(self, sets: list[syntax.Ranges]) -> None:
        super().__init__()
        self._takers: dict[syntax.Ranges, int] = {}
        for position, ranges in enumerate(sets):
            self._takers[ranges] = self._takers.get(ranges, 0) | 1 << position
        self._edges = sorted({edge for ranges in self._takers for low, high in ranges for edge in (low, high + 1)})
        self._alike: dict[int, int] = {}

    def __missing__(self, char: str) -> int:
        sort = bisect_right(self._edges, ord(char))
        if sort not in self._alike:
            self._alike[sort] = self._taking(ord(char))
        if len(self) >= _REMEMBERED:
            self.clear()
        self[char] = self._alike[sort]
        return self._alike[sort]

    def _taking(self, char: int) -> int:
        positions = 0
        for ranges, takers in self._takers.items():
            if any(low <= char <= high for low, high in ranges):
                positions |= takers
        return positions


class _Part(Protocol):
    """A part of a pattern whose characters have their positions.

    `first` are the positions it can begin with. `enter` notes for every position what may follow it, given what may
    come after the part, and answers the positions that may come next when the part is reached. It is called once.
    """

    @property
    def first(self) -> int: ...

    @property
    def is_empty(self) -> bool: ...

    def enter(self, after: int, follow: list[int]) -> int: ...


@dataclass(frozen=True, slots=True)
class _One:
    position: int
    is_empty: bool = False

    @property
    def first(self) -> int:
        return 1 << self.position

    def enter(self, after: int, follow: list[int]) -> int:
        follow[self.position] = after
        return self.first


@dataclass(frozen=True, slots=True)
class _Row:
    parts: tuple[_Part, ...]
    first: int
    is_empty: bool

    def enter(self, after: int, follow: list[int]) -> int:
        for part in reversed(self.parts):
            after = part.enter(after, follow)
        return after


@dataclass(frozen=True, slots=True)
class _Choice:
    parts: tuple[_Part, ...]
    first: int
    is_empty: bool

    def enter(self, after: int, follow: list[int]) -> int:
        return functools.reduce(operator.or_, (part.enter(after, follow) for part in self.parts))


@dataclass(frozen=True, slots=True)
class _Copies:
    """A repeated part: a copy for each time it may come. One may leave after `least`; `endless`: the last loops."""

    copies: tuple[_Part, ...]
    first: int
    is_empty: bool
    least: int
    endless: bool

    def enter(self, after: int, follow: list[int]) -> int:
        coming = after | self.copies[-1].first if self.endless else after
        for done in reversed(range(len(self.copies))):
            coming = self.copies[done].enter(coming, follow)
            if done >= self.least:
                coming |= after
        return coming


class _Numbering:
    """Gives every character of a pattern its position, from left to right. `sets` are what the positions take."""

    def __init__(self) -> None:
        self.sets: list[syntax.Ranges] = []

    def placed(self, node: syntax.Node) -> _Part:
        if isinstance(node, syntax.One):
            self.sets.append(node.ranges)
            return _One(len(self.sets) - 1)
        if isinstance(node, syntax.Repeat):
            copies = tuple(self.placed(node.part) for _ in range(_copies(node)))
            is_empty = node.least == 0 or copies[0].is_empty
            return _Copies(copies, _first_of_row(copies), is_empty, node.least, node.most is None)
        parts = tuple(self.placed(part) for part in node.parts)
        if isinstance(node, syntax.Choice):
            first = functools.reduce(operator.or_, (part.first for part in parts))
            return _Choice(parts, first, any(part.is_empty for part in parts))
        return _Row(parts, _first_of_row(parts), all(part.is_empty for part in parts))


def _first_of_row(parts: tuple[_Part, ...]) -> int:
    first = 0
    for part in parts:
        first |= part.first
        if not part.is_empty:
            break
    return first


def _copies(node: syntax.Repeat) -> int:
    return node.most if node.most is not None else max(node.least, 1)


def _size(node: syntax.Node) -> int:
    if isinstance(node, syntax.One):
        return 1
    if isinstance(node, syntax.Repeat):
        return _size(node.part) * _copies(node)
    return sum(map(_size, node.parts)) or 1
