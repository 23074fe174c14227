"""Plain data as YAML that people read and `documents` reads back: block style, a comment where one is wanted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from authweave.documents.plain_scalars import is_text
from authweave.values import Path

Note = Callable[[Path], str]

_PLAIN: Final = re.compile(r"[A-Za-z/][^\s#:]*(?:[ ](?![ #])[^\s#:]+|:(?=[^\s])[^\s#:]*|#[^\s#:]*)*")
_MISREAD: Final = re.compile(r"(?i)y|n|yes|no|on|off")
"""Words that other readers (YAML 1.1) take for true and false."""


def yaml_text(data: Any, note: Note) -> str:
    """The data, with `note(path)` as a comment behind the line of a path; '' for none."""
    return "\n".join(_block(data, (), note, "")) + "\n"


def scalar(value: Any) -> str:
    """One value on one line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, int | float) else _text(str(value))


def _block(data: Any, path: Path, note: Note, indent: str) -> Iterator[str]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _entry(f"{indent}{_text(key)}:", value, (*path, key), note, f"{indent}  ")
    else:
        for index, value in enumerate(data):
            yield from _item(value, (*path, index), note, indent)


def _entry(head: str, value: Any, path: Path, note: Note, indent: str) -> Iterator[str]:
    comment = _comment(note(path))
    if isinstance(value, dict | list) and value:
        yield f"{head}{comment}"
        yield from _block(value, path, note, indent)
    else:
        yield f"{head} {_leaf(value)}{comment}"


def _item(value: Any, path: Path, note: Note, indent: str) -> Iterator[str]:
    """The first line of an item takes the place of its own indent."""
    if isinstance(value, dict | list) and value:
        first, *others = _block(value, path, note, f"{indent}  ")
        yield f"{indent}- {first.removeprefix(f'{indent}  ')}"
        yield from others
    else:
        yield f"{indent}- {_leaf(value)}{_comment(note(path))}"


def _leaf(value: Any) -> str:
    return "{}" if value == {} else "[]" if value == [] else scalar(value)


def _comment(text: str) -> str:
    return f"  # {text}" if text else ""


def _text(text: str) -> str:
    if not text.isprintable():
        return '"' + "".join(map(_escaped, text)) + '"'
    if _PLAIN.fullmatch(text) and not _MISREAD.fullmatch(text) and is_text(text):
        return text
    return "'" + text.replace("'", "''") + "'"


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    return {10: "\\n", 9: "\\t"}.get(code) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}")
