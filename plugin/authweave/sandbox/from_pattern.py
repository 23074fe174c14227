"""A random text that a pattern meets: the way back through an author's regular expression."""

from __future__ import annotations

import secrets
from typing import Final

from authweave.patterns.syntax import Choice, Node, One, Ranges, Repeat, parse

_LIKED: Final = (
    tuple(range(ord("a"), ord("z") + 1)),
    tuple(range(ord("0"), ord("9") + 1)),
    tuple(range(ord("A"), ord("Z") + 1)),
)
_SHORT: Final = 8
_LONG: Final = 32


def text_of_pattern(pattern: str, *, long: bool = False) -> str:
    """A text that the pattern meets. `long`: with open ends filled so that it is hard to guess. Raises PatternError."""
    return "".join(_text(parse(pattern), _LONG if long else _SHORT))


def _text(node: Node, wished: int) -> list[str]:
    if isinstance(node, One):
        return [_character(node.ranges)]
    if isinstance(node, Repeat):
        times = max(node.least, min(wished, node.most if node.most is not None else wished))
        return [piece for _ in range(times) for piece in _text(node.part, wished)]
    if isinstance(node, Choice):
        return _text(secrets.choice(node.parts), wished)
    return [piece for part in node.parts for piece in _text(part, wished)]


def _character(ranges: Ranges) -> str:
    """Letters and digits where the set has any: they need no encoding anywhere."""
    liked = [code for group in _LIKED for code in group if _holds(ranges, code)]
    if liked:
        return chr(secrets.choice(liked))
    low, high = ranges[0]
    return chr(low + secrets.randbelow(min(high - low, 30) + 1))


def _holds(ranges: Ranges, code: int) -> bool:
    return any(low <= code <= high for low, high in ranges)
