"""A body that a profile writes out as `content`: each value stays a value, whatever it holds.

In a form it is encoded; in a JSON string it is escaped, outside of one it is a whole JSON value; in XML it is escaped for the
text, attribute or CDATA section it stands in. A plain text has no syntax that a value could break.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote_plus

from authweave.bodies import encoding_of
from authweave.drafts.media_types import media_type
from authweave.errors import PlacementError
from authweave.templates import Template

_HOLE: Final = "\x00"
_URLENCODED: Final = re.compile(r"(?:[A-Za-z0-9\-._~*+/]|%[0-9A-Fa-f]{2})*")
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAME: Final = re.compile(r"[\w.:\-]+")
_XML_TEXT: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;", "\r": "&#13;"})
_XML_BLANKS: Final = {"\n": "&#10;", "\t": "&#9;"}
_MARKUP: Final = re.compile(r"""(<!\[CDATA\[.*?(?:\]\]>|\Z))|(<!--.*?(?:-->|\Z)|<\?.*?(?:\?>|\Z))|(<[^"'>]*(?:(?:"[^"]*"|'[^']*')[^"'>]*)*>)|(<.*\Z)|[^<]+""", re.DOTALL)
_QUOTED: Final = re.compile(r""""[^"]*"|'[^']*'""")

_Writer = Callable[[str], str]


class _Astray(Exception):
    """A value that would not stay a value; the message says why, and not what it is."""


def content_text(template: Template, encoding: str, content_type: str | None, scope: Mapping[str, Any]) -> str:
    """The body with its values in place. Raises TemplateError, and PlacementError for a value that cannot stand where it is written."""
    if template.constant:
        return template.text
    kind = encoding_of(media_type(content_type or "")[0]) or encoding
    writers = _WRITERS.get(kind)
    if writers is None:
        return template.render(scope)
    astray = ""
    texts, writing, number = template.texts(scope), writers(template), 0
    for index, part in enumerate(template.parts):
        if isinstance(part, str):
            continue
        number += 1
        try:
            texts[index] = next(writing)(texts[index])
        except _Astray as why:
            astray = f"{template.where}: value {number} of the {kind} content {why}"
            break
    if astray:
        raise PlacementError(astray)
    return "".join(texts)


def _in_form(template: Template) -> Iterator[_Writer]:
    """A value that the profile encodes itself (`urlencode`) stays as it is."""
    for part in template.parts:
        if not isinstance(part, str):
            yield _encoded_once if part.functions & {"urlencode", "urlpath"} else quote_plus


def _encoded_once(text: str) -> str:
    return text if _URLENCODED.fullmatch(text) else quote_plus(text)


def _in_json(template: Template) -> Iterator[_Writer]:
    in_string = False
    for part in template.parts:
        if isinstance(part, str):
            in_string, is_escape = _after(part, in_string)
            if is_escape:
                raise PlacementError(f"{template.where}: a backslash stands before a value of the json content")
        else:
            yield _json_inside if in_string else _json_whole


def _after(text: str, in_string: bool) -> tuple[bool, bool]:
    """Does a string go on after this text, and does an escape?"""
    is_escape = False
    for character in text:
        if is_escape:
            is_escape = False
        elif character == '"':
            in_string = not in_string
        else:
            is_escape = in_string and character == "\\"
    return in_string, is_escape


def _json_inside(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _json_whole(text: str) -> str:
    try:
        json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        pass
    else:
        return text
    raise _Astray("stands outside of quotes and is no JSON: write {{ … | json }}, or quotes around it")


def _no_constant(_: str) -> None:
    raise ValueError


def _in_xml(template: Template) -> Iterator[_Writer]:
    """Where each value stands is read off what is written: no value can change it."""
    skeleton = "".join(part.replace(_HOLE, " ") if isinstance(part, str) else _HOLE for part in template.parts)
    for piece in _MARKUP.finditer(skeleton):
        cdata, remark, tag, broken = piece.groups()
        if cdata:
            yield from [_in_cdata] * piece[0].count(_HOLE)
        elif remark or broken:
            yield from [_nowhere] * piece[0].count(_HOLE)
        elif tag:
            yield from _in_tag(tag)
        else:
            yield from [_xml_text] * piece[0].count(_HOLE)


def _in_tag(tag: str) -> Iterator[_Writer]:
    quoted = [found.span() for found in _QUOTED.finditer(tag)]
    for found in re.finditer(_HOLE, tag):
        is_quoted = any(start < found.start() < end for start, end in quoted)
        yield _xml_attribute if is_quoted else _xml_name


def _xml_text(text: str) -> str:
    return _xml_sound(text).translate(_XML_TEXT)


def _xml_attribute(text: str) -> str:
    return _xml_sound(text).translate(_XML_TEXT | str.maketrans(_XML_BLANKS))


def _in_cdata(text: str) -> str:
    if "\r" in _xml_sound(text):
        raise _Astray("holds a carriage return, which a CDATA section does not keep")
    return text.replace("]]>", "]]]]><![CDATA[>")


def _xml_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise _Astray("stands in a tag and is no name")
    return text


def _nowhere(text: str) -> str:
    raise _Astray("stands in a remark or in markup that is not closed")


def _xml_sound(text: str) -> str:
    if found := _NO_XML.search(text):
        raise _Astray(f"has a character at {found.start() + 1} that XML cannot hold")
    return text


_WRITERS: Final[Mapping[str, Callable[[Template], Iterator[_Writer]]]] = {"form": _in_form, "json": _in_json, "xml": _in_xml}
