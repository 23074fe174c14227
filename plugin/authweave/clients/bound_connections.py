"""httpx transports that keep one connection for one flow: for handshakes that are bound to it (NTLM).

A lease holds an inner transport, of one connection, for each origin that its flow sends to, until the flow has ended and
its answers are closed. Then another flow may have the connection.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, Final

EXTENSION: Final = "authweave_lease"
MOST_IDLE: Final = 20
"""Connections that wait for another flow; more are closed."""

Origin = tuple[str, bytes, int | None]


class Lease:
    """The connections of one flow, by origin."""

    def __init__(self) -> None:
        self.held: dict[Origin, Any] = {}
        self.open = 0
        self.is_over = False


class Connections:
    """Inner transports, leased and idle. Safe for threads. `make` makes one of a single connection."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._idle: list[tuple[Origin, Any]] = []
        self._lock = threading.Lock()

    def of(self, request: Any) -> tuple[Lease, Any]:
        """The lease of a request, and its transport; a request without a flow has one for itself."""
        lease = request.extensions.get(EXTENSION)
        if not isinstance(lease, Lease):
            lease = Lease()
            lease.is_over = True
        origin: Origin = (request.url.scheme, request.url.raw_host, request.url.port)
        with self._lock:
            lease.open += 1
            if origin not in lease.held:
                index = next((index for index, (free, _) in enumerate(self._idle) if free == origin), None)
                lease.held[origin] = self._make() if index is None else self._idle.pop(index)[1]
            return lease, lease.held[origin]

    def answered(self, lease: Lease) -> list[Any]:
        """An answer of the lease is closed. What is to be closed now."""
        with self._lock:
            lease.open -= 1
            return self._let_go(lease)

    def ended(self, lease: Lease) -> list[Any]:
        """The flow of the lease is over. What is to be closed now."""
        with self._lock:
            lease.is_over = True
            return self._let_go(lease)

    def rest(self) -> list[Any]:
        """Everything that is idle, to be closed."""
        with self._lock:
            idle, self._idle = self._idle, []
            return [transport for _, transport in idle]

    def _let_go(self, lease: Lease) -> list[Any]:
        if lease.open > 0 or not lease.is_over:
            return []
        self._idle += lease.held.items()
        lease.held = {}
        surplus, self._idle = self._idle[:-MOST_IDLE], self._idle[-MOST_IDLE:]
        return [transport for _, transport in surplus]


@functools.cache
def classes() -> tuple[type, type, type]:
    """The transport for `httpx.Client`, that for `httpx.AsyncClient`, and the auth that names the flow to both."""
    import httpx

    class BoundTransport(httpx.BaseTransport):
        """One connection for one flow."""

        def __init__(self, inner: Callable[..., Any] = httpx.HTTPTransport, **options: Any) -> None:
            single = httpx.Limits(max_connections=1, max_keepalive_connections=1)
            self.connections = Connections(lambda: inner(**options, limits=single))

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            lease, transport = self.connections.of(request)
            try:
                response: httpx.Response = transport.handle_request(request)
            except BaseException:
                self._close(self.connections.answered(lease))
                raise
            return httpx.Response(
                response.status_code, headers=response.headers, extensions=response.extensions,
                stream=_Stream(response.stream, lambda: self._close(self.connections.answered(lease))),
            )  # fmt: skip

        def ended(self, lease: Lease) -> None:
            self._close(self.connections.ended(lease))

        def close(self) -> None:
            self._close(self.connections.rest())

        def _close(self, transports: list[Any]) -> None:
            for transport in transports:
                transport.close()

    class AsyncBoundTransport(httpx.AsyncBaseTransport):
        """One connection for one flow, for event loops."""

        def __init__(self, inner: Callable[..., Any] = httpx.AsyncHTTPTransport, **options: Any) -> None:
            single = httpx.Limits(max_connections=1, max_keepalive_connections=1)
            self.connections = Connections(lambda: inner(**options, limits=single))

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            lease, transport = self.connections.of(request)

            async def closed() -> None:
                await self._close(self.connections.answered(lease))

            try:
                response: httpx.Response = await transport.handle_async_request(request)
            except BaseException:
                await closed()
                raise
            stream = _AsyncStream(response.stream, closed)
            return httpx.Response(response.status_code, headers=response.headers, extensions=response.extensions, stream=stream)

        async def ended(self, lease: Lease) -> None:
            await self._close(self.connections.ended(lease))

        async def aclose(self) -> None:
            await self._close(self.connections.rest())

        async def _close(self, transports: list[Any]) -> None:
            for transport in transports:
                await transport.aclose()

    class _Stream(httpx.SyncByteStream):
        def __init__(self, stream: Any, closed: Callable[[], None]) -> None:
            self._stream, self._closed = stream, closed

        def __iter__(self) -> Any:
            yield from self._stream

        def close(self) -> None:
            with contextlib.ExitStack() as last:
                last.callback(_once(self))
                self._stream.close()

    class _AsyncStream(httpx.AsyncByteStream):
        def __init__(self, stream: Any, closed: Callable[[], Any]) -> None:
            self._stream, self._closed = stream, closed

        async def __aiter__(self) -> Any:
            async for piece in self._stream:
                yield piece

        async def aclose(self) -> None:
            async with contextlib.AsyncExitStack() as last:
                last.push_async_callback(_once(self))
                await self._stream.aclose()

    class BoundAuth(httpx.Auth):
        """The connection's own auth, whose requests all name one lease."""

        requires_request_body = False
        requires_response_body = False

        def __init__(self, inner: Any, transport: Any) -> None:
            self._inner, self._transport = inner, transport

        def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
            lease = Lease()
            flow = self._inner.sync_auth_flow(request)
            try:
                asked = next(flow, None)
                while asked is not None:
                    asked.extensions = {**asked.extensions, EXTENSION: lease}
                    response = yield asked
                    try:
                        asked = flow.send(response)
                    except StopIteration:
                        return
            finally:
                flow.close()
                self._transport.ended(lease)

        async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
            lease = Lease()
            flow = self._inner.async_auth_flow(request)
            try:
                asked = await anext(flow, None)
                while asked is not None:
                    asked.extensions = {**asked.extensions, EXTENSION: lease}
                    response = yield asked
                    try:
                        asked = await flow.asend(response)
                    except StopAsyncIteration:
                        return
            finally:
                await flow.aclose()
                await self._transport.ended(lease)

    return BoundTransport, AsyncBoundTransport, BoundAuth


def _once(stream: Any) -> Callable[[], Any]:
    """What is to be done when a stream is closed, the first time; a second close does nothing."""
    closed, stream._closed = stream._closed, _nothing if not hasattr(stream, "aclose") else _nothing_async
    return closed  # type: ignore[no-any-return]  # set in its constructor


def _nothing() -> None:
    """Closed already."""


async def _nothing_async() -> None:
    """Closed already."""
