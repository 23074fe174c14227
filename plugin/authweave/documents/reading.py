"""A file into plain data with marks: the one way that a profile, in YAML or JSON, comes in.

What is read is one document, UTF-8 (a byte order mark at its start is skipped), at most 256 KiB and 32 levels. A name
that ends in `.json` is read as RFC 8259 JSON, every other as YAML 1.2. Reading never raises for what a file holds, nor
for a file that cannot be read: the Document that comes back tells every problem, and no message holds a value.
Safe to call from threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any, Final, NamedTuple, TypeVar

from authweave.documents.hidden_characters import hidden_in_file, named, rule_of, without_hidden
from authweave.documents.json_reader import marks_in_json, read_json
from authweave.documents.text import MAX_BYTES, RefusedText, bytes_of_file, text_of
from authweave.documents.tree import MAX_DEPTH, MAX_PROBLEMS, MarkedTree, Stopped, Tree
from authweave.documents.yaml_reader import UNQUOTED_TEMPLATE, marks_in_yaml, read_yaml
from authweave.values import Document, Mark, Path, Problem

__all__ = ["MAX_BYTES", "MAX_DEPTH", "parse_document", "read_document"]

Noted = TypeVar("Noted")


class _Form(NamedTuple):
    """One language: how it is read, and how its reader's places become marks."""

    read: Callable[[str, Tree], bool]
    marks_in: Callable[[str], Callable[[Any], Mark | None]]


_YAML: Final = _Form(read_yaml, marks_in_yaml)
_JSON: Final = _Form(read_json, marks_in_json)


def read_document(path: FilePath) -> Document:
    """Read a profile's file. A file that cannot be read gives a Document that says why; a pipe is never waited for."""
    name = str(path)
    source = name if name.isprintable() else ascii(name)
    try:
        raw = bytes_of_file(path)
    except RefusedText as refused:
        return _unread(refused, source)
    return parse_document(raw, source, json=path.suffix.lower() == ".json")


def parse_document(raw: bytes | str, source: str, *, json: bool = False) -> Document:
    """Read what came from `source`. Of a good document the marks are made when one is first asked for."""
    try:
        text = text_of(raw)
    except RefusedText as refused:
        return _unread(refused, source)
    form = _JSON if json else _YAML
    hidden = [_hidden(found, source) for found in hidden_in_file(text, MAX_PROBLEMS)]
    if hidden or type(data := _data_of(text, form)) is not dict:
        return _with_problems(text, form, source, hidden)
    places = _Places(text, form)
    return Document(
        source, text, data, marks=_Noted(places, "marks"), key_marks=_Noted(places, "key_marks"),
        literals=_Noted(places, "literals"),
    )  # fmt: skip


def _data_of(text: str, form: _Form) -> Any:
    tree = Tree()
    try:
        form.read(text, tree)
    except Stopped:
        return None
    return tree.data


def _with_problems(text: str, form: _Form, source: str, hidden: list[Problem]) -> Document:
    tree = MarkedTree(source, form.marks_in(text))
    try:
        complete = form.read(without_hidden(text), tree)
    except Stopped:
        complete = False
    missing = [_no_map(tree, source)] if complete and type(tree.data) is not dict else []
    problems = sorted([*hidden, *_causes(tree.problems), *missing], key=_in_order_of_file)[:MAX_PROBLEMS]
    return Document(source, text, tree.data, tree.marks, tree.key_marks, tuple(problems), tree.literals)


def _unread(refused: RefusedText, source: str) -> Document:
    return Document(
        source, "", None, problems=(Problem(refused.rule, source, refused.mark, "", refused.message, refused.fix),)
    )


def _hidden(found: Any, source: str) -> Problem:
    character = found.group()
    before = found.string[: found.start()]
    mark = Mark(before.count("\n") + 1, len(before) - before.rfind("\n"))
    message = f"holds the character {named(character)}, which a reader cannot see"
    return Problem(rule_of(character), source, mark, "", message, "remove it")


def _no_map(tree: MarkedTree, source: str) -> Problem:
    if tree.data is None:
        return Problem("document.empty", source, Mark(1, 1), "", "there is nothing in it", "begin with `format: 1`")
    mark = tree.marks.get(())
    return Problem("document.not_a_map", source, mark, "", "is not a map of keys", "write `key: value` lines")


def _causes(problems: list[Problem]) -> list[Problem]:
    """The problems without the syntax error that an unquoted template leads to on its own line."""
    templates = {problem.mark.line for problem in problems if problem.mark and problem.rule == UNQUOTED_TEMPLATE}
    return [
        problem for problem in problems
        if not (problem.rule == "document.syntax" and problem.mark and problem.mark.line in templates)
    ]  # fmt: skip


def _in_order_of_file(problem: Problem) -> tuple[int, int]:
    return (problem.mark.line, problem.mark.column) if problem.mark else (0, 0)


class _Places:
    """Where everything stands in a good document: found by reading it once more, with notes."""

    def __init__(self, text: str, form: _Form) -> None:
        self.text = text
        self.form = form

    @cached_property
    def tree(self) -> MarkedTree:
        tree = MarkedTree("", self.form.marks_in(self.text))
        self.form.read(self.text, tree)
        return tree


class _Noted(Mapping[Path, Noted]):
    """One kind of notes, made on first use."""

    def __init__(self, places: _Places, kind: str) -> None:
        self._places = places
        self._kind = kind

    def __getitem__(self, path: Path) -> Noted:
        found: Noted = self._notes[path]
        return found

    def __iter__(self) -> Iterator[Path]:
        return iter(self._notes)

    def __len__(self) -> int:
        return len(self._notes)

    @property
    def _notes(self) -> dict[Path, Any]:
        notes: dict[Path, Any] = getattr(self._places.tree, self._kind)
        return notes
