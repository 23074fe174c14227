"""Connections for httpx that go to an address that was checked: resolve, ask the guard for every address, connect to one of those.

httpcore asks its network backend for each connection, with the host of the URL; TLS and the Host field keep that name. What a
name leads to at the next look-up is of no matter to a connection that is open.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, Final

import anyio.to_thread
import httpcore

from authweave.errors import WireError
from authweave.net.addresses import Address
from authweave.net.dialing import PATIENCE
from authweave.net.journey import Journey
from authweave.net.resolving import LOOKUPS, Resolve
from authweave.net.target import Target
from authweave.net.values import Guard

_LONGEST: Final = 86400.0
leaving: Final[ContextVar[Target | None]] = ContextVar("authweave_leaving", default=None)
"""Where the request of this thread or task goes."""


class Pins:
    """What both colours share: from a host to addresses that the guard lets pass."""

    def __init__(self, guard: Guard, resolve: Resolve) -> None:
        self._guard = guard
        self._resolve = resolve

    def find(self, host: str, port: int, seconds: float | None) -> tuple[Address, ...]:
        """Every address of a host, each of which may be called. Blocking. Raises EgressRefused, and httpcore's errors for no answer."""
        limit = _LONGEST if seconds is None else max(seconds, 0.001)
        unknown = ""
        try:
            found = LOOKUPS.find(host, port, resolve=self._resolve, journey=Journey(host, limit=limit, clock=time.monotonic))
        except WireError as error:
            unknown, is_late = str(error), getattr(error, "detail", "") == "timeout"
        if unknown:
            raise httpcore.ConnectTimeout(unknown) if is_late else httpcore.ConnectError(unknown)
        target = leaving.get()
        if target is None or (target.host.rstrip("."), target.port) != (host.lower().rstrip("."), port):
            target = Target("https", host.lower(), port, "/")
        for address in found:
            self._guard.address(target, address.ip)
        return found


def _turns(addresses: tuple[Address, ...], seconds: float | None) -> Iterator[tuple[str, float | None, bool]]:
    """Each address, the seconds that it gets, and whether it is the last."""
    end = None if seconds is None else time.monotonic() + seconds
    for index, address in enumerate(addresses):
        waiting = len(addresses) - index
        left = None if end is None else max(end - time.monotonic(), 0.001)
        share = left if waiting == 1 else min(_LONGEST if left is None else left / waiting, PATIENCE)
        yield address.ip, share, waiting == 1


class PinningBackend(httpcore.NetworkBackend):
    """Around the backend that really connects."""

    def __init__(self, pins: Pins, inner: httpcore.NetworkBackend) -> None:
        self._pins = pins
        self._inner = inner

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None, socket_options: Any = None
    ) -> httpcore.NetworkStream:
        """A connection to a checked address."""
        for ip, share, is_last in _turns(self._pins.find(host, port, timeout), timeout):
            try:
                return self._inner.connect_tcp(ip, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if is_last:
                    raise
        raise httpcore.ConnectError("the name has no address")

    def connect_unix_socket(self, path: str, timeout: float | None = None, socket_options: Any = None) -> httpcore.NetworkStream:
        """Never: a socket of this machine is no public address."""
        raise httpcore.ConnectError("an egress policy is in force: nothing goes to a socket of this machine")

    def sleep(self, seconds: float) -> None:
        """Between retries."""
        self._inner.sleep(seconds)


class AsyncPinningBackend(httpcore.AsyncNetworkBackend):
    """The same for event loops; names are looked up in a worker thread."""

    def __init__(self, pins: Pins, inner: httpcore.AsyncNetworkBackend) -> None:
        self._pins = pins
        self._inner = inner

    async def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None, socket_options: Any = None
    ) -> httpcore.AsyncNetworkStream:
        """A connection to a checked address."""
        found = await anyio.to_thread.run_sync(self._pins.find, host, port, timeout, abandon_on_cancel=True)
        for ip, share, is_last in _turns(found, timeout):
            try:
                return await self._inner.connect_tcp(ip, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if is_last:
                    raise
        raise httpcore.ConnectError("the name has no address")

    async def connect_unix_socket(self, path: str, timeout: float | None = None, socket_options: Any = None) -> httpcore.AsyncNetworkStream:
        """Never: a socket of this machine is no public address."""
        raise httpcore.ConnectError("an egress policy is in force: nothing goes to a socket of this machine")

    async def sleep(self, seconds: float) -> None:
        """Between retries."""
        await self._inner.sleep(seconds)
