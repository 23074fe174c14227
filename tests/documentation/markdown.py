"""Pages of Markdown, taken apart as far as the tests look at them: fenced blocks, tables, headings, links, code."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCED = re.compile(r"(?ms)^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```[ ]*$")
_COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
_HEADING = re.compile(r"(?m)^(#+) +(.+?) *$")
_LINK = re.compile(r"(?<!!)\[[^\]\[]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_CELL = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class Block:
    """A fenced block: where it begins, the words after the fence, and its text. `task` is the comment before it."""

    page: str
    line: int
    words: tuple[str, ...]
    text: str
    task: str = ""

    @property
    def language(self) -> str:
        return self.words[0] if self.words else ""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Page:
    """One file."""

    name: str
    text: str

    @property
    def blocks(self) -> list[Block]:
        """Every fenced block, in order."""
        return [self._block(found) for found in _FENCED.finditer(self.text)]

    @property
    def prose(self) -> str:
        """The text without fenced blocks and comments; lines keep their numbers."""
        without = _FENCED.sub(lambda found: "\n" * found[0].count("\n"), self.text)
        return _COMMENT.sub(lambda found: "\n" * found[0].count("\n"), without)

    @property
    def headings(self) -> list[str]:
        """The titles of its sections."""
        return [_plain(found[2]) for found in _HEADING.finditer(self.prose)]

    @property
    def anchors(self) -> set[str]:
        """What a link can lead to, as GitHub names it."""
        return {_anchor(title) for title in self.headings}

    @property
    def links(self) -> list[str]:
        """Where its links lead."""
        return _LINK.findall(self.prose)

    @property
    def code(self) -> list[str]:
        """What stands in backticks."""
        return _CODE.findall(self.prose)

    def section(self, title: str) -> str:
        """The prose under a heading, up to the next one. Raises KeyError if there is no such heading."""
        headings = list(_HEADING.finditer(self.prose))
        for found, following in zip(headings, [*headings[1:], None], strict=True):
            if _plain(found[2]) == title:
                return self.prose[found.end() : following.start() if following else None]
        raise KeyError(title)

    def rows(self, title: str, head: str) -> list[list[str]]:
        """The rows of the tables of a section whose first column is headed so; cells as they are written."""
        rows: list[list[str]] = []
        for table in re.findall(r"(?m)(?:^\|.*\|[ ]*\n)+", self.section(title) + "\n"):
            first, _, *others = [_cells(line) for line in table.splitlines()]
            if _plain(first[0]) == head:
                rows += others
        return rows

    def _block(self, found: re.Match[str]) -> Block:
        line = self.text.count("\n", 0, found.start()) + 1
        before = _COMMENT.findall(self.text[: found.start()].rstrip().rpartition("\n")[2])
        task = before[0].strip().removeprefix("task:").strip() if before and "task:" in before[0] else ""
        return Block(self.name, line, tuple(found["info"].split()), textwrap.dedent(found["text"]), task)


def page(name: str) -> Page:
    """The page at a path below the repository."""
    return Page(name, (ROOT / name).read_text())


def pages() -> list[Page]:
    """What people read first, and everything in docs/."""
    names = ["README.md", "CONTRIBUTING.md", "SECURITY.md", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))]
    return [page(name) for name in names]


def names_in(cell: str) -> list[str]:
    """The words in backticks of a cell."""
    return _CODE.findall(cell)


def blocks_in(language: str) -> Iterator[Block]:
    """Every block of a language, on every page."""
    return (block for each in pages() for block in each.blocks if block.language == language)


def _cells(line: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in _CELL.split(line)[1:-1]]


def _plain(title: str) -> str:
    return title.replace("`", "")


def _anchor(title: str) -> str:
    kept = re.sub(r"[^\w\- ]", "", title.lower())
    return kept.replace(" ", "-")
