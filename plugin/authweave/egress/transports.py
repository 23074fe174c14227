"""Transports for httpx clients under an egress policy: each request is checked on its way out, redirects and all.

A client that follows a redirect sends each hop through its transport: so each is asked for anew, before DNS and for its addresses.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from authweave.egress.errand import Errand, calling_for
from authweave.egress.guard import Guard
from authweave.errors import AuthweaveError, EgressRefused
from authweave.forks import Lock
from authweave.net.proxy import Proxies, Proxy
from authweave.net.resolving import Resolve
from authweave.net.routed import Routes
from authweave.net.target import Target, bracketed

_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Ways:
    """How requests of one connection leave. `is_hop`: does a redirect lead this request to another origin? `routes` are the operator's."""

    guard: Guard
    errand: Errand
    resolve: Resolve
    proxies: Proxies
    is_hop: Callable[[Any], bool]
    routes: Routes | None = None

    def through(self, proxy: str | None) -> Ways:
        """The same with a proxy that the caller of the client names; it has to be one that is listed, too."""
        return replace(self, proxies=replace(self.proxies, written=proxy, origin="client(proxy=…)"))

    def without_environment(self) -> Ways:
        """The same where the environment says nothing of proxies (`trust_env=False`)."""
        return replace(self, proxies=replace(self.proxies, environ={}))

    def leave(self, request: Any) -> tuple[Target, str, Proxy | None]:
        """Where a request goes, what for, and through which proxy. Raises EgressRefused, ProxyFailure."""
        target = _target(request.url)
        purpose = "redirect" if self.is_hop(request) else "task"
        with calling_for(purpose, self.errand):
            self.guard.target(target)
            if self.routes is not None and self.routes.route(request.url) is not None:
                return target, purpose, None
            proxy = self.proxies.choose(target)
            if proxy is not None:
                self.guard.proxy(proxy, target.host)
        return target, purpose, proxy


def _target(url: Any) -> Target:
    host = url.raw_host.decode("ascii").lower()
    return Target(url.scheme, host.strip("[]"), _PORTS.get(url.scheme, 0) if url.port is None else url.port, "/")


@functools.cache
def transports() -> tuple[type, type]:
    """The transport for `httpx.Client`, and that for `httpx.AsyncClient`. Each takes `Ways` and the options of httpx's own."""
    import httpx

    from authweave.egress.pinning import AsyncPinningBackend, PinningBackend, Pins, leaving

    class GuardedTransport(httpx.BaseTransport):
        """Asks the guard, then sends by httpx's own transport over a connection to a checked address, or through a listed proxy."""

        def __init__(self, ways: Ways, **options: Any) -> None:
            self._ways = ways
            self._options = options
            self._direct = _direct(0, ways, options, lambda **own: _pinned(httpx.HTTPTransport(**own), lambda inner: PinningBackend(Pins(ways.guard, ways.resolve), inner)))
            self._proxied: dict[Proxy, Any] = {}
            self._lock = Lock()

        def handle_request(self, request: Any) -> Any:
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
                    self._proxied[proxy] = httpx.HTTPTransport(**self._options, proxy=_for_httpx(proxy))
                return self._proxied[proxy]

        def close(self) -> None:
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
                self._proxied[proxy] = httpx.AsyncHTTPTransport(**self._options, proxy=_for_httpx(proxy))
            return self._proxied[proxy]

        async def aclose(self) -> None:
            for transport in (self._direct, *self._proxied.values()):
                await transport.aclose()

    def _for_httpx(proxy: Proxy) -> Any:
        name, _, password = (proxy.credentials or "").partition(":")
        return httpx.Proxy(f"{proxy.scheme}://{bracketed(proxy.host)}:{proxy.port}", auth=(name, password) if proxy.credentials else None)

    return GuardedTransport, AsyncGuardedTransport


def _direct(colour: int, ways: Ways, options: dict[str, Any], pinned: Callable[..., Any]) -> Any:
    """The transport for what goes through no proxy: where a route leads, which is the operator's own word, or to a checked address."""
    if ways.routes is None:
        return pinned(**options)
    from authweave.net import routed

    return routed.transports()[colour](ways.routes, pinned, **options)


def _pinned(transport: Any, around: Callable[[Any], Any]) -> Any:
    """httpx's transport, whose pool connects by ours. A version of httpx that keeps it elsewhere is refused, not trusted."""
    pool: Any = getattr(transport, "_pool", None)
    inner = getattr(pool, "_network_backend", None)
    if not hasattr(inner, "connect_tcp"):
        raise EgressRefused("this version of httpx cannot be held to an egress policy: its connections are made elsewhere", stage="connect", host="", detail="httpx")
    pool._network_backend = around(inner)
    return transport
