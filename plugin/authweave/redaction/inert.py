"""A text without what moves a cursor, hides or reorders: written as escapes."""

from __future__ import annotations

import re
from typing import Final

_ACTIVE_SET: Final = (
    "\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\xad\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180e\\u200b-\\u200f\\u2028-\\u202e"
    "\\u2060-\\u206f\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\uffff\\ud800-\\udfff\\U000e0000-\\U000e0fff"
)
_ACTIVE_LINES: Final = re.compile(f"[{_ACTIVE_SET}]")
_ACTIVE: Final = re.compile(f"[\\t\\n{_ACTIVE_SET}]")


def inert(text: str, *, lines: bool = False) -> str:
    """The text with everything that could move a cursor, hide or reorder it written as an escape (`\\x1b`).

    Control characters, marks of direction, invisible ones, line ends and lone surrogates. `lines` keeps LF and tab.
    """
    return (_ACTIVE_LINES if lines else _ACTIVE).sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    named = {9: "\\t", 10: "\\n", 13: "\\r"}.get(code)
    return named or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}")
