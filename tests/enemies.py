"""What an endpoint can answer to do harm: bytes that never end, that lie about their end, that unpack to very much, that are no HTTP.

    for name, behaviour in ENEMIES.items(): ...

Each is a behaviour for `sockets.Server`. None of them is an answer that a call could be content with, but those of `HARMLESS`.
"""

from __future__ import annotations

import gzip
import socket
import zlib
from typing import Final

from sockets import Behaviour, Peer, close, hang, hang_after_request, http, reset, says

GOOD: Final = b'{"access_token":"AT","token_type":"Bearer","expires_in":60}'
HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED: Final = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
SIZED: Final = b"Content-Length: %d\r\n\r\n"
MEBIBYTE: Final = 1024 * 1024


def floods(prefix: bytes, unit: bytes, times: int = 2000) -> Behaviour:
    """These bytes, and then the unit again and again, as fast as the other side takes it."""
    much = unit * times

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(prefix)
        while not peer.closing.is_set():
            peer.send(much)

    return behave


def drips(prefix: bytes, data: bytes, interval: float = 0.05) -> Behaviour:
    """These bytes at once, the rest one by one, and then nothing."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(prefix)
        peer.drip(data, interval)
        peer.hang()

    return behave


def ends(data: bytes, how: str) -> Behaviour:
    """These bytes, and then a RST or the end of one direction."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(data)
        if how == "reset":
            peer.reset()
        else:
            peer.socket.shutdown(socket.SHUT_WR)
            peer.hang()

    return behave


def whole(body: bytes, *lines: bytes) -> Behaviour:
    """A whole answer with these header lines."""
    return says(HEAD + b"".join(line + b"\r\n" for line in lines) + SIZED % len(body) + body)


def packed(data: bytes, coding: bytes = b"gzip") -> Behaviour:
    """A body in a content coding."""
    return whole(data, b"Content-Encoding: " + coding)


def much(unit: bytes, mebibytes: int, wbits: int, end: bytes = b"") -> bytes:
    """So many packed mebibytes of one byte. One of them is packed, the others are that again: this is done wherever tests are collected."""
    deflate, mebibyte = zlib.compressobj(9, wbits=-15), unit * MEBIBYTE
    one = deflate.compress(mebibyte) + deflate.flush(zlib.Z_FULL_FLUSH)
    raw = one * mebibytes + deflate.compress(end) + deflate.flush()
    if wbits == -15:
        return raw
    checksum, check = (zlib.crc32, 0) if wbits == 31 else (zlib.adler32, 1)
    for part in (*[mebibyte] * mebibytes, end):
        check = checksum(part, check)
    if wbits == 15:
        return b"\x78\xda" + raw + check.to_bytes(4, "big")
    return b"\x1f\x8b\x08\0\0\0\0\0\2\xff" + raw + check.to_bytes(4, "little") + (mebibytes * MEBIBYTE + len(end)).to_bytes(4, "little")


GZIP: Final = much(b"\0", 64, 31)


