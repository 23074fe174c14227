"""What a profile added never reaches another origin, also when the caller's client follows redirects.

httpx copies a request's headers to the next hop and drops only `Authorization`. The guard sits in the `trace` extension
of the request, which travels along: httpcore calls it before the headers of every hop are written, and there what the
profile added is taken out again. A body with a placed payload is refused instead (307, 308).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from authweave.errors import OriginRefused

_BEFORE_HEADERS: Final = frozenset({"http11.send_request_headers.started", "http2.send_request_headers.started"})
_DEFAULT_PORTS: Final = {b"https": 443, b"http": 80}


class RedirectGuard:
    """Lets the added headers through to one origin. `in_sync` and `in_async` are the two colours of the extension.

    `then` is a trace of the caller's own, which is called first.
    """

    __slots__ = ("_has_payload", "_host", "_names", "_port", "_scheme", "_then", "in_async", "in_sync")

    def __init__(
        self, scheme: str, host: str, port: int | None, names: Iterable[str], *, has_payload: bool = False,
        then: Callable[..., Any] | None = None,
    ) -> None:  # fmt: skip
        self._scheme = scheme.encode("ascii")
        self._host = host.encode("idna" if not host.isascii() else "ascii").lower()
        self._port = port or _DEFAULT_PORTS[self._scheme]
        self._names = frozenset(name.lower().encode("ascii") for name in names)
        self._has_payload = has_payload
        self._then = then
        self.in_sync = self._in_sync
        self.in_async = self._in_async

    def _in_sync(self, event: str, info: dict[str, Any]) -> None:
        if self._then is not None:
            self._then(event, info)
        if event in _BEFORE_HEADERS:
            self._filter(info["request"])

    async def _in_async(self, event: str, info: dict[str, Any]) -> None:
        if self._then is not None:
            await self._then(event, info)
        if event in _BEFORE_HEADERS:
            self._filter(info["request"])

    def _filter(self, request: Any) -> None:
        if request.method == b"CONNECT" or self._is_home(request.url):
            return
        if self._has_payload and request.method not in (b"GET", b"HEAD"):
            raise OriginRefused("a redirect would carry the body, and in it what the profile placed, to another origin; it was not followed")
        request.headers = [(name, value) for name, value in request.headers if name.lower() not in self._names]

    def _is_home(self, url: Any) -> bool:
        port = url.port or _DEFAULT_PORTS.get(url.scheme)
        return (url.scheme, url.host.lower().strip(b"[]"), port) == (self._scheme, self._host.strip(b"[]"), self._port)
