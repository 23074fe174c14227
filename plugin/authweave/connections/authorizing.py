"""Task requests that the host sends by itself: finished by us, and what their answers lead to. Flows in no colour."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from authweave.applying.flow import following, prepared
from authweave.applying.sent import Sent
from authweave.applying.verdicts import verdict_on
from authweave.clients.authorizing import authorizing, handling
from authweave.clients.quick import Quick, quick_of
from authweave.drafts.sound import refuse_unsound
from authweave.errors import OriginRefused, PlacementError, UsageError
from authweave.urls import Origin
from authweave.values import Judgement, TaskRequest, TaskResponse

if TYPE_CHECKING:
    from authweave.connections.connection import Connection


@dataclass(frozen=True, slots=True)
class Made:
    """What an authorized request was made from: for `handle_response`, which gets it back with the answer."""

    connection: Connection
    request: TaskRequest
    sent: Sent

    def refuse_other_credential(self) -> None:
        """Raise OriginRefused where the request holds the credential of another connection, which was for another origin."""
        before = self.request.made_from
        if isinstance(before, Made) and before.connection is not self.connection and Origin.of(before.sent.request.url) != Origin.of(self.sent.request.url):
            raise OriginRefused(f"the request holds what {before.connection.profile.name} placed for another origin; authorize the one before")

    def finished(self) -> TaskRequest:
        """The request to send, which knows what it was made from."""
        return replace(self.sent.request, made_from=self)


class AuthorizingFlows:
    """Of one connection: the flows behind its doors `authorize`, `headers_for` and `handle_response`."""

    __slots__ = ("_connection", "_quick")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._quick: Quick | None = None

    def authorizing(self, request: Any) -> Generator[Future[Any], Any, Any]:
        """The flow of `authorize`."""
        connection = self._connection
        connection.outgoing.refuse_without_client("authorize()")
        if not isinstance(request, TaskRequest):
            return (yield from authorizing(connection, request))
        refuse_unsound(request)
        made = Made(connection, request, (yield from self.preparing(request)))
        made.refuse_other_credential()
        return made.finished()

    def preparing(self, request: TaskRequest) -> Generator[Future[Any], Any, Sent]:
        """As `prepared`, by the quick way where there is one."""
        connection = self._connection
        sent = self._quick.sent_for(request, connection.engine.clock()) if self._quick is not None else None
        if sent is None:
            sent = yield from prepared(connection, request)
            self._quick = quick_of(sent, connection)
        return sent

    def heading(self, url: str) -> Generator[Future[Any], Any, dict[str, str]]:
        """The flow of `headers_for`."""
        sent = yield from prepared(self._connection, TaskRequest("GET", url))
        if sent.beyond_headers:
            raise PlacementError(f"this profile also puts fields into {', '.join(sent.beyond_headers)}: headers alone would leave them out; use authorize()")
        if sent.awaits_challenge:
            raise PlacementError("the credential answers a challenge, and this server has not given one yet: send it a request first, by auth, client() or authorize()")
        return dict(sent.request.headers)

    def handling(self, request: Any, response: Any, can_repeat: bool | None = None) -> Generator[Future[Any], Any, Judgement]:
        """The flow of `handle_response`."""
        connection = self._connection
        if not isinstance(request, TaskRequest):
            return (yield from handling(connection, request, response, can_repeat))
        if not isinstance(response, TaskResponse):
            kind = type(response)
            raise UsageError(f"the answer to a TaskRequest is a TaskResponse(status, headers, body); not {kind.__module__}.{kind.__qualname__}")
        made = request.made_from
        if isinstance(made, Made) and made.connection is not connection and made.connection.is_like(connection) and made.connection.subject == connection.subject:
            return (yield from made.connection.flows.handling(request, response, can_repeat))  # it ends with the version it began with
        if not (isinstance(made, Made) and made.connection is connection):
            made = Made(connection, request, (yield from prepared(connection, request)))
        step = yield from following(connection, made.request, made.sent, response, can_repeat=can_repeat)
        if isinstance(step, Judgement):
            return step
        reason = verdict_on(made.sent, response).reason
        return Judgement("send_again", reason, request=Made(connection, made.request, step).finished())
