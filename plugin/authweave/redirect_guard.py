"""What a profile added never reaches another origin, also when the caller's client follows redirects.

httpx copies a request's headers to the next hop and drops only `Authorization`. The guard sits in the `trace` extension
of the request, which travels along: httpcore calls it before the headers of every hop are written, and there what the
profile added is taken out again, and out of a query that the redirect repeats. A body with a placed payload is refused
instead (307, 308; and every status where a GET has one), and so is a path that repeats what was filled in.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import unquote, unquote_plus

from authweave.errors import OriginRefused

_BEFORE_HEADERS: Final = frozenset({"http11.send_request_headers.started", "http2.send_request_headers.started"})
_DEFAULT_PORTS: Final = {b"https": 443, b"http": 80}
_ABSOLUTE: Final = re.compile(rb"(https?)://(\[[^\]]*\]|[^/:?#]*)(?::([0-9]+))?(?=[/?#]|$)", re.IGNORECASE)


class RedirectGuard:
    """Lets the added headers through to one origin. `in_sync` and `in_async` are the two colours of the extension.

    `pairs` are what was put into the query, decoded (`key=value`), and `segments` what was filled into the path: a redirect
    may repeat either. `then` is a trace of the caller's own, which is called first. `was_called` tells a transport that
    has no trace.
    """

    __slots__ = ("_has_payload", "_home", "_names", "_pairs", "_segments", "then", "was_called")

    def __init__(
        self, scheme: str, host: bytes, port: int | None, names: Iterable[str], *, has_payload: bool = False,
        pairs: Iterable[str] = (), segments: Iterable[str] = (), then: Callable[..., Any] | None = None,
    ) -> None:  # fmt: skip
        self._home = _origin(scheme.encode("ascii"), host, port)
        self._names = frozenset(name.lower().encode("ascii") for name in names)
        self._has_payload = has_payload
        self._pairs = frozenset(pairs)
        self._segments = frozenset(segments)
        self.then = then
        self.was_called = False

    def is_home(self, scheme: str, host: bytes, port: int | None) -> bool:
        """Is it the origin that the headers are for?"""
        return _origin(scheme.encode("ascii"), host, port) == self._home

    def succeed(self, before: RedirectGuard) -> None:
        """Guard what an earlier guard of the same request did, too: another profile may have placed it.

        Raises OriginRefused where the request was changed since to go elsewhere, and still carries that.
        """
        if self._home != before._home and (before._names - self._names or before._has_payload or before._pairs or before._segments):
            raise OriginRefused("the request was changed to another origin after it got a credential; make a new one")
        self._names |= before._names
        self._pairs |= before._pairs
        self._segments |= before._segments
        self._has_payload |= before._has_payload
        self.then = before.then

    def in_sync(self, event: str, info: dict[str, Any]) -> None:
        """For `httpx.Client`."""
        if self.then is not None:
            self.then(event, info)
        if event in _BEFORE_HEADERS:
            self._filter(info["request"])

    async def in_async(self, event: str, info: dict[str, Any]) -> None:
        """For `httpx.AsyncClient`."""
        if self.then is not None:
            await self.then(event, info)
        if event in _BEFORE_HEADERS:
            self._filter(info["request"])

    def in_either(self, event: str, info: dict[str, Any]) -> Any:
        """For a request whose client is not known yet: what calls it is a coroutine, and awaits, or is none."""
        called_by = sys._getframe(1).f_code.co_flags
        return (self.in_async if called_by & inspect.CO_COROUTINE else self.in_sync)(event, info)

    def _filter(self, request: Any) -> None:
        self.was_called = True
        if request.method == b"CONNECT" or _target(request.url) == self._home:
            return
        if self._has_payload and (request.method not in (b"GET", b"HEAD") or _has_body(request.headers)):
            raise OriginRefused("a redirect would carry the body, and in it what the profile placed, to another origin; it was not followed")
        request.headers = [(name, value) for name, value in request.headers if name.lower() not in self._names]
        path, mark, query = request.url.target.partition(b"?")
        if self._segments and not self._segments.isdisjoint(unquote(segment) for segment in path.decode("latin-1").split("/")):
            raise OriginRefused("a redirect repeats what the profile put into the path, and leads to another origin; it was not followed")
        if self._pairs and (kept := self._without_pairs(query)) != query:
            request.url.target = path + (mark if kept else b"") + kept

    def _without_pairs(self, query: bytes) -> bytes:
        return b"&".join(part for part in query.split(b"&") if unquote_plus(part.decode("latin-1")) not in self._pairs)


def _has_body(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Does a body follow? httpx keeps that of a GET or HEAD on every redirect."""
    return any(name.lower() == b"transfer-encoding" or (name.lower() == b"content-length" and value != b"0") for name, value in headers)


def _target(url: Any) -> tuple[bytes, bytes, int | None]:
    """Where a request goes. To a proxy without a tunnel the whole URL is the target, and the rest is the proxy's."""
    if absolute := _ABSOLUTE.match(url.target):
        scheme, host, port = absolute.groups()
        return _origin(scheme, host, int(port) if port else None)
    return _origin(url.scheme, url.host, url.port)


def _origin(scheme: bytes, host: bytes, port: int | None) -> tuple[bytes, bytes, int | None]:
    return scheme.lower(), host.lower().strip(b"[]"), port or _DEFAULT_PORTS.get(scheme.lower())
