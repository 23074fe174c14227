"""What httpx sends by where one flow needs one connection: a transport for each colour, and the auth that names the flow to both.

Imports httpx: itself imported where a client is made.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

import httpx

from authweave.clients.bound_connections import EXTENSION, Connections, Lease
from authweave.net.unasked_answers import wary


class BoundTransport(httpx.BaseTransport):
    """One connection for one flow."""

    def __init__(self, inner: Callable[..., Any] = httpx.HTTPTransport, **options: Any) -> None:
        single = httpx.Limits(max_connections=1, max_keepalive_connections=1)
        self.connections = Connections(lambda: wary(inner(**options, limits=single)))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it over the connection of its flow."""
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
        """The flow of this lease is over."""
        self._close(self.connections.ended(lease))

    def close(self) -> None:
        """Close what is idle."""
        self._close(self.connections.rest())

    def _close(self, transports: list[Any]) -> None:
        for transport in transports:
            transport.close()


class AsyncBoundTransport(httpx.AsyncBaseTransport):
    """One connection for one flow, for event loops."""

    def __init__(self, inner: Callable[..., Any] = httpx.AsyncHTTPTransport, **options: Any) -> None:
        single = httpx.Limits(max_connections=1, max_keepalive_connections=1)
        self.connections = Connections(lambda: wary(inner(**options, limits=single)))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it over the connection of its flow."""
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
        """The flow of this lease is over."""
        await self._close(self.connections.ended(lease))

    async def aclose(self) -> None:
        """Close what is idle."""
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
        """The flow of the connection's auth; every request of it names the lease."""
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
        """As `sync_auth_flow`, for event loops."""
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


def _once(stream: Any) -> Callable[[], Any]:
    """What is to be done when a stream is closed, the first time; a second close does nothing."""
    closed, stream._closed = stream._closed, _nothing if not hasattr(stream, "aclose") else _nothing_async
    return closed  # type: ignore[no-any-return]  # set in its constructor


def _nothing() -> None:
    """Closed already."""


async def _nothing_async() -> None:
    """Closed already."""
