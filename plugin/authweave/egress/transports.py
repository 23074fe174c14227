"""Transports for httpx clients under an egress policy: each request is checked on its way out, redirects and all.

A client that follows a redirect sends each hop through its transport: so each is asked for anew, before DNS and for its addresses.
Imports httpx: itself imported where a client is made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import httpx

from authweave.egress.errand import calling_for
from authweave.egress.pinning import AsyncPinningBackend, PinningBackend, Pins, leaving
from authweave.egress.ways import Ways
from authweave.errors import AuthweaveError, EgressRefused
from authweave.machine.forks import Lock
from authweave.net.proxy import Proxy
from authweave.net.routed import AsyncRoutedTransport, RoutedTransport, connecting_by
from authweave.net.target import bracketed
from authweave.net.unasked_answers import wary

_NOT_HELD: Final = EgressRefused("this version of httpx cannot be held to an egress policy: its connections are made elsewhere", stage="connect", host="", detail="httpx")


class GuardedTransport(httpx.BaseTransport):
    """Asks the guard, then sends by httpx's own transport over a connection to a checked address, or through a listed proxy."""

    def __init__(self, ways: Ways, **options: Any) -> None:
        self._ways = ways
        self._options = options
        self._direct = _direct(0, ways, options, lambda **own: _pinned(httpx.HTTPTransport(**own), lambda inner: PinningBackend(Pins(ways.guard, ways.resolve), inner)))
        self._proxied: dict[Proxy, Any] = {}
        self._lock = Lock()

    def handle_request(self, request: Any) -> Any:
        """Send it, if the guard lets it go. Raises EgressRefused, ProxyFailure."""
        failure: AuthweaveError
        try:
            return self._handled(request)
        except AuthweaveError as error:
            failure = error.fresh()
        raise failure

    def _handled(self, request: Any) -> Any:
        target, purpose, proxy = self._ways.leave(request)
        if proxy is not None:
            return self._through(proxy).handle_request(request)
        token = leaving.set(target)
        try:
            with calling_for(purpose, self._ways.errand):
                return self._direct.handle_request(request)
        finally:
            leaving.reset(token)

    def _through(self, proxy: Proxy) -> Any:
        with self._lock:
            if proxy not in self._proxied:
                self._proxied[proxy] = wary(httpx.HTTPTransport(**self._options, proxy=_for_httpx(proxy)))
            return self._proxied[proxy]

    def close(self) -> None:
        """Close every connection."""
        for transport in (self._direct, *self._proxied.values()):
            transport.close()


class AsyncGuardedTransport(httpx.AsyncBaseTransport):
    """The same for event loops."""

    def __init__(self, ways: Ways, **options: Any) -> None:
        self._ways = ways
        self._options = options
        self._direct = _direct(1, ways, options, lambda **own: _pinned(httpx.AsyncHTTPTransport(**own), lambda inner: AsyncPinningBackend(Pins(ways.guard, ways.resolve), inner)))
        self._proxied: dict[Proxy, Any] = {}

    async def handle_async_request(self, request: Any) -> Any:
        """Send it, if the guard lets it go. Raises EgressRefused, ProxyFailure."""
        failure: AuthweaveError
        try:
            return await self._handled(request)
        except AuthweaveError as error:
            failure = error.fresh()
        raise failure

    async def _handled(self, request: Any) -> Any:
        target, purpose, proxy = self._ways.leave(request)
        if proxy is not None:
            return await self._through(proxy).handle_async_request(request)
        token = leaving.set(target)
        try:
            with calling_for(purpose, self._ways.errand):
                return await self._direct.handle_async_request(request)
        finally:
            leaving.reset(token)

    def _through(self, proxy: Proxy) -> Any:
        if proxy not in self._proxied:
            self._proxied[proxy] = wary(httpx.AsyncHTTPTransport(**self._options, proxy=_for_httpx(proxy)))
        return self._proxied[proxy]

    async def aclose(self) -> None:
        """Close every connection."""
        for transport in (self._direct, *self._proxied.values()):
            await transport.aclose()


def _for_httpx(proxy: Proxy) -> Any:
    name, _, password = (proxy.credentials or "").partition(":")
    return httpx.Proxy(f"{proxy.scheme}://{bracketed(proxy.host)}:{proxy.port}", auth=(name, password) if proxy.credentials else None)


def _direct(colour: int, ways: Ways, options: dict[str, Any], pinned: Callable[..., Any]) -> Any:
    """The transport for what goes through no proxy: where a route leads, which is the operator's own word, or to a checked address."""
    if ways.routes is None:
        return pinned(**options)
    made: Any = (RoutedTransport, AsyncRoutedTransport)[colour]
    return made(ways.routes, pinned, **options)


def _pinned(transport: Any, around: Callable[[Any], Any]) -> Any:
    """httpx's transport, whose pool connects by ours. A version of httpx that keeps it elsewhere is refused, not trusted."""
    return connecting_by(transport, around, _NOT_HELD)
