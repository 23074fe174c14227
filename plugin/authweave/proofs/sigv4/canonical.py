"""The canonical request: the one text that both sides make of a request, whatever way it was written.

AWS, "Create a signed AWS API request", step 1. A path or query here is as it is sent: percent-encoded once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from authweave.proofs.sigv4.writing import encoded, pairs_of

UNSIGNED_PAYLOAD: Final = "UNSIGNED-PAYLOAD"
EMPTY_PAYLOAD: Final = hashlib.sha256(b"").hexdigest()

_NEVER_SIGNED: Final = frozenset({
    "authorization",
    # one connection's own affair, or rewritten by whoever carries the request: HTTP/2 splits `cookie` into several fields
    "connection", "cookie", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade", "accept", "accept-encoding", "cache-control", "pragma", "user-agent",
    # put in on the way
    "baggage", "forwarded", "traceparent", "tracestate", "via", "x-amzn-trace-id", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port",
    "x-forwarded-proto", "x-real-ip",
})  # fmt: skip
_BLANKS: Final = re.compile(r"[ \t\r\n]+")

Headers = Iterable[tuple[str, str]]


def payload_hash(body: bytes) -> str:
    """SHA-256 of the body as it is sent, in hex."""
    return hashlib.sha256(body).hexdigest()


def signed_headers(headers: Headers) -> list[tuple[str, str]]:
    """The header fields that take part, as they are signed: names in lower case and sorted, values trimmed, those of one name joined."""
    gathered: dict[str, list[str]] = {}
    for name, value in headers:
        if (lower := name.lower()) not in _NEVER_SIGNED:
            gathered.setdefault(lower, []).append(_BLANKS.sub(" ", value).strip(" "))
    return [(name, ",".join(gathered[name])) for name in sorted(gathered)]


def canonical_path(path: str, *, is_key: bool) -> str:
    """The path as it is signed. Everywhere it is encoded anew, `%` too, after dots and double slashes are resolved; but
    where a path is the key of an object (`is_key`: S3) it is decoded and encoded once, and nothing in it is resolved.
    """
    if is_key:
        return quote(unquote_to_bytes(path), safe="/-_.~") or "/"
    return quote(_resolved(path), safe="/-_.~")


def canonical_query(query: str) -> str:
    """The parameters, each encoded once, sorted by name and then by value; `+` is a space, a name without `=` has an empty value."""
    return "&".join(f"{name}={value}" for name, value in sorted((encoded(name), encoded(value or b"")) for name, value in pairs_of(query)))


def canonical_request(method: str, path: str, query: str, headers: Iterable[tuple[str, str]], payload: str) -> str:
    """The canonical request. `path` and `query` are canonical, `headers` as `signed_headers` gives them, `payload` is its hash or word."""
    fields = list(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in fields)
    return f"{method}\n{path}\n{query}\n{lines}\n{';'.join(name for name, _ in fields)}\n{payload}"


def _resolved(path: str) -> str:
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    return "/" + "/".join(segments) + ("/" if segments and path.endswith("/") else "")
