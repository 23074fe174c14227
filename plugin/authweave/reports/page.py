"""A page of text for a terminal: no line is wider than it, whatever stands in it, and colour only where it is wanted."""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Self, TextIO

from authweave.redaction import inert

NARROWEST: Final = 20
_DEFAULT: Final = 100
RULE: Final = 100
"""The longest line that is drawn, however wide the page."""
_STYLES: Final[Mapping[str, str]] = {
    "ok": "32", "failed": "31", "warning": "33", "skipped": "2", "title": "1", "dim": "2", "code": "1;31", "odd": "1;33", "key": "36", "banner": "7", "old": "31", "new": "32", "": "",
}  # fmt: skip
_ASCII: Final = str.maketrans({
    "✓": "+", "✗": "x", "–": "-", "—": "-", "‹": "<", "›": ">", "…": "...", "→": "->", "←": "<-", "“": '"', "”": '"',
    "‘": "'", "’": "'", "·": "-", "│": "|", "−": "-", "─": "-",
})  # fmt: skip


@dataclass(slots=True)
class Page:
    """Lines, as they are added. `width` in cells; `colour` with ANSI; `unicode` False writes ASCII only."""

    width: int = _DEFAULT
    colour: bool = False
    unicode: bool = True
    lines: list[str] = field(default_factory=list)

    @classmethod
    def for_stream(cls, stream: TextIO, environ: Mapping[str, str] = os.environ) -> Self:
        """A page that fits what the stream leads to. NO_COLOR (no-color.org) and TERM=dumb mean no colour."""
        is_terminal = stream.isatty()
        wants_colour = is_terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        columns = shutil.get_terminal_size((_DEFAULT, 24)).columns if is_terminal or environ.get("COLUMNS") else _DEFAULT
        return cls(max(columns, NARROWEST), wants_colour, _can_write(stream))

    def text(self) -> str:
        """Everything so far."""
        return "\n".join(line.rstrip() for line in self.lines) + "\n"

    def blank(self) -> None:
        """An empty line; never two."""
        if self.lines and self.lines[-1]:
            self.lines.append("")

    def add(self, text: str, *, lead: str = "", indent: int = 0, style: str = "", lead_style: str = "") -> None:
        """A paragraph: `lead` stands before its first line, and the others begin below its end where there is room.

        Line ends in `text` are kept; what else could move a cursor is written as an escape.
        """
        lead = self.fit(lead)
        room = self.width - indent - cells(lead)
        if lead and room < min(NARROWEST, self.width // 2):
            self.add(lead.rstrip(), indent=indent, style=lead_style)
            if text:
                self.add(text, indent=min(indent + 2, self.width // 4), style=style)
            return
        pieces = [piece for line in (text.split("\n") or [""]) for piece in wrapped(self.fit(line), room)]
        for number, piece in enumerate(pieces):
            front = self.paint(lead, lead_style) if number == 0 else " " * cells(lead)
            self.lines.append(" " * indent + front + self.paint(piece, style))

    def rule(self, title: str) -> None:
        """A line across the page with a title in it, after an empty one: here something else begins."""
        self.blank()
        front, words = self.fit("── "), self.fit(title)
        room = self.width - cells(front) - cells(words) - 1
        if room < 2:
            self.add(title, style="title")
            return
        tail = self.fit("─") * min(room, RULE - cells(front) - cells(words) - 1)
        self.lines.append(f"{self.paint(front, 'dim')}{self.paint(words, 'title')} {self.paint(tail, 'dim')}")

    def fit(self, text: str) -> str:
        """The text without what moves a cursor, and in the characters that can be written."""
        text = inert(text.replace("\t", "    "))
        return text if self.unicode else text.translate(_ASCII).encode("ascii", "backslashreplace").decode()

    def paint(self, text: str, style: str) -> str:
        """The text in a style, if there is colour."""
        code, bare = _STYLES.get(style, ""), text.rstrip()
        return f"\x1b[{code}m{bare}\x1b[0m{text[len(bare):]}" if self.colour and code and bare else text


def cells(text: str) -> int:
    """How many columns a text takes: wide characters two, combining ones none."""
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def wrapped(text: str, width: int) -> Iterator[str]:
    """The text in lines of at most `width` cells, broken at spaces where that is possible."""
    width = max(width, 2)
    line = ""
    for word in re.findall(r"\s+|\S+", text):
        if cells(line) + cells(word) <= width:
            line += word
            continue
        if line.strip():
            yield line.rstrip()
            line = ""
        if word.isspace():
            continue
        *full, line = _cut(word, width)
        yield from full
    yield line


def _cut(word: str, width: int) -> Iterator[str]:
    part, taken = "", 0
    for character in word:
        size = _cells_of(character)
        if taken + size > width:
            yield part
            part, taken = "", 0
        part, taken = part + character, taken + size
    yield part


def _cells_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _can_write(stream: TextIO) -> bool:
    try:
        "✓✗–‹›…→←".encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
