"""What the values that an author's pattern lets through can hold: read off the pattern itself, not guessed by trying."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from authweave.errors import PatternError
from authweave.patterns.syntax import Choice, Node, One, Ranges, Repeat, Row, parse, united

_MOST: Final = 100
"""Texts that are written out; of more, the characters alone are known."""


@dataclass(frozen=True, slots=True)
class Language:
    """Every text of a pattern begins with one of `starts`, ends with one of `ends`, and between them has `letters` only.

    Where the pattern has few texts, `texts` are all of them; else None.
    """

    starts: frozenset[str]
    ends: frozenset[str]
    letters: Ranges
    texts: frozenset[str] | None

    def is_made_of(self, allowed: str) -> bool:
        """Does no text hold a character that the set `allowed` (as between brackets in a pattern) does not?"""
        if self.texts is not None:
            return all(re.fullmatch(f"[{allowed}]*", text) for text in self.texts)
        between = re.compile(f"[{allowed}]")
        whole = all(high < 128 and all(between.fullmatch(chr(code)) for code in range(low, high + 1)) for low, high in self.letters)
        return whole and all(re.fullmatch(f"[{allowed}]*", text) for text in (*self.starts, *self.ends))


def language_of(pattern: str) -> Language | None:
    """The language of a pattern; None for one that cannot be read."""
    try:
        tree = parse(pattern)
    except PatternError:
        return None
    parts = tree.parts if isinstance(tree, Row) else (tree,)
    texts = _texts(parts)
    if texts is not None:
        return Language(texts, texts, (), texts)
    first = _written(parts)
    last = _written(tuple(reversed(parts)))
    between = parts[first : len(parts) - last]
    return Language(_texts(parts[:first]) or frozenset({""}), _texts(parts[len(parts) - last :]) or frozenset({""}), _letters(between), None)


def _written(parts: Sequence[Node]) -> int:
    """How many parts from the front on have few texts together."""
    count = 0
    while count < len(parts) and _texts(parts[: count + 1]) is not None:
        count += 1
    return count


def _texts(parts: Sequence[Node]) -> frozenset[str] | None:
    """Every text of parts that follow each other; None for too many."""
    found = {""}
    for part in parts:
        more = _texts_of(part)
        if more is None or len(found) * len(more) > _MOST:
            return None
        found = {before + after for before, after in product(found, more)}
    return frozenset(found)


def _texts_of(node: Node) -> frozenset[str] | None:
    if isinstance(node, One):
        count = sum(high - low + 1 for low, high in node.ranges)
        return frozenset(chr(code) for low, high in node.ranges for code in range(low, high + 1)) if count <= _MOST else None
    if isinstance(node, Row):
        return _texts(node.parts)
    if isinstance(node, Choice):
        ways = [_texts_of(part) for part in node.parts]
        texts = frozenset().union(*(way for way in ways if way is not None))
        return texts if None not in ways and len(texts) <= _MOST else None
    if node.most is None or node.most > _MOST:
        return None
    times = [_texts([node.part] * count) for count in range(node.least, node.most + 1)]
    texts = frozenset().union(*(one for one in times if one is not None))
    return texts if None not in times and len(texts) <= _MOST else None


def _letters(parts: Sequence[Node]) -> Ranges:
    return united([one for part in parts for one in _letters_of(part)])


def _letters_of(node: Node) -> Ranges:
    if isinstance(node, One):
        return node.ranges
    return _letters_of(node.part) if isinstance(node, Repeat) else _letters(node.parts)
