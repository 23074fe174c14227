"""For everything that is refused while a file is read the smallest example, as `docs/rules.md` shows it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    "document.alias": "fields: *base",
    "document.anchor": "fields: &base []",
    "document.control_character": "description: 'a \x1b[2J b'",
    "document.directive": "%YAML 1.1",
    "document.duplicate_key": "version: 1.0.0\nversion: 1.1.0",
    "document.hidden_character": "description: 'Acme \u202eemcA'",
    "document.key_not_text": "1: one",
    "document.leading_zeros": "fields: [{in: query, key: id, value: 0123}]",
    "document.merge_key": "<<: {version: 1.0.0}",
    "document.multiple": "format: 1\n---\nformat: 1",
    "document.number": "fields: [{in: query, key: id, value: .inf}]",
    "document.syntax": "description: \"Acme",
    "document.tag": "version: !!str 1.0.0",
    "document.unquoted_template": "description: {{ inputs.tenant }}",
}
IN_WORDS: Final[Mapping[str, tuple[str, str | bytes | Path]]] = {
    "document.empty": ("an empty file", ""),
    "document.encoding": ("a file in UTF-16", "format: 1".encode("utf-16")),
    "document.not_a_map": ("a list in the place of the whole", "- format: 1"),
    "document.too_deep": ("lists in lists in lists …", "x-deep: " + "[" * 40 + "]" * 40),
    "document.too_large": ("a file of a megabyte", "#" * 2**20),
    "document.unreadable": ("a file that is not there", Path("nowhere.yaml")),
    "document.many_problems": ("a file that is no profile at all", "".join(f"key{number}: 1\n" for number in range(200))),
}
"""The same, where an example would be long: in words, and the file itself."""
