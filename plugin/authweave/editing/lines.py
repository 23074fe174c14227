"""Which lines of a text a change is about."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lines:
    """`old` stood from the line `number` (1-based) on, `new` stands there now; without line ends."""

    number: int
    old: tuple[str, ...]
    new: tuple[str, ...]


def changed_lines(before: str, after: str) -> Lines:
    """The lines that differ between two texts, from the first to the last."""
    old, new = re.split(r"\r\n|\n|\r", before), re.split(r"\r\n|\n|\r", after)
    shorter = min(len(old), len(new))
    first = next((index for index in range(shorter) if old[index] != new[index]), shorter)
    last = next((index for index in range(shorter - first) if old[-1 - index] != new[-1 - index]), shorter - first)
    return Lines(first + 1, tuple(old[first : len(old) - last]), tuple(new[first : len(new) - last]))
