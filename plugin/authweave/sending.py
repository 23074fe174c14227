"""A task request sent over our own wire: for doors that have no client of their own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from authweave.errors import AuthweaveError
from authweave.tokens.flights import outcome
from authweave.values import Judgement, TaskRequest, TaskResponse
from authweave.wire import Call, Kept, Reply

if TYPE_CHECKING:
    from authweave.applying.sent import Sent
    from authweave.connections.connection import Connection


@dataclass(frozen=True, slots=True)
class Answer:
    """The last answer and what it says of the credential."""

    reply: Reply
    judgement: Judgement


def over_wire(
    connection: Connection, request: TaskRequest, *, seconds: float, cap: int, truncate: bool = False,
    hear: Callable[[Sent], None] | None = None,
) -> Answer:  # fmt: skip
    """Send a task request with its credential, again after a renewal. Blocking; a redirect is an answer, and not followed.

    `seconds` hold for each send; `cap` and `truncate` as in `Wire.send`. `hear` gets each request before it is sent.
    Raises ApplyError, InputError, TokenError, StoreUnavailable (nothing was sent then), WireError, EgressRefused.
    """
    with Kept() as kept:
        send = partial(_sent, connection, seconds, cap, truncate, kept if connection.outgoing.is_bound else None)
        flow = connection.applying(connection.as_we_send(request))
        reply: Reply | None = None
        step: Callable[[], Any] = partial(next, flow)
        while True:
            try:
                asked = step()
            except StopIteration as stop:
                assert reply is not None  # noqa: S101 - a flow ends after an answer
                return Answer(reply, stop.value)
            if isinstance(asked, Future):
                step = _landed(flow, asked)
                continue
            if hear is not None:
                hear(asked)
            reply = send(asked)
            step = partial(flow.send, TaskResponse(reply.status, reply.headers, reply.body, reply.tls.encoded if reply.tls else None))


def _landed(flow: Any, future: Future[Any]) -> Callable[[], Any]:
    """The next step of the flow, with what it waited for; a failed renewal is for the flow to judge."""
    try:
        result = outcome(future)
    except AuthweaveError as error:
        return partial(flow.throw, error.fresh())
    return partial(flow.send, result)


def _sent(connection: Connection, seconds: float, cap: int, truncate: bool, kept: Kept | None, sent: Sent) -> Reply:
    request = sent.request
    call = Call(request.method, request.url, request.headers, request.body)
    with connection.outgoing.calling("task"):
        return connection.outgoing.wire("task").send(call, deadline=seconds, cap=cap, truncate=truncate, kept=kept)
