"""XML 1.0 without DTD: values are spliced in by element path, everything else stays as it is.

Steps of a path are local names: `/Envelope/Header/Token` finds `<soap:Envelope>…`. What has to be made gets the
prefix of its parent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn, Self
from xml.parsers import expat

from authweave.drafts.texts import is_utf8, text_for
from authweave.errors import PlacementError

_TAG: Final = re.compile(rb"""<[^"'>]*(?:(?:"[^"]*"|'[^']*')[^"'>]*)*>""")
_NAME_LIKE: Final = re.compile(r"[\w.\-]+")
_NO_CHARACTER: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_DECLARATION: Final = b'<?xml version="1.0" encoding="UTF-8"?>'
_NO_XML: Final = "the body is not well-formed XML in UTF-8"


class XmlBody:
    """An XML document. A key that starts with `/` is an element path from the root, any other a child of the root."""

    __slots__ = ("_around", "content_type")

    def __init__(self, document: bytes, content_type: str = "") -> None:
        self._around = _taken_apart(document) if document else _Element("")
        self.content_type = content_type

    @classmethod
    def empty(cls, content_type: str | None) -> Self:
        """Nothing; the first path makes the root."""
        return cls(b"", content_type or "application/xml")

    @classmethod
    def read(cls, body: bytes, parameters: Mapping[str, str]) -> Self:
        """The document as it was written. Raises PlacementError if it is not XML in UTF-8, or has a DTD."""
        if not body:
            raise PlacementError(_NO_XML)
        return cls(body)

    def has(self, key: str) -> bool:
        """Is there such an element?"""
        return bool(self._around.children) and not self._found(key)[1]

    def put(self, key: str, value: Any) -> None:
        """Set the text of the element; its attributes stay."""
        text = _escaped(value, key)
        if not self._around.children:
            root = _made(_steps(key, None), text, "")
            self._around.fill(_DECLARATION)
            self._around.add(root)
            return
        element, missing = self._found(key)
        if missing:
            element.add(_made(missing, text, element.prefix))
        else:
            element.fill(text)

    def encode(self) -> bytes:
        """The document in UTF-8."""
        if not self._around.children:
            raise PlacementError("an XML body needs a field with an element path, or content")
        return self._around.encoded()

    def _found(self, key: str) -> tuple[_Element, Sequence[str]]:
        """The deepest element of the path that is there, and the steps below it that are not."""
        [[element]] = self._around.children.values()
        steps = _steps(key, element.local)
        if steps[0] != element.local:
            raise PlacementError(f"payload field {key}: the root of the XML body is <{element.local}>")
        for depth, step in enumerate(steps[1:], 1):
            matching = element.children.get(step, ())
            if len(matching) > 1:
                raise PlacementError(f"payload field {key}: the XML body has {len(matching)} elements <{step}> there")
            if not matching:
                return element, steps[depth:]
            [element] = matching
        return element, ()


@dataclass(slots=True)
class _Element:
    """An element taken apart, once, however many fields go into it: its tags as they are written (`end` is empty: `<a/>`), what is
    between them, and the elements in that by their local names."""

    name: str
    tag: bytes = b""
    end: bytes = b""
    parts: list[bytes | _Element] = field(default_factory=list)
    children: dict[str, list[_Element]] = field(default_factory=dict)

    @property
    def local(self) -> str:
        return self.name.rpartition(":")[2]

    @property
    def prefix(self) -> str:
        return "".join(self.name.rpartition(":")[:2])

    def fill(self, text: bytes) -> None:
        """Make the text its content."""
        self._open()
        self.parts = [text]
        self.children = {}

    def add(self, child: _Element) -> None:
        """Put an element behind what is in it."""
        self._open()
        self.parts.append(child)
        self.children.setdefault(child.local, []).append(child)

    def encoded(self) -> bytes:
        """As it is written, without recursion: elements may stand in each other at any depth."""
        pieces: list[bytes] = []
        waiting: list[bytes | _Element] = [self]
        while waiting:
            part = waiting.pop()
            if isinstance(part, bytes):
                pieces.append(part)
            else:
                waiting += [part.end, *reversed(part.parts), part.tag]
        return b"".join(pieces)

    def _open(self) -> None:
        if self.tag and not self.end:
            self.tag = self.tag.removesuffix(b">").removesuffix(b"/") + b">"
            self.end = b"</%s>" % self.name.encode()


def _taken_apart(document: bytes) -> _Element:
    """What is around the root, with the root in it. Raises PlacementError."""
    parser = expat.ParserCreate("UTF-8")
    around = _Element("")
    open_: list[_Element] = [around]
    done = 0  # what comes before is in its place

    def start(name: str, _: object) -> None:
        nonlocal done
        place = parser.CurrentByteIndex
        tag = _TAG.match(document, place)
        element = _Element(name, tag[0] if tag else b"")
        open_[-1].parts.append(document[done:place])
        open_[-1].add(element)
        open_.append(element)
        done = place + len(element.tag)

    def end(_: str) -> None:
        nonlocal done
        element = open_.pop()
        if element.end or not element.tag.endswith(b"/>"):
            place = parser.CurrentByteIndex
            element.parts.append(document[done:place])
            done = document.find(b">", place) + 1
            element.end = document[place:done]

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = _no_doctype
    parser.XmlDeclHandler = _utf8_only
    try:
        parser.Parse(document, True)
    except expat.ExpatError:
        around.children.clear()
    if not around.children or not is_utf8(document):
        raise PlacementError(_NO_XML)
    around.parts.append(document[done:])
    return around


def _no_doctype(*_: object) -> NoReturn:
    raise PlacementError("the XML body has a DTD")


def _utf8_only(_: str, encoding: str | None, __: int) -> None:
    if encoding is not None and encoding.lower() not in ("utf-8", "utf8"):
        raise PlacementError("the XML body is in another encoding than UTF-8")


def _steps(key: str, root: str | None) -> list[str]:
    if key.startswith("/"):
        steps = key.split("/")[1:]
    elif root is not None:
        steps = [root, key]
    else:
        raise PlacementError(f"payload field {key}: write an element path that starts with / and names the root")
    for step in steps:
        if not _is_name(step):
            raise PlacementError(f"payload field {key}: {step or 'an empty step'} is no name of an XML element")
    return steps


def _is_name(step: str) -> bool:
    """Which letters a name may have is long to say; the parser knows."""
    if not _NAME_LIKE.fullmatch(step):
        return False
    try:
        expat.ParserCreate("UTF-8").Parse(f"<{step}/>", True)
    except expat.ExpatError:
        return False
    return True


def _escaped(value: Any, key: str) -> bytes:
    text = text_for(value, f"payload field {key}")
    if found := _NO_CHARACTER.search(text):
        raise PlacementError(f"payload field {key} has a character at {found.start() + 1} that XML cannot hold")
    return text.translate(_ESCAPES).encode()


def _made(steps: Sequence[str], text: bytes, prefix: str) -> _Element:
    """New elements in each other, with the text in the innermost."""
    outer: _Element | None = None
    for step in reversed(steps):
        name = f"{prefix}{step}"
        element = _Element(name, f"<{name}>".encode(), f"</{name}>".encode())
        if outer is None:
            element.fill(text)
        else:
            element.add(outer)
        outer = element
    assert outer is not None  # noqa: S101 - a path has a step at least
    return outer
