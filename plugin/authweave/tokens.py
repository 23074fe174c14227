"""The life of a token: fresh, renewed, refused. Coalesced in a process by flights, excluded beyond it by a lease.

Renewal: lease → read → write intent → call → write if the version is unchanged → hand out → release by the owner only.
The clock is a callable, read again after every wait; no lock is held across a call to the network.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final

from authweave.contracts import Store
from authweave.errors import DeadlineExceeded
from authweave.flights import Flights
from authweave.values import Token

PAUSES: Final = (5.0, 10.0, 20.0, 40.0, 60.0)
"""Seconds without renewal after a token that was just renewed is refused as well, and again, and again."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a store holds under a key. `intent` is what an owner was about to do when it was last heard of."""

    version: int = 0
    token: Token | None = None
    intent: str = ""


class Tokens:
    """The token of one key. `fresh()` is the warm path, `renewed()` a flight. Safe for threads.

    `get(old)` is blocking and has its own deadline; it gets a token anew or from the old one.
    """

    __slots__ = (
        "__weakref__", "_clock", "_current", "_failed_until", "_flights", "_get", "_lane", "_lease_seconds", "_pause",
        "_refused_until", "_store", "key",
    )  # fmt: skip

    def __init__(
        self, key: str, get: Callable[[Token | None], Token], store: Store, flights: Flights, *,
        lane: Hashable, lease_seconds: float, clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self.key = key
        self._get = get
        self._store = store
        self._flights = flights
        self._lane = lane
        self._lease_seconds = lease_seconds
        self._clock = clock
        self._current: Token | None = None
        self._failed_until = 0.0
        self._refused_until = 0.0
        self._pause = 0

    @property
    def current(self) -> Token | None:
        """The token at hand, whether or not it is still good."""
        return self._current

    def fresh(self) -> Token | None:
        """The token at hand, or None if there is none or it has expired. In the refresh window a worker renews; nobody waits."""
        token = self._current
        now = self._clock()
        if token is None or now >= token.expires_at:
            return None
        if now >= token.renew_at and now >= self._failed_until:
            self.renewed().add_done_callback(self._note_failure)
        return token

    def renewed(self, refused: Token | None = None) -> Future[Token]:
        """A token that is not the refused one: whoever else asks for the same waits for the same flight."""
        bad = refused.access_token if refused else None
        mark = id(bad) if bad else None
        return self._flights.run((self.key, mark), self._lane, lambda: self._renew(refused))

    def may_renew(self) -> bool:
        """May a refused token be renewed now? Not while the API refuses every new one."""
        return self._clock() >= self._refused_until

    def refused_anew(self, token: Token) -> None:
        """Note that the API refused a token that was only just got: the token is not what is wrong."""
        if token is self._current:
            self._refused_until = self._clock() + PAUSES[self._pause]
            self._pause = min(self._pause + 1, len(PAUSES) - 1)

    def forget(self) -> None:
        """Drop the token at hand; the store keeps its own."""
        self._current = None

    def _note_failure(self, flight: Future[Token]) -> None:
        if flight.exception() is not None:
            self._failed_until = self._clock() + random.uniform(2.0, 8.0)  # noqa: S311 - spreads load, guards nothing

    def _renew(self, refused: Token | None) -> Token:
        owner = uuid.uuid4().hex
        end = self._clock() + 2 * self._lease_seconds
        while True:
            held = self._store.lease(self.key, owner, self._lease_seconds)
            try:
                token = self._taken(refused) or (self._called(owner) if held else None)
            finally:
                if held:
                    self._store.release(self.key, owner)
            if token is not None:
                self._current = token
                return token
            if self._clock() > end:
                raise DeadlineExceeded("somebody else is renewing this token and does not end", stage="lease", host="")
            time.sleep(random.uniform(0.005, 0.02))  # noqa: S311 - spreads waiters, guards nothing

    def _taken(self, refused: Token | None) -> Token | None:
        """What somebody else stored while we waited, if it is good for now. Read after the lease."""
        token = self._store.read(self.key).token
        if token is None or (refused is not None and token.access_token.matches(refused.access_token)):
            return None
        return token if self._clock() < min(token.renew_at, token.expires_at) else None

    def _called(self, owner: str) -> Token | None:
        """A new token, durable before anybody gets it; None if another was written meanwhile (the loser takes it)."""
        record = self._store.read(self.key)
        self._store.intend(self.key, record.version, f"{owner} {self._clock():.3f}")
        token = self._get(record.token)
        return token if self._store.write(self.key, token, record.version) else None
