"""Transports for httpx that follow an operator's routes, as the wire does: connected elsewhere, with host, SNI and URL of the real place.

Imports httpx: itself imported where a client is made.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

import httpcore
import httpx

from authweave.errors import AuthweaveError, UsageError
from authweave.net.routes import Routes
from authweave.net.unasked_answers import wary
from authweave.net.values import Route

_MADE_ELSEWHERE: Final = UsageError("this version of httpx makes its connections elsewhere, so that a client cannot follow routes (settings: routes)")


class RoutedTransport(httpx.BaseTransport):
    """Sends where the route leads, or as ever."""

    def __init__(self, routes: Routes, otherwise: Callable[..., Any] = httpx.HTTPTransport, **options: Any) -> None:
        self._routes = routes
        self._plain = otherwise(**options)
        self._made = {
            route: connecting_by(httpx.HTTPTransport(**routes.options(route, options)), functools.partial(RoutingBackend, route))
            for route in set(routes.of.values())
        }  # fmt: skip

    def handle_request(self, request: Any) -> Any:
        """Send it. Raises as the transport that it goes through."""
        route = self._routes.route(request.url)
        return (self._plain if route is None else self._made[route]).handle_request(request)

    def close(self) -> None:
        """Close every connection."""
        for transport in (self._plain, *self._made.values()):
            transport.close()


class AsyncRoutedTransport(httpx.AsyncBaseTransport):
    """The same for event loops."""

    def __init__(self, routes: Routes, otherwise: Callable[..., Any] = httpx.AsyncHTTPTransport, **options: Any) -> None:
        self._routes = routes
        self._plain = otherwise(**options)
        self._made = {
            route: connecting_by(httpx.AsyncHTTPTransport(**routes.options(route, options)), functools.partial(AsyncRoutingBackend, route))
            for route in set(routes.of.values())
        }  # fmt: skip

    async def handle_async_request(self, request: Any) -> Any:
        """Send it. Raises as the transport that it goes through."""
        route = self._routes.route(request.url)
        return await (self._plain if route is None else self._made[route]).handle_async_request(request)

    async def aclose(self) -> None:
        """Close every connection."""
        for transport in (self._plain, *self._made.values()):
            await transport.aclose()


class Unrouted:
    """In the place of a transport that nothing is sent over."""

    def __init__(self, **_: Any) -> None:
        """Of no options."""

    def close(self) -> None:
        """Nothing is open."""

    async def aclose(self) -> None:
        """Nothing is open."""


def connecting_by(transport: Any, around: Callable[[Any], Any], failure: AuthweaveError = _MADE_ELSEWHERE) -> Any:
    """httpx's transport, whose pool connects by `around` what it connected by. Raises `failure` for a version that keeps it elsewhere."""
    pool: Any = getattr(transport, "_pool", None)
    inner = getattr(pool, "_network_backend", None)
    if not hasattr(inner, "connect_tcp"):
        raise failure.fresh()
    pool._network_backend = around(inner)
    return wary(transport)


class RoutingBackend(httpcore.NetworkBackend):
    """Connects where the route leads, whoever is asked for."""

    def __init__(self, route: Route, inner: httpcore.NetworkBackend) -> None:
        self._route = route
        self._inner = inner

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None, socket_options: Any = None
    ) -> httpcore.NetworkStream:
        """A connection to the route's address."""
        return self._inner.connect_tcp(self._route.address, self._route.port, timeout, local_address, socket_options)

    def sleep(self, seconds: float) -> None:
        """Between retries."""
        self._inner.sleep(seconds)


class AsyncRoutingBackend(httpcore.AsyncNetworkBackend):
    """The same for event loops."""

    def __init__(self, route: Route, inner: httpcore.AsyncNetworkBackend) -> None:
        self._route = route
        self._inner = inner

    async def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None, socket_options: Any = None
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the route's address."""
        return await self._inner.connect_tcp(self._route.address, self._route.port, timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        """Between retries."""
        await self._inner.sleep(seconds)
