"""A body decoded piece by piece, never more of it at once than was asked for: RFC 9110 §8.4."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from authweave.errors import ProtocolFailure

MOST_WHOLE: Final = 1024 * 1024
"""Bytes of a body that is kept whole once it is decoded."""
_PIECE = 64 * 1024
_GZIP = 16 + zlib.MAX_WBITS
_NAMES = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}


def coding(lines: Iterable[str], *, host: str) -> str:
    """The one content coding of an answer: identity, gzip or deflate. Anything else is a ProtocolFailure."""
    codings = [name for line in lines for name in (part.strip().lower() for part in line.split(",")) if name]
    codings = [name for name in codings if name != "identity"]
    if not codings:
        return "identity"
    if len(codings) > 1:
        raise _failure(host, f"{len(codings)} content codings one inside the other: one at most is read", "encoding")
    if codings[0] not in _NAMES:
        raise _failure(host, "a content coding that was not asked for; gzip was", "encoding")
    return _NAMES[codings[0]]


def inflated(chunks: Iterable[bytes], codings: Iterable[str], *, host: str) -> Iterator[bytes]:
    """The decoded pieces, each of at most 64 KiB, so that a reader who stops early never held a bomb.

    `codings` are the lines of Content-Encoding; they do not matter where there is no body. Raises ProtocolFailure
    for a coding that is not read, and for data that is not in its coding or ends in the middle.
    """
    name = ""
    stream = _Stream(gzip=False)
    for chunk in filter(None, chunks):
        if not name:
            name = coding(codings, host=host)
            stream = _Stream(gzip=name == "gzip")
        yield from (chunk,) if name == "identity" else _drained(stream, chunk, host)
    if name not in ("", "identity"):
        yield from _drained(stream, b"", host)
        if not stream.is_complete:
            raise _failure(host, f"a body whose {name} data ends in the middle", "truncated")


def inflated_whole(raw: bytes, codings: Iterable[str]) -> bytes | None:
    """A body that is at hand, decoded; None for one that cannot be, or that would be too large for a rule to read."""
    whole = bytearray()
    try:
        for piece in inflated([raw], codings, host=""):
            whole += piece
            if len(whole) > MOST_WHOLE:
                return None
    except ProtocolFailure:
        return None
    return bytes(whole)


def _drained(stream: _Stream, data: bytes, host: str) -> Iterator[bytes]:
    """What comes of this input; what the decoder holds back for want of room follows with the next input."""
    piece = b" "
    while data or piece:
        piece, data = _step(stream, data, host)
        if piece:
            yield piece


class _Stream:
    """One coding in progress: gzip with any number of members (RFC 1952 §2.2), deflate with or without its wrapper."""

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._untouched = True
        self._over = False
        self._inner = zlib.decompressobj(_GZIP if gzip else zlib.MAX_WBITS)

    @property
    def is_complete(self) -> bool:
        return self._untouched or self._over or self._inner.eof

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """One piece of output, and the input that is still to be fed."""
        if self._over or (self._untouched and not data):
            return b"", b""
        if self._untouched and not self._gzip and not _has_zlib_head(data):
            self._inner = zlib.decompressobj(-zlib.MAX_WBITS)
        self._untouched = False
        piece = self._inner.decompress(data, _PIECE)
        if not self._inner.eof:
            return piece, self._inner.unconsumed_tail
        return piece, self._after_end(self._inner.unused_data)

    def _after_end(self, rest: bytes) -> bytes:
        if not rest:
            return b""
        if not self._gzip or rest[0] != 0x1F:  # padding after the end: browsers and curl pass over it
            self._over = True
            return b""
        self._inner = zlib.decompressobj(_GZIP)
        return rest


def _has_zlib_head(data: bytes) -> bool:
    """Some servers send bare deflate data for `deflate`: the low nibble of a wrapper's first byte is 8."""
    return data[0] & 0x0F == 8


def _step(stream: _Stream, data: bytes, host: str) -> tuple[bytes, bytes]:
    try:
        return stream.feed(data)
    except zlib.error:
        pass
    raise _failure(host, "a body that is not in the content coding it announces", "encoding")


def _failure(host: str, what: str, detail: str) -> ProtocolFailure:
    return ProtocolFailure(f"{host} sent {what}", stage="body", host=host, detail=detail)
