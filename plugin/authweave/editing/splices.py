"""Texts in which one part is written anew: the likeliest way first, and others where that cannot be read as it is meant."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, Final

from authweave.editing.spans import Member, Span, Style, line_break, line_end, line_start
from authweave.editing.styles import Language
from authweave.values import Path

_REST: Final = re.compile(r"[ \t]*,?[ \t]*(?:(?<=[ \t,])#[^\r\n]*)?(?=[\r\n]|$)")
"""What may follow a part on its line."""
_LINE_END: Final = re.compile(r"\r\n|\n|\r")
_BLANK: Final = re.compile(r"(?:\r\n|\n|\r)(?:[ \t]*(?:\r\n|\n|\r))*")
"""The end of a line, and the empty lines behind it: of a text that keeps them (`|+`) they are a part."""
_COMMA: Final = re.compile(r"(?:[ \t\r\n]+|(?<=[ \t\r\n])#[^\r\n]*)*,")
_HEAD_COMMENT: Final = re.compile(r"[|>][^#\r\n]*?([ \t]+#[^\r\n]*)")


def replacements(text: str, root: Span, path: Path, value: Any, language: Language) -> Iterator[str]:
    """The text with another value at a path that is there."""
    holder = root.below(path[:-1])
    member = holder.member(path[-1])
    old = member.value
    style = old.style if old.kind == "scalar" else _usual_style(old)
    if old.style == "block":
        yield from _instead_of_block(text, holder, member, value, language, style)
        return
    lead = " " if old.start == old.end else ""
    comment = _HEAD_COMMENT.match(text, old.start, old.end) if old.style == "text" else None
    for written in language.ways(value, style):
        yield text[: old.start] + lead + written + (comment[1] if comment else "") + text[old.end :]


def insertions(text: str, root: Span, path: Path, part: str | int, value: Any, language: Language, order: Sequence[str]) -> Iterator[str]:
    """The text with another member in the map or list at a path."""
    holder = root.below(path)
    if not holder.members:
        for member in _members(holder, part, value, language):
            yield text[: holder.start + 1] + member + text[holder.end - 1 :]
        return
    for after in _places(holder, part, order):
        yield from (_into_block if holder.style == "block" else _into_flow)(text, holder, after, part, value, language)


def renamings(text: str, root: Span, path: Path, key: str, language: Language) -> Iterator[str]:
    """The text with another key for the value at a path."""
    old = root.below(path[:-1]).member(path[-1]).key
    for written in language.ways(key, old.style):
        yield text[: old.start] + written + text[old.end :]


def removals(text: str, root: Span, path: Path) -> Iterator[str]:
    """The text without the key at a path."""
    holder = root.below(path[:-1])
    member = holder.member(path[-1])
    index = holder.members.index(member)
    if holder.style == "flow":
        yield _without_flow(text, holder, index)
        return
    start, end = line_start(text, member.key.start), line_end(text, member.value.end)
    if text[start : member.key.start].strip(" ") or not _REST.fullmatch(text, member.value.end, end):
        return
    ending = _LINE_END.match(text, end)
    yield text[:start] + text[ending.end() if ending else end :]


def _without_flow(text: str, holder: Span, index: int) -> str:
    """Without a member of a map in brackets, and without the comma that it needed."""
    member = holder.members[index]
    if index + 1 < len(holder.members):
        return text[: member.key.start] + text[holder.members[index + 1].key.start :]
    start = holder.members[index - 1].value.end if index else holder.start + 1
    comma = _COMMA.match(text, member.value.end, holder.end)
    return text[:start] + text[comma.end() if comma and not index else member.value.end :]


def _places(holder: Span, part: str | int, order: Sequence[str]) -> Iterator[Member]:
    """Behind which members the new one may stand: after those that usually come before it, else last."""
    names = list(order)
    if part in names:
        before = set(names[: names.index(str(part))])
        yield from [member for member in holder.members if member.name in before][-1:]
    yield holder.members[-1]
    yield from holder.members[-2::-1]


def _into_block(text: str, holder: Span, after: Member, part: str | int, value: Any, language: Language) -> Iterator[str]:
    indent = " " * (holder.start - line_start(text, holder.start))
    new = line_break(text)
    end = line_end(text, after.value.end)
    if not _REST.fullmatch(text, after.value.end, end):
        return
    blank = _BLANK.match(text, end)
    for written in _block_members(holder, part, value, language, indent, new):
        yield text[:end] + new + written + text[end:]
        if blank:
            yield text[: blank.end()] + written + new + text[blank.end() :]


def _block_members(holder: Span, part: str | int, value: Any, language: Language, indent: str, new: str) -> Iterator[str]:
    """The lines of a new member, as its neighbours are written."""
    style = _usual_style(holder)
    kind = "map" if isinstance(value, dict) else "list" if isinstance(value, list) else "scalar"
    alike = [member.value.style for member in holder.members if member.value.kind == kind and kind != "scalar"]
    wrapped = {part: value} if isinstance(part, str) else [value]
    if value and alike[-1:] == ["block"]:
        lines = language.block(wrapped, indent, new, style)
        if isinstance(part, str):
            lines[0] = f"{indent}{language.key(part, _key_style(holder))}:"
        yield new.join(lines)
    for member in _members(holder, part, value, language):
        yield f"{indent}{member}" if isinstance(part, str) else f"{indent}- {member}"


def _into_flow(text: str, holder: Span, after: Member, part: str | int, value: Any, language: Language) -> Iterator[str]:
    """After a comma, on a line of its own where the neighbours have theirs."""
    gap = _gap(text, holder, after)
    comma = _COMMA.match(text, after.value.end, holder.end)
    behind = comma.end() if comma else after.value.end
    end = line_end(text, behind)
    at = end if "\n" in gap and end < holder.end and _REST.fullmatch(text, behind, end) else behind
    lead = "" if comma else ","
    tail = "," if comma and after is not holder.members[-1] else ""
    for written in _members(holder, part, value, language):
        yield text[: after.value.end] + lead + text[after.value.end : at] + (gap or " ") + written + tail + text[at:]


def _gap(text: str, holder: Span, after: Member) -> str:
    """What stands between two members: white space, with the line break and indentation where there is one."""
    index = holder.members.index(after)
    before = holder.members[index - 1].value.end if index else holder.start
    between = text[before : after.key.start]
    white = between[len(between.rstrip(" \t\r\n")) :]
    if "\n" in between and "\n" not in white:
        return ""
    first_on_line = not index and "\n" not in white
    return " " if first_on_line else white


def _members(holder: Span, part: str | int, value: Any, language: Language) -> Iterator[str]:
    """`key: value`, or the value alone in a list, in every way that may be read as it is meant."""
    style = _usual_style(holder)
    if isinstance(part, int):
        yield from language.ways(value, style)
        return
    styles = dict.fromkeys((_key_style(holder), "double"))
    for key, written in product((language.key(part, one) for one in styles), language.ways(value, style)):
        yield f"{key}: {written}"


def _instead_of_block(text: str, holder: Span, member: Member, value: Any, language: Language, style: Style) -> Iterator[str]:
    """In the place of a map or list in block style: one that is written so, too, or something short behind the colon."""
    old = member.value
    if isinstance(value, dict | list) and value:
        indent = " " * (old.start - line_start(text, old.start))
        lines = language.block(value, indent, line_break(text), style)
        yield text[: old.start] + line_break(text).join(lines)[len(indent) :] + text[old.end :]
    colon = text.find(":", member.key.end) + 1 if holder.kind == "map" else 0
    start = line_start(text, old.start)
    for written in language.ways(value, style):
        if 0 < colon <= start:
            ending = start - (2 if text.endswith("\r\n", 0, start) else 1)
            yield text[:colon] + " " + written + text[colon:ending] + text[old.end :]
        yield text[: old.start] + written + text[old.end :]


def _usual_style(holder: Span) -> Style:
    """How the texts in a map or list are quoted, where all of them are; else plain."""
    styles = Counter(member.value.style for member in holder.members if member.value.kind == "scalar" and member.value.start < member.value.end)
    (most, _), *others = styles.most_common() or [("plain", 0)]
    return most if not others and most in ("single", "double") else "plain"


def _key_style(holder: Span) -> Style:
    """How the keys of a map are quoted, where all of them are; else plain."""
    styles = {member.key.style for member in holder.members}
    return styles.pop() if len(styles) == 1 else "plain"
