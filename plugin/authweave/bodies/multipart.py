"""`multipart/form-data`: RFC 7578, with names escaped as browsers do (WHATWG HTML, multipart/form-data encoding)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Any, Final, Self

from authweave.drafts.media_types import media_type, parameters, unescaped
from authweave.drafts.texts import texts_for
from authweave.errors import PlacementError

_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
_DISPOSITION: Final = re.compile(
    rb"\r\ncontent-disposition:[ \t]*form-data[ \t]*((?:[^\r\n]|\r\n[ \t])*)", re.IGNORECASE
)
_DOUBTFUL: Final = re.compile(r"[\\\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_ESCAPES: Final = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


class MultipartBody:
    """Parts between boundary lines. A list is a field that is repeated; the parts of the caller stay byte for byte."""

    __slots__ = ("_after", "_before", "_boundary", "_names", "_parts", "content_type")

    def __init__(
        self, boundary: str, before: list[bytes], parts: list[bytes], after: bytes, content_type: str = ""
    ) -> None:
        self._boundary = boundary.encode()
        self._before = before
        self._parts = [[part] for part in parts]
        self._names = _Names(map(_name_of, parts))
        self._after = after
        self.content_type = content_type

    @classmethod
    def empty(cls, content_type: str | None) -> Self:
        """No parts yet, and a boundary that nobody can guess."""
        sent_as = content_type or "multipart/form-data"
        boundary = media_type(sent_as)[1].get("boundary")
        if boundary is None:
            boundary = f"authweave-{secrets.token_hex(16)}"
            sent_as = f"{sent_as}; boundary={boundary}"
        return cls(_known(boundary), [], [], f"--{boundary}--\r\n".encode(), sent_as)

    @classmethod
    def read(cls, body: bytes, parameters: Mapping[str, str]) -> Self:
        """The parts as they were written. Raises PlacementError if the boundary lines are not there."""
        boundary = _known(parameters.get("boundary", ""))
        lines = list(_lines(boundary).finditer(body))
        close = next((index for index, line in enumerate(lines) if line[2]), None)
        if close is None:
            raise PlacementError("the multipart body has no closing boundary")
        starts = [line.start(1) for line in lines[: close + 1]]
        ends = [line.start() for line in lines[1 : close + 1]]
        before = [body[: lines[0].start()]] if starts[0] else []
        parts = [body[start:end] for start, end in zip(starts[:-1], ends, strict=True)]
        return cls(boundary, before, parts, body[starts[-1] :])

    def has(self, key: str) -> bool:
        """Is there a part of this name?"""
        return bool(self._names.places(key))

    def put(self, key: str, value: Any) -> None:
        """Set the part, before the closing boundary if there was none."""
        if _DOUBTFUL.search(key):
            raise PlacementError(f"payload field {key}: servers disagree about a backslash or control character in the name of a part")
        fresh = [self._part(key, text) for text in texts_for(value, f"payload field {key}")]
        first, *others = self._names.places(key) or [len(self._parts)]
        if first == len(self._parts):
            self._parts.append([])
        for place in (first, *others):
            self._parts[place] = []
            self._names.forget(place)
        self._parts[first] = fresh
        self._names.note(first, key.translate(_ESCAPES))

    def encode(self) -> bytes:
        """The body as it is sent."""
        return b"\r\n".join([*self._before, *(part for parts in self._parts for part in parts), self._after])

    def _part(self, key: str, text: str) -> bytes:
        content = text.encode()
        if b"\r\n--" + self._boundary in b"\r\n" + content:
            raise PlacementError(f"payload field {key} holds the boundary of the multipart body")
        name = key.translate(_ESCAPES).encode()
        return b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s' % (self._boundary, name, content)


def _known(boundary: str) -> str:
    if not _BOUNDARY.fullmatch(boundary):
        raise PlacementError("the Content-Type of the multipart body has no usable boundary (RFC 2046 §5.1.1)")
    return boundary


def _lines(boundary: str) -> re.Pattern[bytes]:
    """Boundary lines: group 1 starts at the dashes, group 2 is there at the closing one."""
    return re.compile(rb"(?:\A|\r\n)(--%s(--)?)[ \t]*(?=\r\n|\Z)" % re.escape(boundary.encode()))


def _name_of(part: bytes) -> str | None:
    """The name of a part as it is written between the quotes; None if it has none."""
    end = part.find(b"\r\n\r\n")
    found = _DISPOSITION.search(part, 0, len(part) if end < 0 else end)
    written = parameters(found[1].decode(errors="replace")) if found else None
    return (written or {}).get("name")


class _Names:
    """Which parts have a name: as browsers write it, or with quoted pairs. Each part is looked at once, however many fields go in."""

    __slots__ = ("_escaped", "_said", "_written")

    def __init__(self, written: Iterable[str | None]) -> None:
        self._written: dict[int, str] = {}
        self._escaped: dict[str, list[int]] = {}
        self._said: dict[str, list[int]] = {}
        for place, name in enumerate(written):
            if name is not None:
                self.note(place, name)

    def places(self, key: str) -> list[int]:
        """The parts of this name, in order."""
        return sorted({*self._escaped.get(key.translate(_ESCAPES), ()), *self._said.get(key, ())})

    def note(self, place: int, name: str) -> None:
        """What stands there has this name now, as it is written."""
        self._written[place] = name
        self._escaped.setdefault(name, []).append(place)
        self._said.setdefault(unescaped(name), []).append(place)

    def forget(self, place: int) -> None:
        """Nothing stands there any more."""
        if (name := self._written.pop(place, None)) is not None:
            self._escaped[name].remove(place)
            self._said[unescaped(name)].remove(place)
