"""One connection for one flow: for handshakes that are bound to it (NTLM). `bound_transports` are what httpx sends by.

A lease holds an inner transport, of one connection, for each origin that its flow sends to, until the flow has ended and
its answers are closed. Then another flow may have the connection.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
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
