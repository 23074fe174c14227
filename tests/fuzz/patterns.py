"""Regular expressions of authors: a pattern and values → yes or no. `python tests/fuzz/patterns.py --seconds 60`.

An input is a pattern and values, with U+001E between them. The oracles: Python's `re`, told to read as ECMA-262 does, where it ends in
time itself; and a matcher by derivatives (Brzozowski 1964) over the syntax tree, which never makes an automaton.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Hashable, Iterable
from contextlib import AbstractContextManager
from functools import lru_cache
from random import Random

from fuzz_target import Target, bug, planted

from authweave.errors import PatternError
from authweave.patterns import compile_pattern, pattern, syntax
from authweave.patterns.syntax import EMPTY, Choice, Node, One, Repeat, Row

BETWEEN = "\x1e"
NOTHING = Choice(())


def check(data: bytes) -> Hashable:
    """A pattern is refused in our words, or meets what the two other matchers meet."""
    text, *values = data.decode("utf-8", "replace").split(BETWEEN)
    try:
        compiled = compile_pattern(text)
    except PatternError as refused:
        if len(str(refused)) > 600 or refused.__context__ or refused.__cause__:
            bug("a refusal is long, or something foreign hangs on it")
        return re.sub(r"\d+|`[^`]*`", "_", refused.message)[:50]
    theirs = _theirs(text)
    answers = []
    for value in values[:6]:
        answers.append(answer := compiled.matches(value))
        if theirs is not None and len(value) <= 10 and bool(theirs.fullmatch(value)) != answer:
            bug("differs from Python's re")
        if len(value) <= 40 and len(text) <= 80 and (said := _by_derivatives(syntax.parse(text), value)) is not None and said != answer:
            bug("differs from the matcher by derivatives")
    if compiled.matches("a" * 5000) != compiled.matches("a" * 5000):
        bug("asked again it answers otherwise")
    return len(answers), tuple(answers), theirs is None


def _theirs(text: str) -> re.Pattern[str] | None:
    """As Python reads it; None where its backtracking, or a count, could take for ever."""
    if any(int(count) > 6 for count in re.findall(r"\d+(?=[,}])", text)) or len(re.findall(r"[*+?}]", text)) > 4:
        return None
    translated = re.sub(r"(\\.)|(\[(?:\\.|[^\]])*\])|\.", lambda found: found[1] or found[2] or "[^\\n\\r\u2028\u2029]", text, flags=re.DOTALL)
    return re.compile(re.sub(r"\$(?=\Z|\|)", r"\\Z", translated) if not re.search(r"\\\$(?=\Z|\|)", translated) else translated, re.ASCII)


def _by_derivatives(node: Node, value: str) -> bool | None:
    """Does the tree meet the value? None where what is left grows too large."""
    for char in value:
        node = _after(node, ord(char))
        if _size(node) > 300:
            return None
    return _may_end(node)


@lru_cache(maxsize=4096)
def _size(node: Node) -> int:
    if isinstance(node, Row | Choice):
        return 1 + sum(map(_size, node.parts))
    return 1 + (_size(node.part) if isinstance(node, Repeat) else 0)


@lru_cache(maxsize=4096)
def _may_end(node: Node) -> bool:
    if isinstance(node, One):
        return False
    if isinstance(node, Repeat):
        return node.least == 0 or _may_end(node.part)
    return (all if isinstance(node, Row) else any)(map(_may_end, node.parts))


@lru_cache(maxsize=4096)
def _after(node: Node, char: int) -> Node:
    if isinstance(node, One):
        return EMPTY if any(low <= char <= high for low, high in node.ranges) else NOTHING
    if isinstance(node, Choice):
        return _choice([_after(part, char) for part in node.parts])
    if isinstance(node, Repeat):
        rest = Repeat(node.part, max(0, node.least - 1), None if node.most is None else node.most - 1)
        return NOTHING if node.most == 0 else _row(_after(node.part, char), rest)
    if not node.parts:
        return NOTHING
    first, rest = node.parts[0], Row(node.parts[1:])
    ways = [_row(_after(first, char), rest)]
    return _choice([*ways, _after(rest, char)] if _may_end(first) else ways)


def _choice(ways: list[Node]) -> Node:
    flat = dict.fromkeys(part for way in ways for part in (way.parts if isinstance(way, Choice) else (way,)))
    return next(iter(flat)) if len(flat) == 1 else Choice(tuple(flat))


def _row(first: Node, rest: Node) -> Node:
    if first == NOTHING:
        return NOTHING
    if isinstance(rest, Repeat) and rest.most == 0:
        rest = EMPTY
    parts = tuple(part for one in (first, rest) for part in (one.parts if isinstance(one, Row) else (one,)))
    return parts[0] if len(parts) == 1 else Row(parts)


# Inputs


_PIECES = (
    "a", "b", "0", ".", "\\d", "\\w", "\\s", "\\D", "\\W", "\\S", "\\.", "\\$", "\\\\", "\\x41", "\\u00e9", "é", "\U0001f40e", "[a-c]", "[^a]", "[\\d-]", "[-a]", "[]", "[^]", "[a\\]]", "[[:alpha:]]", "(", ")", "(?:", "(a|b)", "|", "*", "+", "?", "{2}",
    "{1,3}", "{0,2}", "{2,}", "{,3}", "{3,1}", "{0}", "{2000}", "^", "$", "(?i)", "(?=a)", "\\1", "\\b", "\\Z", "(?P<n>a)", "(a*)*", "(a|aa)+", "(a?){5}", "((a{0,5}){0,5})*", "-", "&&", "\n", "\u2028", "\r", "[a-\\d]", "[z-a]", "\\p{L}", "{", "}", "]", "\\",
)  # fmt: skip
_VALUES = ("", "a", "aa", "ab", "aab", "b", "0", "_", "é", "a\n", "\n", "\u2028", "\U0001f40e", "$", "A", "aaaaaaaaab", " ", "a" * 40, "-", "\\", "٣", "ſ", "K")
SEEDS = ("[a-z0-9-]{1,63}", "https://[A-Za-z0-9.-]+\\.salesforce\\.com", "(a+)+", "a|b|", "^a$", "(?:ab){2,3}c?", "\\w+@\\w+", "[^/]*", "x{0,2}(y|z)*", "\\d{4}-\\d\\d", "a$|b", ".")


def mutate(data: bytes, chance: Random) -> bytes:
    """Pieces of patterns put in, taken out, wrapped; other values."""
    text, *values = data.decode("utf-8", "replace").split(BETWEEN)
    at = chance.randrange(len(text) + 1)
    deed = chance.randrange(7)
    if deed < 3:
        text = text[:at] + chance.choice(_PIECES) + text[at:]
    elif deed == 3:
        text = text[:at] + text[at + chance.randint(1, 4) :]
    elif deed == 4:
        end = min(len(text), at + chance.randint(1, 8))
        text = f"{text[:at]}({text[at:end]}){chance.choice(('', '*', '+', '?', '{2}', '{0,3}'))}{text[end:]}"
    elif deed == 5:
        text += chance.choice(("|", "")) + chance.choice(SEEDS)
    if not values or chance.random() < 0.6:
        values.insert(0, chance.choice(_VALUES) if chance.random() < 0.5 else "".join(chance.choice("ab0_é\n-. ") for _ in range(chance.randint(0, 8))))
    return BETWEEN.join([text, *values[:4]]).encode("utf-8", "replace")


def seeds() -> Iterable[bytes]:
    """Patterns as profiles have them, each with every value."""
    for text in (*SEEDS, *_PIECES):
        yield BETWEEN.join([text, *_VALUES[:5]]).encode()
        yield BETWEEN.join([text, *_VALUES[5:10]]).encode()


def plant() -> AbstractContextManager[None]:
    """`.` meets U+2028 and U+2029, as Python's does."""
    return planted(syntax, "_ANY", syntax.all_but(syntax._set("\n", "\r")), pattern.compile_pattern.cache_clear)


TARGET = Target(
    name="patterns",
    modules=("authweave.patterns",),
    check=check,
    seeds=seeds,
    mutate=mutate,
    words=tuple(piece.encode() for piece in (*_PIECES, *_VALUES, BETWEEN) if piece),
    plant=plant,
    planted="`.` meets U+2028 and U+2029, as it does in Python and not in ECMA-262",
    longest=2000,
    found=(),
)

if __name__ == "__main__":
    from fuzzing import command

    sys.exit(command(TARGET))
