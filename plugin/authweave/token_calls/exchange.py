"""Sending one finished request of authweave's own, and what is shown of it."""

from __future__ import annotations

from typing import Protocol

from authweave.drafts.draft import Placed
from authweave.net.values import Call
from authweave.values import TaskRequest, TaskResponse
from authweave.wire import Wire


class Exchange(Protocol):
    """Send one finished request within so many seconds. `placed` says which key of the profile put what into it; `wire` is
    the connection's own, where it shows a certificate. Raises WireError, PlacementError."""

    def __call__(self, request: TaskRequest, seconds: float, placed: tuple[Placed, ...], *, wire: Wire | None = None) -> TaskResponse:
        """The answer, whatever its status."""
        ...


def shown_url(url: str) -> str:
    """A URL for messages: without its query, which may hold secrets."""
    return url.partition("?")[0]


def wire_exchange(wire: Wire) -> Exchange:
    """Send over the wire."""

    usual = wire

    def exchange(request: TaskRequest, seconds: float, placed: tuple[Placed, ...], *, wire: Wire | None = None) -> TaskResponse:
        reply = (wire or usual).send(Call(request.method, request.url, request.headers, request.body), deadline=seconds)
        return TaskResponse(reply.status, reply.headers, reply.body)

    return exchange
