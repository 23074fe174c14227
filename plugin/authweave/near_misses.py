"""The name that somebody probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice
from typing import Final

_LONGEST: Final = 60
_MOST: Final = 100


def near_miss(word: str, known: Iterable[str], *, likeness: float = 0.6) -> str:
    """The known name that looks most like `word`, or empty text. Long words and long lists are not looked through."""
    if len(word) > _LONGEST:
        return ""
    alike = (name for name in known if abs(len(name) - len(word)) <= max(3, len(word) // 2))
    names = {name.lower(): name for name in islice(alike, _MOST)}
    found = get_close_matches(word.lower(), names, 1, likeness)
    return names[found[0]] if found else ""


def did_you_mean(word: str, known: Iterable[str], otherwise: str, *, likeness: float = 0.6) -> str:
    """`did you mean …?`, or what to say where nothing is near."""
    near = near_miss(word, known, likeness=likeness)
    return f"did you mean `{near}`?" if near else otherwise


def shown(name: str) -> str:
    """A name that can be printed: long or unprintable ones are cut and escaped."""
    return name if len(name) <= 40 and name.isprintable() else f"{name[:37]!a}…"
