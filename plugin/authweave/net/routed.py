"""Transports for httpx that follow an operator's routes, as the wire does: connected elsewhere, with host, SNI and URL of the real place."""

from __future__ import annotations

import functools
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpcore

from authweave.errors import UsageError
from authweave.net.values import Route
from authweave.net.wary import wary

_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Routes:
    """Where requests for a host and port really go. `trusts` are what is believed there; None: what the client believes anyway."""

    of: Mapping[tuple[str, int], Route]
    trusts: Mapping[Route, ssl.SSLContext] | None = None

    @classmethod
    def trusting(cls, routes: Mapping[tuple[str, int], Route], context: Callable[[str], ssl.SSLContext]) -> Routes:
        """Each host believed by its route's own authority, too: `context` makes one of that."""
        made = {ca: context(ca) for ca in {route.ca or "" for route in routes.values()}}
        return cls(routes, {route: made[route.ca or ""] for route in routes.values()})

    def route(self, url: Any) -> Route | None:
        """The route of a URL (of httpx)."""
        host = url.raw_host.decode("ascii").lower().strip("[]").rstrip(".")
        return self.of.get((host, _PORTS.get(url.scheme, 0) if url.port is None else url.port))

    def options(self, route: Route, options: Mapping[str, Any]) -> dict[str, Any]:
        """The options of the transport for it: no proxy is on its way."""
        trust = {} if self.trusts is None else {"verify": self.trusts[route]}
        return {**options, **trust, "proxy": None, "trust_env": False}


@functools.cache
def transports() -> tuple[type, type]:
    """The transport for `httpx.Client`, and that for `httpx.AsyncClient`. Each takes `Routes`, what makes the transport for all
    else, and the options of httpx's own."""
    import httpx

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
            route = self._routes.route(request.url)
            return (self._plain if route is None else self._made[route]).handle_request(request)

        def close(self) -> None:
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
            route = self._routes.route(request.url)
            return await (self._plain if route is None else self._made[route]).handle_async_request(request)

        async def aclose(self) -> None:
            for transport in (self._plain, *self._made.values()):
                await transport.aclose()

    return RoutedTransport, AsyncRoutedTransport


class Unrouted:
    """In the place of a transport that nothing is sent over."""

    def __init__(self, **_: Any) -> None:
        """Of no options."""

    def close(self) -> None:
        """Nothing is open."""

    async def aclose(self) -> None:
        """Nothing is open."""


def connecting_by(transport: Any, around: Callable[[Any], Any]) -> Any:
    """httpx's transport, whose pool connects by `around` what it connected by. Raises UsageError for a version that keeps it elsewhere."""
    pool: Any = getattr(transport, "_pool", None)
    inner = getattr(pool, "_network_backend", None)
    if not hasattr(inner, "connect_tcp"):
        raise UsageError("this version of httpx makes its connections elsewhere, so that a client cannot follow routes (settings: routes)")
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
