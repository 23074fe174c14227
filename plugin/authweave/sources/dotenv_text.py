"""Lines of KEY=VALUE, read strictly: no interpolation, nothing is run, and what is doubtful is refused.

    # a comment, or after a value behind a space
    export KEY=value            the rest of the line, without spaces at its ends
    KEY='a literal value'       everything to the next ', line ends as well
    KEY="a\\nb"                  the same with \\n \\r \\t \\\\ \\" \\$ as in a shell's $'…' and "…"
"""

from __future__ import annotations

import re
from typing import Final

_LINE: Final = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=")
_BLANK: Final = re.compile(r"[ \t]*(?:#[^\n]*)?\r?(?:\n|\Z)")
_BARE: Final = re.compile(r"[^\n]*")
_QUOTE: Final = re.compile(r"""[ \t]*(["'])""")
_IN_DOUBLE_QUOTES: Final = re.compile(r'(?:[^"\\]|\\.)*+"', re.DOTALL)
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "$": "$"}


class NotDotenv(Exception):
    """What is wrong, on which line; the message never holds a value."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def parse(text: str) -> dict[str, str]:
    """Every variable of the text. Raises NotDotenv."""
    return _Reader(text.removeprefix("\ufeff")).whole()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[str, str] = {}
        self.lines: dict[str, int] = {}

    def whole(self) -> dict[str, str]:
        while self.at < len(self.text):
            if blank := _BLANK.match(self.text, self.at):
                self.at = blank.end()
            else:
                self.assignment()
        return self.found

    def line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1

    def assignment(self) -> None:
        line = self.line()
        named = _LINE.match(self.text, self.at)
        if not named:
            raise NotDotenv(line, "is not of the form KEY=value")
        if named[1] in self.lines:
            raise NotDotenv(line, f"sets {named[1]} again, after line {self.lines[named[1]]}")
        self.at = named.end()
        quote = _QUOTE.match(self.text, self.at)
        value = self.quoted(quote) if quote else self.bare()
        if "\0" in value:
            raise NotDotenv(line, f"holds a NUL character in the value of {named[1]}")
        self.found[named[1]] = value
        self.lines[named[1]] = line

    def bare(self) -> str:
        found = _BARE.match(self.text, self.at)
        value = found[0] if found else ""
        self.at += len(value) + 1
        if self.at <= len(self.text):  # a line feed follows: it may be the end of a CRLF
            value = value.removesuffix("\r")
        comment = re.search(r"[ \t]#", value)
        return (value[:comment.start()] if comment else value).strip(" \t")

    def quoted(self, opening: re.Match[str]) -> str:
        line, quote = self.line(), opening[1]
        self.at = opening.start(1)
        end = self.closing(quote)
        if end < 0:
            raise NotDotenv(line, f"opens a {quote} that is not closed")
        inside = self.text[self.at + 1:end]
        value = inside if quote == "'" else self.unescaped(inside, line)
        self.at = end + 1
        rest = _BLANK.match(self.text, self.at)
        if not rest:
            raise NotDotenv(self.line(), f"goes on after the closing {quote}")
        self.at = rest.end()
        return value

    def closing(self, quote: str) -> int:
        if quote == "'":
            return self.text.find(quote, self.at + 1)
        found = _IN_DOUBLE_QUOTES.match(self.text, self.at + 1)
        return found.end() - 1 if found else -1

    def unescaped(self, inside: str, line: int) -> str:
        def one(found: re.Match[str]) -> str:
            if found[1] not in _ESCAPES:
                raise NotDotenv(line, "escapes what needs no escape in double quotes; use single quotes, or \\\\")
            return _ESCAPES[found[1]]

        return re.sub(r"\\(.)", one, inside, flags=re.DOTALL)
