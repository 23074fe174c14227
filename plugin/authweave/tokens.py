"""The life of a token: fresh, renewed, refused. Coalesced in a process by flights, excluded beyond it by a lease.

Renewal: lease → read → write intent → call → write if the version is unchanged → hand out → release by the owner only.
The clock is a callable, read again after every wait; no lock is held across a call to the network.
"""

from __future__ import annotations

import hashlib
import random
import time
import uuid
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Final

from authweave.contracts import Store
from authweave.errors import DeadlineExceeded, RateLimited, TokenEndpointError
from authweave.flights import Flights, failed
from authweave.values import Token

GetToken = Callable[[Token | None, float], Token]
"""Get a token, anew or from an old one, before a moment of `time.monotonic`. Blocking."""

PAUSES: Final = (5.0, 10.0, 20.0, 40.0, 60.0)
"""Seconds without renewal after a token that was just renewed is refused as well, and again, and again."""
SUSPECT: Final = 60.0
"""Seconds for which a token that replaced a refused one has to prove itself."""
REFUSALS: Final = 3
"""After so many refusals of the token endpoint, one after another, it is asked at growing intervals only."""


class Tokens:
    """The token of one key. `fresh()` is the warm path, `renewed()` a flight. Safe for threads.

    `deadline` in seconds holds for a renewal from the moment it is asked for; when another owner had the lease, from
    the moment the lease was got.
    """

    __slots__ = (
        "__weakref__", "_beside", "_clock", "_current", "_deadline", "_failed_until", "_flights", "_get", "_judged",
        "_lane", "_lease_seconds", "_pause", "_refusal", "_refusals", "_refused_until", "_store", "_suspect", "key",
    )  # fmt: skip

    def __init__(
        self, key: str, get: GetToken, store: Store, flights: Flights, *,
        lane: Hashable, lease_seconds: float, deadline: float, clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self.key = key
        self._store = store
        self._flights = flights
        self._lane = lane
        self._lease_seconds = lease_seconds
        self._deadline = deadline
        self._clock = clock
        self._current: Token | None = None
        self._beside: Future[Token] | None = None
        self._failed_until = 0.0
        self._suspect: Token | None = None
        self._judged: Token | None = None
        self._refused_until = 0.0
        self._pause = 0
        self.use(get)

    def use(self, get: GetToken) -> None:
        """Get tokens this way from now on: a secret that is no part of the key may have changed."""
        self._get = get
        self._refusal: tuple[TokenEndpointError, float] | None = None
        self._refusals = 0

    @property
    def current(self) -> Token | None:
        """The token at hand, whether or not it is still good."""
        return self._current

    def fresh(self, refused: Token | None = None) -> Token | None:
        """The token at hand; None if there is none, it has expired or it is the refused one.

        In the refresh window a worker renews; nobody waits.
        """
        token = self._current
        now = self._clock()
        if token is None or now >= token.expires_at or (refused is not None and _same(token, refused)):
            return None
        if now >= token.renew_at and now >= self._failed_until:
            self._renew_beside()
        return token

    def renewed(self, refused: Token | None = None) -> Future[Token]:
        """A token that is not the refused one: whoever else asks for the same waits for the same flight."""
        if self._refusal is not None and self._clock() < self._refusal[1]:
            return failed(self._refusal[0])
        mark = refused.access_token.mark if refused else None
        end = time.monotonic() + self._deadline
        return self._flights.run((self.key, mark), self._lane, lambda: self._renewal(refused, end))

    def may_renew(self, refused: Token) -> bool:
        """May this token, refused by the API, be renewed now? Not while every new one is refused, too."""
        if self._suspect is not None and _same(self._suspect, refused) and self._clock() < refused.issued_at + SUSPECT:
            self.refused_anew(refused)
        return self._clock() >= self._refused_until

    def refused_anew(self, token: Token) -> None:
        """Note that the API refused a token that had just replaced a refused one: the token is not what is wrong."""
        if self._judged is token or self._current is not token:
            return
        self._judged, self._suspect = token, None
        self._refused_until = self._clock() + PAUSES[self._pause]
        self._pause = min(self._pause + 1, len(PAUSES) - 1)

    def accepted(self, token: Token) -> None:
        """Note that the API accepted a token that had replaced a refused one."""
        if self._suspect is token:
            self._suspect = None
            self._pause = 0

    def forget(self) -> None:
        """Drop the token at hand; the store keeps its own."""
        self._current = None

    def _renew_beside(self) -> None:
        flight = self.renewed()
        if flight is not self._beside:
            self._beside = flight
            flight.add_done_callback(self._note_failure)

    def _note_failure(self, flight: Future[Token]) -> None:
        error = flight.exception()
        if error is not None:
            pause = self._clock() + random.uniform(2.0, 8.0)  # noqa: S311 - spreads load, guards nothing
            self._failed_until = max(pause, error.retry_at) if isinstance(error, RateLimited) else pause

    def _renewal(self, refused: Token | None, end: float) -> Token:
        try:
            token = self._renew(refused, end)
        except TokenEndpointError as error:
            self._note_refusal(error)
            raise
        self._refusal, self._refusals = None, 0
        if refused is not None:
            self._suspect = token
        self._current = token
        return token

    def _note_refusal(self, error: TokenEndpointError) -> None:
        if error.status >= 500:
            return
        self._refusals += 1
        if self._refusals >= REFUSALS:
            pause = min(2.0 ** (self._refusals - REFUSALS), PAUSES[-1])
            self._refusal = (error.fresh(), self._clock() + pause)

    def _renew(self, refused: Token | None, end: float) -> Token:
        owner = uuid.uuid4().hex
        patience = time.monotonic() + 2 * self._lease_seconds
        while True:
            held = self._store.lease(self.key, owner, self._lease_seconds)
            try:
                token = self._taken(refused) or (self._called(owner, end) if held else None)
            finally:
                if held:
                    self._store.release(self.key, owner)
            if token is not None:
                return token
            if time.monotonic() > patience:
                raise DeadlineExceeded("somebody else is renewing this token and does not end", stage="lease", host="")
            self._flights.rest(random.uniform(0.005, 0.02))  # noqa: S311 - spreads waiters, guards nothing
            end = time.monotonic() + self._deadline

    def _taken(self, refused: Token | None) -> Token | None:
        """What somebody else stored while we waited, if it is good for now. Read after the lease."""
        token = self._store.read(self.key).token
        if token is None or (refused is not None and _same(token, refused)):
            return None
        return token if self._clock() < min(token.renew_at, token.expires_at) else None

    def _called(self, owner: str, end: float) -> Token | None:
        """A new token, durable before anybody gets it; None if another was written meanwhile (the loser takes it)."""
        record = self._store.read(self.key)
        self._store.intend(self.key, record.version, f"{owner} {self._clock():.3f} {_consumes(record.token)}")
        token = self._get(record.token, end)
        return token if self._store.write(self.key, token, record.version) else None


def _same(one: Token, other: Token) -> bool:
    return one is other or one.access_token.matches(other.access_token)


def _consumes(token: Token | None) -> str:
    """Which refresh token a call may use up, for whoever finds the intent of an owner that was never heard of again."""
    if token is None or token.refresh_token is None:
        return "-"
    return hashlib.sha256(str(token.refresh_token.reveal()).encode()).hexdigest()[:16]
