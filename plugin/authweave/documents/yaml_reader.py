"""YAML text into a tree: YAML 1.2.2, core schema, one document, without tags, anchors, aliases and merge keys."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from yaml.error import MarkedYAMLError, YAMLError
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from authweave.documents.tree import MAX_DEPTH, Stopped, Tree
from authweave.documents.yaml_scanner import PythonParser
from authweave.documents.yaml_syntax import explained
from authweave.values import Mark

ParserOf = Callable[[str], Any]


def fastest_parser() -> ParserOf:
    """libyaml's parser, or the one in Python that reads the same where PyYAML was built without libyaml."""
    try:
        from yaml._yaml import CParser
    except ImportError:
        return PythonParser
    return CParser


_PARSER_OF: Final[ParserOf] = fastest_parser()
UNQUOTED_TEMPLATE: Final = "document.unquoted_template"
_ONLY_DIRECTIVE: Final = re.compile(r"%YAML[ \t]+1\.2[ \t]*(?:#.*)?")


def read_yaml(text: str, tree: Tree, parser_of: ParserOf = _PARSER_OF) -> bool:
    """Read one document into `tree`: was it read to its end? What is wrong is told to the tree. May raise `Stopped`."""
    if _may_have_directives(text) and not _directives_are_fine(text, tree):
        return False
    try:
        _walk(parser_of(text).get_event, text, tree)
    except YAMLError as error:
        fault = explained(error if isinstance(error, MarkedYAMLError) else None, text)
    else:
        return True
    tree.problem(fault.rule, fault.mark, fault.message, fault.fix)
    return False


def marks_in_yaml(text: str) -> Callable[[Any], Mark | None]:
    """How the places that `read_yaml` tells become 1-based marks."""
    return _mark


def _mark(place: Any) -> Mark | None:
    return place if place is None or isinstance(place, Mark) else Mark(place.line + 1, place.column + 1)


def _walk(next_event: Callable[[], Any], text: str, tree: Tree) -> None:
    seen_document = False
    quoted, bare = tree.text, tree.bare
    while True:
        event = next_event()
        kind = type(event)
        if kind is ScalarEvent:
            if event.tag is not None or event.anchor is not None:
                _refuse_properties(event, tree)
            if event.implicit[0]:
                bare(event.value, event.start_mark)
            else:
                quoted(event.value, event.start_mark, escaped=event.style == '"')
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            if event.tag is not None or event.anchor is not None:
                _refuse_properties(event, tree)
            if tree.expects_key and _is_unquoted_template(event.start_mark, text):
                _skip_template(event, next_event, tree)
            else:
                tree.open({} if kind is MappingStartEvent else [], event.start_mark)
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            tree.close()
        elif kind is AliasEvent:
            _refuse_alias(event, tree)
        elif kind is DocumentStartEvent:
            if seen_document:
                _refuse_second_document(event, tree)
            seen_document = True
        elif kind is StreamEndEvent:
            return


def _refuse_properties(event: Any, tree: Tree) -> None:
    if event.tag is not None:
        tree.problem(
            "document.tag", event.start_mark, "a tag (`!…`) is not read here",
            "leave it out; quote a text that begins with `!`",
        )  # fmt: skip
    if event.anchor is not None:
        tree.problem(
            "document.anchor", event.start_mark, "an anchor (`&…`) is not read here",
            "leave it out; quote a text that begins with `&`",
        )  # fmt: skip


def _refuse_alias(event: Any, tree: Tree) -> None:
    tree.problem(
        "document.alias", event.start_mark, "an alias (`*…`) is not read here",
        "write the value out; quote a text that begins with `*`",
    )  # fmt: skip
    tree.skip(event.start_mark)


def _refuse_second_document(event: Any, tree: Tree) -> None:
    message = "a second document begins here"
    tree.problem("document.multiple", event.start_mark, message, "one file holds one profile", path=())
    raise Stopped


def _is_unquoted_template(mark: Any, text: str) -> bool:
    return text.startswith("{{", mark.index - 1)


def _skip_template(event: Any, next_event: Callable[[], Any], tree: Tree) -> None:
    """Leave out the map that YAML sees in the inner braces of an unquoted `{{ … }}`, but no bomb of braces: libyaml's time grows
    with the square of their depth."""
    tree.problem(
        UNQUOTED_TEMPLATE, Mark(event.start_mark.line + 1, event.start_mark.column),
        "a template here needs quotes", "quote it: '{{ … }}'", path=tree.path()[:-1],
    )  # fmt: skip
    depth = 1
    while depth:
        event = next_event()
        kind = type(event)
        depth += (kind in (MappingStartEvent, SequenceStartEvent)) - (kind in (MappingEndEvent, SequenceEndEvent))
        if depth > MAX_DEPTH:
            tree.refuse_depth(event.start_mark)
    tree.skip(event.start_mark)


def _may_have_directives(text: str) -> bool:
    return text.startswith("%") or "\n%" in text


def _directives_are_fine(text: str, tree: Tree) -> bool:
    """`%YAML 1.2` is the one directive that may stand before the document."""
    fine = True
    for number, line in enumerate(text.split("\n"), 1):
        written = line.rstrip("\r")
        if written.startswith("%") and not _ONLY_DIRECTIVE.fullmatch(written):
            fine = False
            is_tag = written.startswith("%TAG")
            rule = "document.tag" if is_tag else "document.directive"
            message = "tags are not read here" if is_tag else "this directive is not read here"
            tree.problem(rule, Mark(number, 1), message, "leave the line out; files are YAML 1.2", path=())
        elif written.strip() and not written.startswith(("%", "#")):
            break
    return fine
