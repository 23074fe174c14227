"""One call under way: its total deadline, the stage it has reached, and what it has passed."""

from __future__ import annotations

from collections.abc import Callable

from authweave.errors import ConnectFailure, DeadlineExceeded, DnsFailure, WireError
from authweave.net.values import Clock, StageEvent

_TOO_LATE = {
    "proxy": "the proxy was reached, but did not open the way to {host} within {limit} s",
    "tls": "{peer} was reached, but the TLS handshake did not end within {limit} s; that port may not speak TLS",
    "send": "{host} was reached, but did not take the whole request within {limit} s; it may have acted on it",
    "headers": "{host} took the request, but did not answer within {limit} s; it may have acted on it",
    "body": "the answer of {host} began, but did not end within {limit} s; it has probably acted on the request",
}


class Journey:
    """The one place that knows the time. Belongs to one call in one thread."""

    def __init__(
        self, host: str, *, limit: float, clock: Clock, events: Callable[[StageEvent], None] | None = None
    ) -> None:
        self.host = self.peer = host
        self.stage = "dns"
        self.passed: list[StageEvent] = []
        self._limit = limit
        self._clock = clock
        self._events = events
        self._start = self._stage_start = clock()

    def begin_anew(self, limit: float, events: Callable[[StageEvent], None] | None) -> None:
        """Another call over the same connection: its own time, and its own stages."""
        self.passed, self._limit, self._events = [], limit, events
        self._start = self._clock()
        self.enter("send")

    def enter(self, stage: str, peer: str | None = None) -> None:
        """From here on a failure belongs to `stage`, and to `peer` where that is not the host (a proxy)."""
        self.stage = stage
        self.peer = peer or self.host
        self._stage_start = self._clock()

    def elapsed(self) -> float:
        """Seconds since the call began."""
        return self._clock() - self._start

    def reached(self, event: str, **detail: object) -> None:
        """Report the stage as passed."""
        at = self.elapsed()
        passed = StageEvent(event, at, max(at - (self._stage_start - self._start), 0.0), detail)
        self.passed.append(passed)
        if self._events is not None:
            self._events(passed)

    def left(self) -> float:
        """Seconds left: 0 or less when the deadline has passed."""
        return self._limit - self.elapsed()

    def remaining(self) -> float:
        """Seconds left; raises the error of the present stage when there are none."""
        left = self.left()
        if left <= 0:
            raise self.overdue()
        return left

    def overdue(self) -> WireError:
        """The error for a deadline that passed in the present stage."""
        if self.stage == "dns":
            message = f"the resolver did not answer for {self.peer} within {_worded(self._limit)} s"
            return DnsFailure(message, stage="dns", host=self.host, detail="timeout")
        if self.stage == "connect":
            message = f"no connection to {self.peer} within {_worded(self._limit)} s: a firewall may drop the packets"
            return ConnectFailure(message, stage="connect", host=self.host, detail="timeout")
        message = _TOO_LATE[self.stage].format(host=self.host, peer=self.peer, limit=_worded(self._limit))
        return DeadlineExceeded(message, stage=self.stage, host=self.host)


def _worded(seconds: float) -> str:
    """As many digits as tell somebody something: what is left of a longer deadline has many."""
    return f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.2g}"
