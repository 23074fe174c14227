"""How a value is written in YAML and in JSON, likeliest way first."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from authweave.documents.plain_scalars import is_text
from authweave.editing.spans import Style

_PLAIN: Final = re.compile(r"(?:[^\W\d]|[/.$])[^\x00-\x20:#,\[\]{}\x7f-\x9f]*(?::(?=[^\s,\[\]{}])[^\x00-\x20:#,\[\]{}]*)*(?: [^\s:#,\[\]{}]+)*")
"""Texts that need no quotes, in block and in flow. Not all of them."""


_NO_TEXT_ELSEWHERE: Final = frozenset({"yes", "no", "on", "off", "y", "n"})
"""Words that YAML 1.1 takes for a truth value. As it takes dates for no texts: what begins with a digit is quoted, too."""


@dataclass(frozen=True, slots=True)
class Language:
    """YAML, or JSON: a language of flow maps and double quotes."""

    is_json: bool

    def ways(self, value: Any, style: Style = "plain") -> Iterator[str]:
        """How the value can be written on one line; texts as `style` has it, if they can be."""
        for quotes in _QUOTES[style] if not self.is_json else ("double",):
            if (written := self._flow(value, quotes)) is not None:
                yield written

    def key(self, name: str, style: Style) -> str:
        """A key; in quotes if its neighbours are, or it has to be."""
        return next(self.ways(name, style))

    def block(self, value: Any, indent: str, line_break: str, style: Style) -> list[str]:
        """The lines of a map or list in block style, from `indent` on; no empty one."""
        lines: list[str] = []
        for name, member in value.items() if isinstance(value, dict) else ((None, item) for item in value):
            lead = "-" if name is None else f"{self.key(name, 'plain')}:"
            if isinstance(member, dict) and member and name is None:
                inner = self.block(member, f"{indent}  ", line_break, style)
                lines += [f"{indent}- {inner[0].lstrip(' ')}", *inner[1:]]
            elif isinstance(member, dict | list) and member and name is not None:
                lines += [f"{indent}{lead}", *self.block(member, f"{indent}  ", line_break, style)]
            else:
                lines.append(f"{indent}{lead} {next(self.ways(member, style))}")
        return lines

    def _flow(self, value: Any, quotes: str) -> str | None:
        if isinstance(value, str):
            return _quoted(value, quotes)
        if isinstance(value, dict):
            members = [f"{self._flow(name, 'double' if self.is_json else 'plain') or self._flow(name, 'double')}: {self._member(member, quotes)}" for name, member in value.items()]
            return "{" + ", ".join(members) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(self._member(item, quotes) for item in value) + "]"
        return json.dumps(value, ensure_ascii=False)

    def _member(self, value: Any, quotes: str) -> str:
        """Inside a collection each text is written for itself, as near to `quotes` as it can be."""
        return next(written for way in dict.fromkeys((quotes, "single", "double")) if (written := self._flow(value, "double" if self.is_json else way)) is not None)


YAML: Final = Language(is_json=False)
JSON: Final = Language(is_json=True)

_QUOTES: Final[dict[Style, tuple[str, ...]]] = {
    "single": ("single", "double"), "double": ("double",),
    **dict.fromkeys(("plain", "text", "block", "flow"), ("plain", "single", "double")),
}  # fmt: skip


def _quoted(text: str, quotes: str) -> str | None:
    """The text in these quotes; None if it cannot be written so."""
    if quotes == "plain":
        return text if is_plain(text) else None
    if quotes == "single":
        return "'" + text.replace("'", "''") + "'" if text.isprintable() else None
    return _DEL.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


_DEL: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufeff]")


def is_plain(text: str) -> bool:
    """Can the text stand without quotes, and is still a text?"""
    return text.isprintable() and text.lower() not in _NO_TEXT_ELSEWHERE and _PLAIN.fullmatch(text) is not None and is_text(text)
