"""Where each part of a JSON text stands."""

from __future__ import annotations

import json
import re
from typing import Final

from authweave.editing.spans import Member, Span

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_TEXT: Final = re.compile(r'"(?:[^"\\]|\\.)*+"')
_BARE: Final = re.compile(r"[-+.\w]+")


def json_span(text: str) -> Span:
    """The span of a document that has been read without a problem."""
    return _span(text, _past_space(text, 0))


def _span(text: str, at: int) -> Span:
    if text[at] not in "{[":
        found = (_TEXT if text[at] == '"' else _BARE).match(text, at)
        assert found  # noqa: S101 - it was read before
        return Span("scalar", "double" if text[at] == '"' else "plain", at, found.end())
    is_map = text[at] == "{"
    members: list[Member] = []
    here = _past_space(text, at + 1)
    while text[here] not in "}]":
        first = _span(text, here)
        if is_map:
            value = _span(text, _past_space(text, _past_space(text, first.end) + 1))
            members.append(Member(json.loads(text[first.start : first.end]), first, value))
        else:
            members.append(Member(None, first, first))
        here = _past_space(text, members[-1].value.end)
        here = _past_space(text, here + 1) if text[here] == "," else here
    return Span("map" if is_map else "list", "flow", at, here + 1, tuple(members))


def _past_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
