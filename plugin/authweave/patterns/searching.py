"""Patterns of JSON Schemas: found anywhere in a text, unless they say `^` or `$`, in time that grows with the text alone."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Final

from authweave.errors import PatternError
from authweave.patterns.pattern import compile_pattern

END: Final = r"(?![\s\S])"
"""The end of the text, for ECMA-262 and Python alike."""
_ANY: Final = r"[\s\S]*"
_proven: Final[dict[str, Callable[[str], bool]]] = {}

Search = Callable[[str], bool]


def note_proven(*patterns: str) -> None:
    """Let Python's own engine run these patterns of ours, which a test shows to be linear: it is quicker."""
    for pattern in patterns:
        _proven[pattern] = _by_python(pattern)


def proven() -> frozenset[str]:
    """The patterns that were noted."""
    return frozenset(_proven)


@functools.lru_cache(maxsize=256)
def searching(pattern: str) -> Search:
    """Is the pattern found in a text? Raises PatternError for one that cannot run in linear time, or that languages read differently."""
    if pattern in _proven:
        return _proven[pattern]
    begins, ends = pattern.startswith("^"), next((end for end in (END, "$") if pattern.endswith(end) and not pattern.endswith("\\$")), "")
    body = pattern[1:] if begins else pattern
    body = body.removesuffix(ends)
    if "|" in body:  # an anchor of one way is not one of all: `^a|b`
        compile_pattern(body)
        if (begins or ends) and not _is_one_group(body):
            raise PatternError("a `^` or `$` beside a choice", "put the ways into a group: ^(?:a|b)$")
    whole = f"{'' if begins else _ANY}(?:{body}){'' if ends else _ANY}"
    return compile_pattern(whole).matches


def _is_one_group(body: str) -> bool:
    """Does every `|` stand inside of a group or set?"""
    plain = re.sub(r"\\.|\[(?:\\.|[^\]])*\]", "", body)
    depth = 0
    for character in plain:
        depth += (character == "(") - (character == ")")
        if character == "|" and not depth:
            return False
    return True


def _by_python(pattern: str) -> Search:
    search = re.compile(pattern).search
    return lambda text: search(text) is not None
