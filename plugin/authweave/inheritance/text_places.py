"""Where in a file a character of a text stands: a template's fault in a long or folded text has its own line and column."""

from __future__ import annotations

import re
from typing import Any, Final

from authweave.values import Document, Mark, Path

_LINE_END: Final = re.compile(r"\r\n?|\n")
_NEEDLE: Final = 16


def mark_within(document: Document, path: Path, offset: int) -> Mark | None:
    """The place of character `offset` of the text at `path`; that of the whole text where it cannot be found.

    Quotes, folding and escapes are not undone: the words at `offset` are looked for in the file.
    """
    start = document.marks.get(path)
    text = _at(document.data, path)
    if start is None or offset <= 0 or not isinstance(text, str):
        return document.mark(path)
    needle = _LINE_END.split(text[offset : offset + _NEEDLE])[0].rstrip()
    found = _find(document.text, needle, _index(document.text, start), text.count(needle, 0, offset)) if needle else -1
    return start if found < 0 else _mark(document.text, found)


def _find(text: str, needle: str, start: int, earlier: int) -> int:
    found = text.find(needle, start)
    for _ in range(earlier):
        if found >= 0:
            found = text.find(needle, found + len(needle))
    return found


def _index(text: str, mark: Mark) -> int:
    ends = [0, *(found.end() for found in _LINE_END.finditer(text))]
    return ends[min(mark.line, len(ends)) - 1] + mark.column - 1


def _mark(text: str, index: int) -> Mark:
    ends = [0, *(found.end() for found in _LINE_END.finditer(text, 0, index))]
    return Mark(len(ends), index - ends[-1] + 1)


def _at(data: Any, path: Path) -> Any:
    for part in path:
        if isinstance(data, dict):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            return None
    return data
