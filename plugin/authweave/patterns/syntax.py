"""The regular expressions that ECMA-262 and Python read alike, as a tree.

What the two read differently, and what cannot be run in linear time, is refused with a word on what to write instead.
`\\d`, `\\w` and `\\s` mean ASCII; `.` is any character but a line end (LF, CR, U+2028, U+2029), as in ECMA-262.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NoReturn

from authweave.errors import PatternError

LENGTH: Final = 500
NESTING: Final = 30
COUNT: Final = 2000

Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class One:
    """One character out of a set, held as sorted ranges of code points that do not touch."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Row:
    """Parts one after another; no parts: the empty text."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A part `least` to `most` times; `most` None is without end."""

    part: Node
    least: int
    most: int | None


Node = One | Row | Choice | Repeat
EMPTY: Final = Row(())
_LAST: Final = 0x10FFFF


def parse(text: str) -> Node:
    """The tree of a pattern that meets a whole value. Raises PatternError."""
    if len(text) > LENGTH:
        raise PatternError(f"the pattern has {len(text)} characters", f"at most {LENGTH} are allowed")
    return _Reader(text).whole()


def united(ranges: list[tuple[int, int]]) -> Ranges:
    """Sorted ranges without overlaps."""
    joined: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return tuple(joined)


def all_but(ranges: Ranges) -> Ranges:
    """Every other character."""
    left, start = [], 0
    for low, high in ranges:
        if low > start:
            left.append((start, low - 1))
        start = high + 1
    return (*left, (start, _LAST)) if start <= _LAST else tuple(left)


def _set(*bounds: str) -> Ranges:
    return united([(ord(pair[0]), ord(pair[-1])) for pair in bounds])


_CLASSES: Final = {"d": _set("09"), "w": _set("az", "AZ", "09", "_"), "s": _set("\t\r", " ")}
_CLASSES.update({letter.upper(): all_but(ranges) for letter, ranges in tuple(_CLASSES.items())})
_ANY: Final = all_but(_set("\n", "\r", "\u2028\u2029"))
_CONTROLS: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v"}
_HEX: Final = {"x": 2, "u": 4}
_QUANTIFIERS: Final = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_REFUSED_GROUPS: Final = (
    ("(?=", "look-ahead", "say what the value is, not what follows it"),
    ("(?!", "look-ahead", "say what the value is, not what it is not"),
    ("(?<=", "look-behind", "say what the value is, not what stands before it"),
    ("(?<!", "look-behind", "say what the value is, not what stands before it"),
    ("(?>", "an atomic group", "write a plain group ( )"),
    ("(?(", "a condition", "write the ways as a choice: a|b"),
    ("(?P=", "a backreference", "write the part again"),
    ("(?P", "a named group", "write a plain group ( )"),
    ("(?<", "a named group", "write a plain group ( )"),
    ("(?#", "a comment", "leave it out"),
    ("(?", "a flag", "write both cases, such as [Aa]"),
)


