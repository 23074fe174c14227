"""A call to the store's Redis: a connection, one more try where the last one was stale, and typed errors."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from authweave.machine.chance import between
from authweave.stores.redis.failures import FAILURES, Busy, Failure, failure_of
from authweave.stores.redis.line import Budget, Line
from authweave.stores.redis.lines import Lines
from authweave.stores.redis.places import Address, Place, Watched
from authweave.stores.redis.scripts import LOOK
from authweave.stores.redis.url import RedisUrl

MOST_LINES: Final = 32
"""Connections of one process for calls that end at once."""

MOST_LISTENING: Final = 64
"""Connections of one process that wait for a bell; who finds none free comes back a little later by itself."""

_HUNG_UP_EVERY: Final = 0.5
"""Seconds between two times that all connections are given up because of a failure that may mean anything."""

_LISTENED_FOR: Final = 60.0
"""Seconds after which one looks again: a silent connection may have been forgotten by what stands between."""

_NAP: Final = (0.05, 0.15)
Result = TypeVar("Result")
Work = Callable[[Line, bool], Result]


class Calls:
    """What all operations of a store go through. Safe for threads, and in a forked child."""

    def __init__(self, url: RedisUrl, tls: ssl.SSLContext | None, patience: float) -> None:
        self._place: Place = Watched(url, tls) if url.master else Address(url, tls)
        self._is_watched = bool(url.master)
        self._patience = patience
        self._lines = Lines(self._place.connect, MOST_LINES)
        self._listening = Lines(self._place.connect, MOST_LISTENING)
        self._is_closed = False
        self._hung_up_at = -_HUNG_UP_EVERY

    def do(self, work: Work[Result], *, patience: float | None = None) -> Result:
        """What `work` makes of a connection.

        It is told whether this is a second try, at once and within the same time, after the connection broke off or
        the server turned out to be no master any more: then the first may have been carried out, or not. That is
        harmless: a lease may be taken, extended and given back twice by its owner, and of two writes over the same
        version one counts. After a timeout there is no second try.

        Raises StoreUnavailable, by the end of the patience.
        """
        budget = Budget(patience or self._patience)
        outcome = self._tried(work, budget, again=False)
        if isinstance(outcome, Failure) and self._is_worth_another_try(outcome):
            outcome = self._tried(work, budget, again=True)
        if isinstance(outcome, Failure):
            raise outcome.error(self._place)
        return outcome[0]

    def until_free(self, lease: str, bell: str, seconds: float) -> None:
        """Wait until the lease is given back or runs out, or for these seconds. May come back early.

        No wake-up is lost: LOOK sees the lease and the bell's last entry in one step. If the lease is held, whoever
        gives it back does so later and adds an entry with a higher id in the same step; XREAD BLOCK returns every
        entry above the id that LOOK saw, even if it came before we were listening. Nobody rings when a lease runs
        out, so we listen no longer than it lasts. While we listen we cost Redis a connection and nothing else.
        """
        end = time.monotonic() + seconds
        left, last = self.do(lambda line, again: _seen(line.run(LOOK, (lease, bell))))
        held = (left + 2) / 1000 if left >= 0 else seconds
        listening = min(end - time.monotonic(), held, _LISTENED_FOR)
        if left == -2 or listening < 0.001:
            return
        if failure := self._listened(bell, last, listening):
            raise failure.error(self._place)

    def start_anew(self) -> None:
        """Look for the master again, and use no connection of before."""
        self._place.forget()
        self._lines.drop()
        self._listening.drop()

    def close(self) -> None:
        """Hang up, for good."""
        self._is_closed = True
        self._lines.drop()
        self._listening.drop()

    def __str__(self) -> str:
        return str(self._place)

    def _tried(self, work: Work[Result], budget: Budget, *, again: bool) -> tuple[Result] | Failure:
        if self._is_closed:
            return Failure("other", "was closed in this process")
        try:
            with self._lines.line(budget, fresh=again) as line:
                return (work(line, again),)
        except FAILURES as error:
            failure = failure_of(error)
        self._learn(failure)
        return failure

    def _is_worth_another_try(self, failure: Failure) -> bool:
        if failure.is_gone or failure.is_elsewhere:
            return True
        return self._is_watched and failure.is_old_master and failure.reason != "timeout"

    def _learn(self, failure: Failure) -> None:
        """Another server may be the master by now, and what is connected to the old one of no use."""
        if failure.is_elsewhere:
            self.start_anew()
        elif self._is_watched and failure.is_old_master:
            self._place.forget()
            if self._may_hang_up():
                self.start_anew()

    def _may_hang_up(self) -> bool:
        """Not at every failure: where the machine is merely busy, to connect everything again would make it busier."""
        now = time.monotonic()
        is_due = now - self._hung_up_at > _HUNG_UP_EVERY
        if is_due:
            self._hung_up_at = now
        return is_due

    def _listened(self, bell: str, last: bytes, seconds: float) -> Failure | None:
        end = Budget(seconds + self._patience)
        try:
            with self._listening.line(Budget(self._patience), patient=False) as line:
                line.budget = end
                milliseconds = int(max(end.left() - self._patience, 0.001) * 1000)
                line.ask("XREAD", "BLOCK", max(milliseconds, 1), "STREAMS", bell, last)
        except Busy:
            time.sleep(min(seconds, between(*_NAP)))  # so that not all come at once
        except FAILURES as error:
            failure = failure_of(error)
            return None if failure.is_gone or failure.code == "UNBLOCKED" else failure
        return None


def _seen(answer: Sequence[object]) -> tuple[int, bytes]:
    left, last = answer
    if isinstance(left, int) and isinstance(last, bytes):
        return left, last
    raise TypeError
