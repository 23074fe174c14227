"""The URL of a request on its way: its path may be a template, its query is added to; the rest stays byte for byte."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote, unquote

from authweave.drafts.texts import short_text_for, texts_for
from authweave.drafts.urlencoded import Pairs
from authweave.errors import PlacementError

_URL: Final = re.compile(r"((?:[A-Za-z][A-Za-z0-9+.\-]*:)?(?://[^/?#]*)?)([^?#]*)(\?[^#]*)?")
_HOLE: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.-]*)\}")
_ENCODED_BY_ALL: Final = re.compile(r"""[^\x21-\x7e]|["<>`{}]""")
_ENCODED_BY_SOME: Final = re.compile(r"""[^A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]""")
_NOWHERE: Final = frozenset({"", ".", ".."})


class DraftUrl:
    """A URL without its fragment. Placeholders are found once, here: what is filled in is never scanned."""

    __slots__ = ("_filled", "_head", "_pieces", "placeholders", "query")

    def __init__(self, url: str, *, template: bool) -> None:
        found = _URL.match(url)
        head, path, query = found.groups() if found else (url, "", None)
        self._head: str = head
        self._pieces: list[str] = _HOLE.split(path) if template else [path]
        self._filled: dict[str, str] = {}
        self.placeholders = frozenset(self._pieces[1::2])
        self.query: bytes | None = None if query is None else query[1:].encode("utf-8", "surrogatepass")

    def __str__(self) -> str:
        path = "".join(_piece(piece, self._filled) if odd % 2 else piece for odd, piece in enumerate(self._pieces))
        query = "" if self.query is None else f"?{self.query.decode('utf-8', 'surrogatepass')}"
        return f"{self._head}{path}{query}"

    @property
    def unfilled(self) -> frozenset[str]:
        """Placeholders without a value."""
        return self.placeholders - self._filled.keys()

    def is_filled(self, name: str) -> bool:
        """Has the placeholder a value?"""
        return name in self._filled

    def fill(self, name: str, text: str) -> None:
        """Put the text into every `{name}` as one segment or part of one. Raises PlacementError if it leads elsewhere.

        Whatever is not unreserved (RFC 3986 §2.3) is escaped: a server that decodes reads the same, and `;`, `:` or `=`
        can mean nothing of their own.
        """
        if text in _NOWHERE:
            raise PlacementError(f"path field {name} is {_called(text)}, which is no part of a path")
        filled = self._filled | {name: _escaped(text)}
        if any(unquote(segment) in _NOWHERE for segment in _segments(self._pieces, filled)):
            raise PlacementError(f"path field {name} makes a segment of dots, which leads elsewhere")
        self._filled = filled


class QueryFields:
    """The query of a URL as fields: of `in: query`, and of a payload whose encoding is `query`. A list is repeated."""

    __slots__ = ("_place", "_url", "content_type")

    def __init__(self, url: DraftUrl, place: str) -> None:
        self._url = url
        self._place = place
        self.content_type = ""

    def has(self, key: str) -> bool:
        """Is there a parameter of this name?"""
        return key in Pairs(self._url.query or b"")

    def put(self, key: str, value: Any) -> None:
        """Set the parameter. A space is written `%20`, which every reader of a query takes for one."""
        texts = texts_for(value, f"{self._place} field {key}", short_text_for)
        pairs = Pairs(self._url.query or b"")
        pairs.put(key, texts, _escaped)
        self._url.query = bytes(pairs)

    def encode(self) -> bytes:
        """No body: the fields are in the URL."""
        return b""


def _escaped(text: str) -> str:
    return quote(text, safe="")


def finished_url(url: str) -> str:
    """The URL so that nothing in it is a placeholder: for the part of a template that a caller typed."""
    return url.replace("{", "%7B").replace("}", "%7D")


def refuse_rewritten(url: str, *, is_written: bool) -> None:
    """PlacementError for a URL that is not sent as it stands: what would be signed is not what a server sees.

    `is_written`: its client has written it already (it is a request of httpx's), so that only what is left unencoded counts.
    """
    found = (_ENCODED_BY_ALL if is_written else _ENCODED_BY_SOME).search(url)
    if found:
        raise PlacementError("the URL holds a character that a client encodes when it sends it; percent-encode it, so that what is signed is what is sent")
    if any(segment in (".", "..") for segment in url.partition("?")[0].split("/")):
        raise PlacementError("the path of the URL holds a dot segment, which a client resolves when it sends it; write the path without")


def _piece(name: str, filled: dict[str, str]) -> str:
    return filled.get(name, f"{{{name}}}")


def _called(text: str) -> str:
    return "a dot segment" if text else "empty"


def _segments(pieces: list[str], filled: dict[str, str]) -> list[str]:
    """The segments that hold a placeholder, with what is filled in so far."""
    segments: list[tuple[str, bool]] = [("", False)]
    for odd, piece in enumerate(pieces):
        text, has_hole = segments[-1]
        if odd % 2:
            segments[-1] = (text + _piece(piece, filled), True)
        else:
            first, *others = piece.split("/")
            segments[-1] = (text + first, has_hole)
            segments += [(other, False) for other in others]
    return [text for text, has_hole in segments if has_hole]
