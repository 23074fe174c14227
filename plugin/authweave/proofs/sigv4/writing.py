"""A path and a query as AWS's own clients send them, so that no two readers understand them differently.

What stands in a URL unescaped (`:` in a path, `+` in a query) is read in more than one way on the other side, and a
signature holds for one of them only. Written out, there is one way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, unquote_to_bytes

_DOTS: Final = re.compile(rb"\.{1,2}")


def sent_path(path: str, *, is_key: bool = False) -> str:
    """The path with each segment encoded once, dot segments resolved (RFC 3986 §5.2.4) as every client does that sends it.

    An escaped segment of dots stays escaped: it is a name, not a way. In the key of an object (`is_key`: S3) an escaped
    slash is a slash like any other.
    """
    segments: list[str] = []
    parts = path.split("/")[1:] if path.startswith("/") else path.split("/")
    for position, segment in enumerate(parts):
        is_last = position == len(parts) - 1
        if segment in (".", ".."):
            if segment == "..":
                del segments[-1:]
            if is_last:
                segments.append("")
        else:
            name = unquote_to_bytes(segment)
            segments += map(_segment, name.split(b"/") if is_key else [name])
    return "/" + "/".join(segments)


def sent_query(query: str) -> str:
    """The query with every name and value encoded once, in the order it had; `+` is a space."""
    return "&".join(encoded(name) if value is None else f"{encoded(name)}={encoded(value)}" for name, value in pairs_of(query))


def pairs_of(query: str) -> Iterator[tuple[bytes, bytes | None]]:
    """Names and values, decoded; None where no `=` stands. Empty pieces (`a&&b`) are nothing."""
    for piece in query.split("&"):
        if piece:
            name, equals, value = piece.partition("=")
            yield _decoded(name), _decoded(value) if equals else None


def encoded(value: bytes) -> str:
    """Every byte but the unreserved ones (RFC 3986 §2.3) as `%XX`."""
    return quote(value, safe="-_.~")


def _segment(name: bytes) -> str:
    return encoded(name).replace(".", "%2E") if _DOTS.fullmatch(name) else encoded(name)


def _decoded(text: str) -> bytes:
    return unquote_to_bytes(text.replace("+", " "))
