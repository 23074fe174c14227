"""JSON text into a tree: RFC 8259, strictly."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable
from typing import Any, Final

from authweave.documents.plain_scalars import RefusedScalar, integer, real, refuse_leading_zeros
from authweave.documents.tree import Tree
from authweave.values import Mark

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_STRING: Final = re.compile(r'"((?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+)"')
_STRING_SO_FAR: Final = re.compile(r'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+')
_BARE: Final = re.compile(r"[-+.\w]+")
_INTEGER: Final = re.compile(r"-?[0-9]+", re.ASCII)
_REAL: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", re.ASCII)
_NOT_FINITE: Final = re.compile(r"[-+]?(?:NaN|nan|Inf|inf|Infinity|infinity)")
_WORDS: Final = {"null": None, "true": True, "false": False}


class _NotJson(Exception):  # carries words to the place that tells them
    def __init__(self, at: int, message: str, fix: str) -> None:
        super().__init__(message)
        self.at = at
        self.message = message
        self.fix = fix


def read_json(text: str, tree: Tree) -> bool:
    """Read one document into `tree`, whose places are offsets: was it read to its end? May raise `Stopped`."""
    try:
        _Reading(text, tree).run()
    except _NotJson as fault:
        tree.problem("document.syntax", fault.at, fault.message, fault.fix)
        return False
    return True


def marks_in_json(text: str) -> Callable[[int], Mark | None]:
    """How the offsets that `read_json` tells become 1-based marks."""
    starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def mark(offset: int) -> Mark:
        line = bisect_right(starts, offset)
        return Mark(line, offset - starts[line - 1] + 1)

    return mark


class _Reading:
    """One pass over the text: every step reads one part and names the step that comes next."""

    def __init__(self, text: str, tree: Tree) -> None:
        self.text = text
        self.tree = tree
        self.closers: list[str] = []

    def run(self) -> None:
        if _SPACE.fullmatch(self.text):
            return
        step: Any = self.value
        at = 0
        while step:
            match = _SPACE.match(self.text, at)
            at, step = step(match.end() if match else at)

    def value(self, at: int) -> tuple[int, Any]:
        character = self.text[at : at + 1]
        if character == '"':
            return self.string(at), self.after_value
        if character == "{":
            self.tree.open({}, at)
            self.closers.append("}")
            return at + 1, self.first_key
        if character == "[":
            self.tree.open([], at)
            self.closers.append("]")
            return at + 1, self.first_item
        return self.bare(at), self.after_value

    def first_item(self, at: int) -> tuple[int, Any]:
        return self.close(at) if self.text.startswith("]", at) else self.value(at)

    def first_key(self, at: int) -> tuple[int, Any]:
        return self.close(at) if self.text.startswith("}", at) else self.key(at)

    def key(self, at: int) -> tuple[int, Any]:
        if not self.text.startswith('"', at):
            raise self.unexpected(at, "a key in double quotes")
        return self.string(at), self.colon

    def colon(self, at: int) -> tuple[int, Any]:
        if not self.text.startswith(":", at):
            raise self.unexpected(at, "a colon")
        return at + 1, self.value

    def after_value(self, at: int) -> tuple[int, Any]:
        if not self.closers:
            if at < len(self.text):
                raise self.unexpected(at, "the end of the file")
            return at, None
        if self.text.startswith(",", at):
            return at + 1, self.key if self.closers[-1] == "}" else self.value
        if self.text.startswith(self.closers[-1], at):
            return self.close(at)
        raise self.unexpected(at, f"a comma or the closing {self.closers[-1]}")

    def close(self, at: int) -> tuple[int, Any]:
        self.tree.close()
        self.closers.pop()
        return at + 1, self.after_value

    def string(self, at: int) -> int:
        found = _STRING.match(self.text, at)
        if not found:
            raise self.broken_string(at)
        if "\\" in found[1]:
            self.tree.text(json.loads(found[0]), at, escaped=True)
        else:
            self.tree.text(found[1], at)
        return found.end()

    def bare(self, at: int) -> int:
        found = _BARE.match(self.text, at)
        if not found:
            raise self.unexpected(at, "a value")
        word = found[0]
        value: int | float | bool | str | None
        try:
            value = _WORDS[word] if word in _WORDS else _number(word, at)
        except RefusedScalar as refused:
            self.tree.problem(refused.rule, at, refused.message, refused.fix)
            value = word
        self.tree.value(value, word, at)
        return found.end()

    def broken_string(self, at: int) -> _NotJson:
        so_far = _STRING_SO_FAR.match(self.text, at)
        end = so_far.end() if so_far else at
        if self.text.startswith("\\", end):
            return _NotJson(end, "a backslash begins an escape that JSON does not know", r"write \\ for a backslash")
        if end >= len(self.text):
            return _NotJson(at, "a quote is opened here and never closed", "close it")
        message = "a text goes over the end of the line, or has a tab in it"
        return _NotJson(end, message, r"close the quote, or write \n or \t")

    def unexpected(self, at: int, wanted: str) -> _NotJson:
        rest = self.text[at : at + 2]
        if not rest:
            return _NotJson(at, f"the file ends where {wanted} has to stand", "add it; is the file complete?")
        if rest[0] == "#" or rest in ("//", "/*"):
            return _NotJson(at, "JSON has no comments", "leave it out, or write the file in YAML")
        if rest[0] in "]}" and wanted.startswith(("a key", "a value")):
            return _NotJson(at, f"{wanted} is missing before the closing {rest[0]}", "leave the last comma out")
        if rest[0] in "'`":
            return _NotJson(at, f"{wanted} has to stand here", "JSON texts stand in double quotes")
        return _NotJson(at, f"{wanted} has to stand here", "check commas, colons, brackets and quotes")


def _number(word: str, at: int) -> int | float:
    if _NOT_FINITE.fullmatch(word):
        raise RefusedScalar("document.number", "is not a finite number", "quote it if it is a text")
    if _REAL.fullmatch(word):
        refuse_leading_zeros(word)
        return integer(word) if _INTEGER.fullmatch(word) else real(word)
    raise _NotJson(at, "a value has to stand here", "a text needs double quotes; the words are true, false and null")