SLOW: Final[dict[str, Behaviour]] = {
    "slow status line": drips(b"", b"HTTP/1.1 200 OK\r\n" * 50),
    "slow headers": drips(HEAD, b"X-A: b\r\n" * 500),
    "slow body": drips(HEAD + SIZED % 59, GOOD, 0.2),
    "slow body without a length": drips(HEAD + b"\r\n", b" " * 10_000, 0.02),
    "slow chunks": drips(CHUNKED, b"1\r\n{\r\n" * 500),
    "slow interim answers": drips(b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 500, 0.005),
    "never answers": hang_after_request,
    "never reads": hang,
    "no body after the headers": drips(HEAD + SIZED % 59, b""),
    "chunks that do not end": drips(CHUNKED + b"1\r\n{\r\n", b""),
}
ENDLESS: Final[dict[str, Behaviour]] = {
    "headers": floods(HEAD, b"X-A: bbbbbbbb\r\n"),
    "one header": floods(HEAD + b"X: ", b"bbbbbbbbbbbb"),
    "a folded header": floods(HEAD + b"X: a\r\n", b" b\r\n"),
    "the status line": floods(b"HTTP/1.1 200 ", b"bbbbbbbbbbbb"),
    "blank lines": floods(b"", b"\r\n"),
    "100": floods(b"", b"HTTP/1.1 100 \r\n\r\n"),
    "103": floods(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"),
    "cookies": floods(HEAD, b"Set-Cookie: a=b\r\n"),
    "chunks": floods(CHUNKED, b"10\r\n0123456789abcdef\r\n"),
    "chunks of one byte": floods(CHUNKED, b"1\r\nx\r\n"),
    "a chunk extension": floods(CHUNKED + b"1;", b"a=bbbbbbbb;"),
    "chunk extensions": floods(CHUNKED, b"1;" + b"a" * 5000 + b"\r\nx\r\n", 20),
    "a chunk size": floods(CHUNKED, b"0000"),
    "trailers": floods(CHUNKED + b"0\r\n", b"X: y\r\n"),
    "a body": floods(HEAD + b"\r\n", b"x" * 40),
    "white space": floods(HEAD + b"\r\n", b"    "),
    "gzip members of nothing": floods(HEAD + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(b"")),
    "deflate blocks of nothing": floods(HEAD + b"Content-Encoding: deflate\r\n\r\n", b"\x00\x00\x00\xff\xff"),
    "garbage": floods(b"", b"\x00\x01\x02\x03"),
}
BROKEN: Final[dict[str, Behaviour]] = {
    "accepts and closes": close,
    "RST": reset,
    "RST in the headers": ends(HEAD, "reset"),
    "RST in the body": ends(HEAD + SIZED % 59 + b"{", "reset"),
    "half closed": ends(b"", "half"),
    "half closed in the headers": ends(HEAD, "half"),
    "half closed in the body": ends(HEAD + SIZED % 59 + b"{", "half"),
    "half closed in a chunk": ends(CHUNKED + b"9\r\n{", "half"),
    "Content-Length too long": says(HEAD + SIZED % 500 + GOOD),
    "Content-Length too short": says(HEAD + SIZED % 10 + GOOD),
    "two Content-Lengths": says(HEAD + b"Content-Length: 5\r\n" + SIZED % 59 + GOOD),
    "Content-Lengths in a list": says(HEAD + b"Content-Length: 59, 5\r\n\r\n" + GOOD),
    "Content-Length negative": says(HEAD + b"Content-Length: -1\r\n\r\n" + GOOD),
    "Content-Length of 20 digits": says(HEAD + b"Content-Length: 99999999999999999999\r\n\r\n" + GOOD),
    "Content-Length of 5,000 digits": says(HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n" + GOOD),
    "Content-Length in hex": says(HEAD + b"Content-Length: 0x3b\r\n\r\n" + GOOD),
    "Content-Length with a sign": says(HEAD + b"Content-Length: +59\r\n\r\n" + GOOD),
    "Content-Length with a blank": says(HEAD + b"Content-Length: 5 9\r\n\r\n" + GOOD),
    "Content-Length and chunks that end early": says(HEAD + b"Transfer-Encoding: chunked\r\n" + SIZED % 59 + GOOD),
    "two Transfer-Encodings": says(HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "Transfer-Encoding gzip, chunked": says(HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    "Transfer-Encoding unknown": says(HEAD + b"Transfer-Encoding: cow\r\n\r\n" + GOOD),
    "chunk size negative": says(CHUNKED + b"-1\r\n" + GOOD),
    "chunk size with 0x": says(CHUNKED + b"0x3b\r\n" + GOOD + b"\r\n0\r\n\r\n"),
    "chunk size no number": says(CHUNKED + b"zz\r\n" + GOOD),
    "chunk size of 16 digits": says(CHUNKED + b"FFFFFFFFFFFFFFFF\r\n" + GOOD),
    "chunk size of 40 digits": says(CHUNKED + b"f" * 40 + b"\r\n" + GOOD),
    "chunk longer than its size": says(CHUNKED + b"3\r\n" + GOOD + b"\r\n0\r\n\r\n"),
    "chunks cut": says(CHUNKED + b"3b\r\n" + GOOD[:20]),
    "HTTP/0.9": says(GOOD),
    "HTTP/2 preface": says(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"),
    "HTTP/2 frames": says(b"\0\0\x12\4\0\0\0\0\0" + bytes(18)),
    "HTTP/2 status line": says(b"HTTP/2 200\r\n\r\n" + GOOD),
    "status 000": says(b"HTTP/1.1 000 X\r\n\r\n" + GOOD),
    "status 099": says(b"HTTP/1.1 099 X\r\n\r\n" + GOOD),
    "status of 4 digits": says(b"HTTP/1.1 2000 X\r\n\r\n" + GOOD),
    "status 101": says(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n" + GOOD),
    "every byte": says(bytes(range(256)) * 20),
    "a TLS alert": says(b"\x15\x03\x01\x00\x02\x02\x28"),
    "another protocol": says(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "NUL in a header": says(HEAD + b"X: a\0b\r\n" + SIZED % 59 + GOOD),
    "CR in a header": says(HEAD + b"X: a\rb\r\n" + SIZED % 59 + GOOD),
    "a header without a colon": says(HEAD + b"what\r\n" + SIZED % 59 + GOOD),
    "a header without a name": says(HEAD + b": x\r\n" + SIZED % 59 + GOOD),
    "150 KiB of headers": says(HEAD + b"X: " + b"x" * 150_000 + b"\r\n" + SIZED % 59 + GOOD),
    "50,000 headers": says(HEAD + b"X: y\r\n" * 50_000 + SIZED % 59 + GOOD),
}
PACKED: Final[dict[str, Behaviour]] = {
    "gzip bomb": packed(GZIP),
    "deflate bomb": packed(much(b"\0", 64, 15), b"deflate"),
    "bare deflate bomb": packed(much(b"\0", 64, -15), b"deflate"),
    "x-gzip bomb": packed(GZIP, b"x-gzip"),
    "bomb of many members": packed(gzip.compress(bytes(MEBIBYTE)) * 64),
    "bomb of white space": packed(much(b" ", 20, 31, GOOD)),
    "bomb in chunks": says(
        HEAD + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n" + b"%x\r\n" % len(GZIP) + GZIP + b"\r\n0\r\n\r\n"
    ),
    "gzip in gzip in gzip": packed(gzip.compress(gzip.compress(gzip.compress(GOOD))), b"gzip, gzip, gzip"),
    "gzip in gzip, in two lines": whole(gzip.compress(gzip.compress(GOOD)), b"Content-Encoding: gzip", b"Content-Encoding: gzip"),
    "gzip in gzip that is not told": packed(gzip.compress(gzip.compress(GOOD))),
    "gzip of br": packed(gzip.compress(GOOD), b"br, gzip"),
    "br": packed(GOOD, b"br"),
    "zstd": packed(b"\x28\xb5\x2f\xfd\x04\x58", b"zstd"),
    "compress": packed(GOOD, b"compress"),
    "dcb": packed(GOOD, b"dcb"),
    "an unknown coding": packed(GOOD, b"cow"),
    "a coding of odd bytes": packed(GOOD, b"\xff\xfe"),
    "5,000 codings": packed(GOOD, b"gzip," * 5000),
    "no gzip": packed(GOOD),
    "no deflate": packed(b"\xff" * 40, b"deflate"),
    "gzip cut in its data": packed(gzip.compress(GOOD)[:-12]),
    "gzip cut in its trailer": packed(gzip.compress(GOOD)[:-4]),
    "gzip cut in its head": packed(gzip.compress(GOOD)[:5]),
    "gzip with a wrong checksum": packed(gzip.compress(GOOD)[:-8] + bytes(8)),
}
ENEMIES: Final[dict[str, Behaviour]] = {
    **SLOW, **{f"endless {name}": behaviour for name, behaviour in ENDLESS.items()}, **BROKEN, **PACKED,
}  # fmt: skip
HARMLESS: Final[dict[str, Behaviour]] = {
    "Content-Length twice": says(HEAD + b"Content-Length: 59\r\n" + SIZED % 59 + GOOD),
    "Content-Length and chunks": says(HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3b\r\n" + GOOD + b"\r\n0\r\n\r\n"),
    "more than was announced": says(http(body=GOOD) + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL"),
    "headers in Latin-1": whole(GOOD, b"X-Name: \xe9\xff"),
    "many cookies": whole(GOOD, *[b"Set-Cookie: a=b"] * 4000),
    "a body until the end": says(b"HTTP/1.0 200 OK\r\n\r\n" + GOOD),
    "interim answers": says(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 10 + http(body=GOOD)),
    "deflate without a wrapper": packed(zlib.compress(GOOD)[2:-4], b"deflate"),
    "gzip in members": packed(gzip.compress(GOOD[:20]) + gzip.compress(GOOD[20:])),
    "identity": packed(GOOD, b"identity"),
}
"""Odd, and still one answer that everybody reads alike."""
