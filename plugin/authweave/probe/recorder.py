"""Sends like the engine does, and keeps what was sent, what came back, and what happened between."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from authweave.drafts.draft import Placed
from authweave.errors import AuthweaveError
from authweave.net.values import Call, Headers, Reply, StageEvent
from authweave.values import TaskRequest, TaskResponse
from authweave.wire import Kept, Wire


@dataclass(slots=True)
class Recorded:
    """One call. `purpose` as in `report.Exchange`; a step is named by `about`. `url_key` is the key of the profile that holds the URL, `path` the
    values of path fields; `at` is the Unix second at which the answer was there. `came_back` is the address that a browser came back to, `way` how
    the call went: directly, or through which proxy."""

    purpose: str
    request: TaskRequest
    placed: tuple[Placed, ...] = field(repr=False)
    about: str = ""
    url_key: str = ""
    path: tuple[tuple[Placed, str], ...] = field(default=(), repr=False)
    headers: Headers = field(default=(), repr=False)
    events: list[StageEvent] = field(default_factory=list)
    reply: Reply | None = None
    error: AuthweaveError | None = None
    seconds: float = 0.0
    at: float = 0.0
    came_back: str = field(default="", repr=False)
    way: str = ""

    @property
    def response(self) -> TaskResponse | None:
        """The answer in nobody's library."""
        return TaskResponse(self.reply.status, self.reply.headers, self.reply.body) if self.reply else None

    @property
    def is_token_call(self) -> bool:
        """Was it a token call, or a step of one?"""
        return self.purpose not in API_CALLS

    @property
    def may_hold_tokens(self) -> bool:
        """May its answer hold what nobody should see? Metadata are for everybody."""
        return self.is_token_call and not (self.purpose == "discovery" and self.request.method == "GET")

    @property
    def is_step(self) -> bool:
        """Was it a step of a token call?"""
        return self.purpose in ("before", "after")


API_CALLS: Final = frozenset({"check", "control", "authorize"})
"""Purposes of what is no call of the token endpoint's side: of the API, and of a person's browser."""
DISCOVERY: Final = (".issuer", ".resource", ".registration")
"""The keys of the profile on whose behalf metadata are asked for, or a client is registered."""


class Recorder:
    """One run's calls, within `deadline` seconds in all. Token calls come from a worker's thread, checks from the caller's."""

    def __init__(self, wire: Wire, *, deadline: float, clock: Callable[[], float]) -> None:
        self.records: list[Recorded] = []
        self.is_renewing = False
        self._wire = wire
        self._end = time.monotonic() + deadline
        self._clock = clock

    def exchange(self, request: TaskRequest, seconds: float, placed: tuple[Placed, ...], *, wire: Wire | None = None) -> TaskResponse:
        """A token call, or a step of one (a `token_calls.endpoint.Exchange`)."""
        if step := next((one for one in placed if one.place == "url"), None):
            if step.origin.endswith(DISCOVERY):
                return self._send(Recorded("discovery", request, placed, url_key=step.origin), seconds, wire, truncate=False)
            phase = "after" if ".after[" in step.origin else "before"
            others = tuple(one for one in placed if one is not step)
            return self._send(Recorded(phase, request, others, step.key, step.origin), seconds, wire, truncate=False)
        renews = self.is_renewing or any(record.purpose == "check" for record in self.records)
        record = Recorded("renewal" if renews else "token", request, placed, url_key=_url_key(placed))
        return self._send(record, seconds, wire, truncate=False)

    def check(
        self, request: TaskRequest, placed: tuple[Placed, ...], seconds: float, *, about: str, url_key: str,
        path: tuple[tuple[Placed, str], ...] = (), wire: Wire | None = None, kept: Kept | None = None,
    ) -> TaskResponse:  # fmt: skip
        """A call of the API. A large answer is cut, not refused."""
        return self._send(Recorded("check", request, placed, about, url_key, path), seconds, wire, kept, truncate=True)

    def control(self, request: TaskRequest, seconds: float, *, about: str, url_key: str, wire: Wire) -> TaskResponse:
        """The call of the API without a credential, over a connection of its own."""
        return self._send(Recorded("control", request, (), about, url_key), seconds, wire, truncate=True)

    def introspect(self, request: TaskRequest, placed: tuple[Placed, ...], seconds: float, *, url_key: str, wire: Wire) -> TaskResponse:
        """Ask the token's server what it says of the token."""
        return self._send(Recorded("introspection", request, placed, url_key=url_key), seconds, wire, truncate=False)

    def give_time(self, seconds: float) -> None:
        """Move the end of the run: a person took so long, not a server."""
        self._end += seconds

    def browsed(self, url: str, placed: tuple[Placed, ...], *, url_key: str, came_back: str, seconds: float) -> None:
        """Note where a browser was sent to, and where it came back to: nothing goes over the wire for it."""
        self.records.append(Recorded(
            "authorize", TaskRequest("GET", url), placed, url_key=url_key, came_back=came_back, seconds=seconds, at=self._clock()
        ))  # fmt: skip

    def _send(
        self, record: Recorded, seconds: float, wire: Wire | None, kept: Kept | None = None, *, truncate: bool
    ) -> TaskResponse:
        wire = wire or self._wire
        self.records.append(record)
        request = record.request
        call = Call(request.method, request.url, request.headers, request.body)
        left = min(seconds, self._end - time.monotonic())
        start = time.monotonic()
        failure: AuthweaveError
        try:
            record.way = wire.way_of(call.url)
            record.headers = wire.headers(call)
            record.reply = wire.send(call, deadline=left, truncate=truncate, events=record.events.append, kept=kept)
        except AuthweaveError as error:
            failure = record.error = error.fresh()
        finally:
            record.seconds, record.at = time.monotonic() - start, self._clock()
        if record.reply is None:
            raise failure.fresh()
        reply = record.reply
        return TaskResponse(reply.status, reply.headers, reply.body, reply.tls.encoded if reply.tls else None)


def _url_key(placed: tuple[Placed, ...]) -> str:
    """`auth.token_url`, or the refresh's; `auth[1].…` for the second variant."""
    auth = next((one.origin.partition(".")[0] for one in placed if one.origin.startswith("auth")), "auth")
    return f"{auth}.{'refresh_url' if is_refresh(placed) else 'token_url'}"


def is_refresh(placed: tuple[Placed, ...]) -> bool:
    """Does the token call present a refresh token?"""
    return any(one.origin.endswith(".refresh_with") or ".refresh_request." in one.origin for one in placed)