class _Reader:
    """A reading of one pattern from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0

    def whole(self) -> Node:
        node = self.choice()
        if self.at < len(self.text):
            self.refuse("a `)` that closes nothing", "escape it: \\)")
        return node

    def refuse(self, what: str, fix: str = "", *, back: int = 0) -> NoReturn:
        raise PatternError(f"{what} at character {self.at - back + 1} of the pattern", fix)

    def sees(self, text: str) -> bool:
        return self.text.startswith(text, self.at)

    def takes(self, text: str) -> bool:
        found = self.sees(text)
        self.at += len(text) if found else 0
        return found

    def choice(self) -> Node:
        ways = [self.row()]
        while self.takes("|"):
            ways.append(self.row())
        return either(ways)

    def row(self) -> Node:
        if self.depth == 0:
            self.takes("^")
        parts: list[Node] = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            if self.is_end():
                break
            parts.append(self.repeated(self.atom()))
        filled = [part for part in parts if part != EMPTY]
        return filled[0] if len(filled) == 1 else Row(tuple(filled))

    def is_end(self) -> bool:
        """A `$` that ends the pattern, or one of its ways: it says nothing new, as the whole value is met anyway."""
        if self.depth or not (self.text[self.at:] == "$" or self.sees("$|")):
            return False
        self.at += 1
        return True

    def atom(self) -> Node:
        char = self.text[self.at]
        if char == "(":
            return self.group()
        if char == "[":
            return One(self.set())
        if char == "\\":
            return One(self.escape(in_set=False))
        if char in "^$":
            self.refuse(f"a `{char}` inside", f"the whole value is met anyway; a literal one is \\{char}")
        if char in "*+?":
            self.refuse(f"a `{char}` that repeats nothing", f"escape it: \\{char}")
        if char in "{}]":
            self.refuse(f"a `{char}` on its own", f"escape it: \\{char}")
        self.at += 1
        return One(_ANY if char == "." else ((ord(char), ord(char)),))

    def group(self) -> Node:
        self.depth += 1
        if self.depth > NESTING:
            self.refuse(f"groups nested deeper than {NESTING}", "write it flatter")
        if not self.takes("(?:"):
            for opening, what, fix in _REFUSED_GROUPS:
                if self.sees(opening):
                    self.refuse(what, fix)
            self.at += 1
        node = self.choice()
        if not self.takes(")"):
            self.refuse("a group without its `)`", "close it, or escape the `(`: \\(")
        self.depth -= 1
        return node

    def repeated(self, node: Node) -> Node:
        if self.at == len(self.text) or self.text[self.at] not in "*+?{":
            return node
        least, most = self.quantifier()
        if self.takes("+"):
            self.refuse("a possessive quantifier", "leave the second `+` out", back=1)
        self.takes("?")  # lazy: for a whole value it makes no difference
        if self.at < len(self.text) and self.text[self.at] in "*+?{":
            self.refuse("a quantifier after a quantifier", "put the first one into a group")
        return simplified(node, least, most)

    def quantifier(self) -> tuple[int, int | None]:
        char = self.text[self.at]
        self.at += 1
        if char != "{":
            return _QUANTIFIERS[char]
        written, closed, _ = self.text[self.at:].partition("}")
        least, comma, most = written.partition(",")
        if not closed or not _is_count(least) or not (_is_count(most) or not most):
            self.refuse("a `{` that is no count", "write {3}, {3,} or {3,5}, or escape it: \\{", back=1)
        self.at += len(written) + 1
        low, high = int(least), int(most) if most else (None if comma else int(least))
        if high is not None and high < low:
            self.refuse(f"{{{written}}} counts down", f"write {{{high},{low}}}", back=len(written) + 2)
        if max(low, high or 0) > COUNT:
            self.refuse(f"a count over {COUNT}", "leave the upper end open: {1,}", back=len(written) + 2)
        return low, high

    def set(self) -> Ranges:
        start = self.at
        self.at += 1
        negated = self.takes("^")
        ranges: list[tuple[int, int]] = []
        while not self.sees("]"):
            ranges += self.set_part(first=not ranges)
        self.at += 1
        if not ranges:
            self.refuse("an empty set", "name its characters, or escape the `[`", back=self.at - start)
        return all_but(united(ranges)) if negated else united(ranges)

    def set_part(self, *, first: bool) -> Ranges:
        low = self.set_atom(edge=first)
        if not self.sees("-") or self.sees("-]"):
            return low
        self.at += 1
        if self.sees("-"):
            self.refuse("`--` inside a set", "escape the `-`: \\-", back=1)
        high = self.set_atom(edge=False)
        if not (_is_single(low) and _is_single(high)):
            self.refuse("a range with a class such as \\d at its end", "put the `-` last in the set", back=1)
        if high[0][0] < low[0][0]:
            self.refuse("a range that counts down", "turn it around", back=1)
        return ((low[0][0], high[0][0]),)

    def set_atom(self, *, edge: bool) -> Ranges:
        if self.at >= len(self.text):
            self.refuse("a set without its `]`", "close it, or escape the `[`: \\[")
        char = self.text[self.at]
        if char == "\\":
            return self.escape(in_set=True)
        if char == "[":
            self.refuse("a `[` inside a set", "escape it: \\[")
        if char == "-" and not edge and not self.sees("-]"):
            self.refuse("a `-` inside a set", "escape it, or put it last: \\-")
        if char in "-&|~" and self.sees(char * 2):
            self.refuse(f"`{char * 2}` inside a set", "write the character once")
        self.at += 1
        return ((ord(char), ord(char)),)

    def escape(self, *, in_set: bool) -> Ranges:
        if self.at + 1 == len(self.text):
            self.refuse("a `\\` at the end", "write \\\\ for a backslash")
        char = self.text[self.at + 1]
        if char in _CLASSES:
            self.at += 2
            return _CLASSES[char]
        if char in _HEX:
            return self.by_number(_HEX[char])
        if char.isalnum() or not char.isascii():
            self.refuse_escape(char, in_set=in_set)
        if char in _CONTROLS:
            char = _CONTROLS[char]
        self.at += 2
        return ((ord(char), ord(char)),)

    def by_number(self, digits: int) -> Ranges:
        written = self.text[self.at + 2:self.at + 2 + digits]
        if len(written) < digits or not set(written) <= set("0123456789abcdefABCDEF"):
            self.refuse("an escape by number that is not complete", "write \\x20 or \\u00e9")
        number = int(written, 16)
        if 0xD800 <= number <= 0xDFFF:
            self.refuse("half of a character", "write the character itself")
        self.at += 2 + digits
        return ((number, number),)

    def refuse_escape(self, char: str, *, in_set: bool) -> None:
        if char in _CONTROLS:
            return
        if char == "0":
            self.refuse("`\\0`", "write \\x00")
        if char in "123456789" and not in_set:
            self.refuse("a backreference", "write the part again")
        if char in "bB" and not in_set:
            self.refuse("a word boundary", "say which characters the value is made of")
        if char in "AZz":
            self.refuse(f"`\\{char}`", "leave it out: the whole value is met anyway")
        self.refuse(f"the escape `\\{char}`", "ECMA-262 and Python do not read it alike; write the character itself")


def either(ways: list[Node]) -> Node:
    """A choice, with the ways of one character made one set."""
    characters = [way for way in ways if isinstance(way, One)]
    others: list[Node] = [way for way in ways if not isinstance(way, One)]
    if characters:
        others.append(One(united([part for way in characters for part in way.ranges])))
    return others[0] if len(others) == 1 else Choice(tuple(others))


def simplified(node: Node, least: int, most: int | None) -> Node:
    """`node` repeated, with repeats of repeats made one where that means the same."""
    if node == EMPTY or most == 0:
        return EMPTY
    if (least, most) == (1, 1):
        return node
    if isinstance(node, Repeat) and node.least <= 1 and node.most is None:
        return Repeat(node.part, least if node.least else 0, None)
    if isinstance(node, Repeat) and (node.least, node.most) == (0, 1):
        return Repeat(node.part, 0, most)
    return Repeat(node, least, most)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 6


def _is_single(ranges: Ranges) -> bool:
    return len(ranges) == 1 and ranges[0][0] == ranges[0][1]
