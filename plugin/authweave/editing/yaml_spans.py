"""Where each part of a YAML text stands, as its parser tells it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from yaml.events import MappingEndEvent, MappingStartEvent, ScalarEvent, SequenceEndEvent, SequenceStartEvent

from authweave.documents.yaml_reader import ParserOf, fastest_parser
from authweave.editing.spans import Member, Span, Style

_STYLES: Final[dict[Any, Style]] = {"'": "single", '"': "double", "|": "text", ">": "text"}


_PARSER_OF: Final[ParserOf] = fastest_parser()


def yaml_span(text: str, parser_of: ParserOf = _PARSER_OF) -> Span:
    """The span of a document that has been read without a problem: without anchors and tags, nested within bounds."""
    next_event = parser_of(text).get_event
    event = next_event()
    while not isinstance(event, MappingStartEvent):
        event = next_event()
    return _span(event, next_event, text)


def _span(event: Any, next_event: Callable[[], Any], text: str) -> Span:
    if isinstance(event, ScalarEvent):
        return _scalar(event, text)
    is_map = isinstance(event, MappingStartEvent)
    members: list[Member] = []
    while not isinstance(inner := next_event(), MappingEndEvent | SequenceEndEvent):
        first = _span(inner, next_event, text)
        members.append(Member(inner.value, first, _span(next_event(), next_event, text)) if is_map else Member(None, first, first))
    style: Style = "flow" if event.flow_style else "block"
    end = _offset(inner.end_mark) if style == "flow" else members[-1].value.end
    assert is_map or isinstance(event, SequenceStartEvent)  # noqa: S101 - nothing else opens
    return Span("map" if is_map else "list", style, _offset(event.start_mark), end, tuple(members))


def _offset(mark: Any) -> int:
    return int(mark.index)


def _scalar(event: Any, text: str) -> Span:
    start, end = event.start_mark.index, event.end_mark.index
    style = _STYLES.get(event.style, "plain")
    if style == "text":
        end = start + len(text[start:end].rstrip(" \t\r\n"))
    return Span("scalar", style, start, end)
