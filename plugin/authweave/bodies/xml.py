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


class XmlBody:
    """An XML document. A key that starts with `/` is an element path from the root, any other a child of the root."""

    __slots__ = ("_document", "content_type")

    def __init__(self, document: bytes, content_type: str = "") -> None:
        self._document = document
        self.content_type = content_type

    @classmethod
    def empty(cls, content_type: str | None) -> Self:
        """Nothing; the first path makes the root."""
        return cls(b"", content_type or "application/xml")

    @classmethod
    def read(cls, body: bytes, parameters: Mapping[str, str]) -> Self:
        """The document as it was written. Raises PlacementError if it is not XML in UTF-8, or has a DTD."""
        _root(body)
        return cls(body)

    def has(self, key: str) -> bool:
        """Is there such an element?"""
        return bool(self._document) and not self._found(key)[1]

    def put(self, key: str, value: Any) -> None:
        """Set the text of the element; its attributes stay."""
        text = _escaped(value, key)
        if not self._document:
            self._document = _DECLARATION + _wrapped(_steps(key, None), text, "")
            return
        element, missing = self._found(key)
        inner = _wrapped(missing, text, element.prefix) if missing else text
        self._document = element.filled(self._document, inner, keep=bool(missing))

    def encode(self) -> bytes:
        """The document in UTF-8."""
        if not self._document:
            raise PlacementError("an XML body needs a field with an element path, or content")
        return self._document

    def _found(self, key: str) -> tuple[_Element, Sequence[str]]:
        """The deepest element of the path that is there, and the steps below it that are not."""
        element = _root(self._document)
        steps = _steps(key, element.local)
        if steps[0] != element.local:
            raise PlacementError(f"payload field {key}: the root of the XML body is <{element.local}>")
        for depth, step in enumerate(steps[1:], 1):
            matching = [child for child in element.children if child.local == step]
            if len(matching) > 1:
                raise PlacementError(f"payload field {key}: the XML body has {len(matching)} elements <{step}> there")
            if not matching:
                return element, steps[depth:]
            [element] = matching
        return element, ()


@dataclass(slots=True)
class _Element:
    """Where an element stands: `start` of its tag, `inner` and `close` around its content (None: `<a/>`)."""

    name: str
    start: int
    inner: int
    close: int | None = None
    children: list[_Element] = field(default_factory=list)

    @property
    def local(self) -> str:
        return self.name.rpartition(":")[2]

    @property
    def prefix(self) -> str:
        return "".join(self.name.rpartition(":")[:2])

    def filled(self, document: bytes, inner: bytes, *, keep: bool) -> bytes:
        """The document with `inner` as the content of this element, after what is in it if that is to be kept."""
        if self.close is None:
            tag = document[self.start : self.inner].removesuffix(b">").removesuffix(b"/") + b">"
            return b"".join([document[: self.start], tag, inner, b"</%s>" % self.name.encode(), document[self.inner :]])
        return document[: self.close if keep else self.inner] + inner + document[self.close :]


def _root(document: bytes) -> _Element:
    """Every element with its place in the bytes. Raises PlacementError."""
    parser = expat.ParserCreate("UTF-8")
    around = _Element("", 0, 0)
    open_: list[_Element] = [around]

    def start(name: str, _: object) -> None:
        tag = _TAG.match(document, parser.CurrentByteIndex)
        element = _Element(name, parser.CurrentByteIndex, tag.end() if tag else 0)
        open_[-1].children.append(element)
        open_.append(element)

    def end(_: str) -> None:
        element = open_.pop()
        if document[element.inner - 2 : element.inner] != b"/>":
            element.close = parser.CurrentByteIndex

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = _no_doctype
    parser.XmlDeclHandler = _utf8_only
    try:
        parser.Parse(document, True)
    except expat.ExpatError:
        around.children.clear()
    if around.children and is_utf8(document):
        return around.children[0]
    raise PlacementError("the body is not well-formed XML in UTF-8")


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


def _wrapped(steps: Sequence[str], text: bytes, prefix: str) -> bytes:
    for step in reversed(steps):
        name = f"{prefix}{step}".encode()
        text = b"<%s>%s</%s>" % (name, text, name)
    return text
