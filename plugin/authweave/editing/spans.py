"""Where each part of a text stands, from its first character to behind its last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from authweave.values import Path

Kind = Literal["map", "list", "scalar"]
Style = Literal["block", "flow", "plain", "single", "double", "text"]
"""Of maps and lists block or flow; of scalars how they are quoted; `text` for those that `|` or `>` begins."""


@dataclass(frozen=True, slots=True)
class Span:
    """A value in a text. `members` are those of a map or list, in order."""

    kind: Kind
    style: Style
    start: int
    end: int
    members: tuple[Member, ...] = ()

    def below(self, path: Path) -> Span:
        """The part at a path that is there."""
        span = self
        for part in path:
            span = span.member(part).value
        return span

    def member(self, part: str | int) -> Member:
        """The member of this key or index, which is there."""
        return next(member for index, member in enumerate(self.members) if part in (member.name, index))


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a map, with its key; or of a list: then the name is None, and the key is where the value begins."""

    name: str | None
    key: Span
    value: Span


def line_start(text: str, at: int) -> int:
    """Where the line begins in which a character stands."""
    return max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1


def line_end(text: str, at: int) -> int:
    """Where the line ends, before its line break."""
    ends = [end for end in (text.find("\n", at), text.find("\r", at)) if end >= 0]
    return min(ends, default=len(text))


def line_break(text: str) -> str:
    """How the lines of the text end."""
    end = line_end(text, 0)
    return "\r\n" if text.startswith("\r\n", end) else text[end : end + 1] or "\n"
