"""Texts of strangers in a YAML file: as values that stay what they are, and in comments that they cannot leave."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable
from typing import Any, Final

from authweave.documents.hidden_characters import without_hidden
from authweave.documents.plain_scalars import is_text

WIDTH: Final = 110
LONGEST_COMMENT: Final = 300
"""Characters of one text of a stranger; a whole comment may have more of them."""
_WHOLE: Final = 4000
_PLAIN: Final = re.compile(r"[A-Za-z0-9/._][A-Za-z0-9/._:@=+~-]*(?: [A-Za-z0-9/._=+~()-]+)*[.]?", re.ASCII)
_IN_FLOW: Final = re.compile(r"[A-Za-z0-9._/][A-Za-z0-9._/-]*(?: [A-Za-z0-9._/-]+)*", re.ASCII)
_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7a\x7c\x7e]+", re.ASCII)
_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*", re.ASCII)


def scalar(value: Any, *, in_flow: bool = False) -> str:
    """A value as one YAML scalar. `in_flow`: inside `[ ]` or `{ }`. Line breaks become escapes, so it is always one line."""
    if isinstance(value, bool) or not isinstance(value, str):
        return json.dumps(value)
    plain = _IN_FLOW if in_flow else _PLAIN
    if plain.fullmatch(value) and not value.endswith(":") and ": " not in value and is_text(value):
        return value
    if value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    return json.dumps(value)


def key(name: str) -> str:
    """A name as the key of a map."""
    return name if _KEY.fullmatch(name) and is_text(name) else scalar(name, in_flow=True)


def flow(items: Iterable[Any]) -> str:
    """A list on one line."""
    return f"[{', '.join(scalar(item, in_flow=True) for item in items)}]"


def flow_map(**members: Any) -> str:
    """A map on one line."""
    return f"{{{', '.join(f'{key(name)}: {scalar(value, in_flow=True)}' for name, value in members.items())}}}"


def harmless(text: str, longest: int = LONGEST_COMMENT) -> str:
    """What can stand in a comment: one line of characters that everybody sees."""
    shown = "".join(character if character.isprintable() else "?" for character in without_hidden(text[: longest + 1]))
    return f"{shown[:longest]}…" if len(shown) > longest else shown


def comment(text: str, indent: str = "") -> list[str]:
    """A text as lines of comment; nothing in it ends a line or hides."""
    width = WIDTH - len(indent) - 2
    return [f"{indent}# {line}" for line in textwrap.wrap(harmless(text, _WHOLE), width, break_long_words=False, break_on_hyphens=False)]


def is_scope(text: str) -> bool:
    """Is it one scope (RFC 6749 §3.3), and none that would be read as a template?"""
    return bool(_SCOPE.fullmatch(text))
