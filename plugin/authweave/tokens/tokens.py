"""The life of a token in one process: fresh, renewed, refused. Coalesced by flights; `renewal` has the rest.

The clock is a callable, read again after every wait; no lock is held across a call to the network.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from typing import Final

from authweave.errors import EndpointPaused, RateLimited, StoreUnavailable, TokenEndpointError
from authweave.machine.chance import between
from authweave.machine.forks import begin_anew_in_child
from authweave.times import is_ahead
from authweave.tokens.flights import Flights, failed
from authweave.tokens.guard import Tell
from authweave.tokens.ledger import Ledger
from authweave.tokens.refusals import PAUSES, Refusal, Refusals
from authweave.tokens.renewal import Renewal
from authweave.tokens.troubles import LONGEST_REFUSAL
from authweave.tokens.way import Way, is_same
from authweave.values import NEVER, Token, TokenKey

SUSPECT: Final = 60.0
"""Seconds for which a token that replaced a refused one has to prove itself."""
EXPIRED_PAUSE: Final = 1.0
"""Seconds between two tokens that replace expired ones, while the API refuses whatever is new and has accepted none."""
SPREAD: Final = 60.0
"""Seconds over which workers spread the renewal of a token without a stated end."""


BY_KEY: Final = 0.8
"""Which part of the time over which renewals are spread is chosen by the key: the rest keeps workers that share a token apart."""


class Tokens:
    """The token of one key. `fresh()` is the warm path, `renewed()` a flight. Safe for threads and forks.

    `deadline` in seconds holds for a renewal from the moment it is asked for; when another owner had the lease, from
    the moment the lease was got.
    """

    __slots__ = (
        "__weakref__", "_begins_anew", "_beside", "_clock", "_current", "_deadline", "_failed_until", "_flights", "_judged",
        "_lane", "_ledger", "_next_at", "_pause", "_place", "_proven", "_refusal", "_refusals", "_refused_until", "_renew_at", "_renewal", "_suspect", "_tell", "digest", "key",
    )  # fmt: skip

    def __init__(
        self, key: TokenKey, way: Callable[[], Way], ledger: Ledger, flights: Flights, *, lane: Hashable,
        lease_seconds: float, deadline: float, tell: Tell, required: bool = False, anew: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self.key = key
        self.digest = key.digest()
        self._place = int(self.digest[:8], 16) / 2**32
        self._ledger = ledger
        self._flights = flights
        self._lane = lane
        self._deadline = deadline
        self._clock = clock
        self._tell = tell
        self._renewal = Renewal(
            key, ledger, way, flights, lane=lane, lease_seconds=lease_seconds, deadline=deadline, clock=clock, tell=tell, required=required
        )
        self._current: Token | None = None
        self._begins_anew = anew
        self._renew_at = NEVER
        self._beside: Future[Token | None] | None = None
        self._failed_until = 0.0
        self._suspect: Token | None = None
        self._judged: Token | None = None
        self._refused_until = 0.0
        self._refusals = Refusals(ledger, self.digest)
        self._next_at = 0.0
        self._proven = False
        self._pause = 0
        self._refusal: TokenEndpointError | None = None
        begin_anew_in_child(self)

    def in_child(self) -> None:
        """Leave a refresh token to the parent, where no store tells one process what the other does with it.

        A renewal that the parent had under way beside its callers never lands here.
        """
        self._beside = None
        if self._current is not None and not self._ledger.is_shared:
            self._current = replace(self._current, refresh_token=None)
            self._renewal.is_parents = True

    def use(self, way: Callable[[], Way]) -> None:
        """Get tokens this way from now on: a secret that is no part of the key, or what is kept of an answer, may have changed."""
        self._renewal.use(way)
        self._refusal = None
        if self._current is not None and not way().fits(self._current):
            self._current = None

    @property
    def current(self) -> Token | None:
        """The token at hand, whether or not it is still good."""
        return self._current

    @property
    def renew_at(self) -> float:
        """When this process begins to renew the token at hand (Unix seconds): in its refresh window, at a moment of its own."""
        return self._renew_at

    def fresh(self, refused: Token | None = None) -> Token | None:
        """The token at hand; None if there is none, it has expired or it is the refused one.

        In the refresh window a worker renews; nobody waits.
        """
        token = self._current
        now = self._clock()
        if token is None or now >= token.expires_at or (refused is not None and is_same(token, refused)):
            return None
        if now >= self._renew_at and now >= self._failed_until:
            self._renew_beside()
        return token

    def renewed(self, refused: Token | None = None) -> Future[Token]:
        """A token that is not the refused one: whoever else asks for the same waits for the same flight."""
        if self._refusal is not None and is_ahead(self._refusal.asked_again_at, self._clock(), LONGEST_REFUSAL):
            return failed(self._refusal)
        flight = (self.digest, refused.access_token.mark if refused else None)
        if refused is None and not self._flights.is_flying(flight) and (paused := self._paused_by_api()) is not None:
            return failed(paused)
        end = time.monotonic() + self._deadline
        return self._flights.run(flight, self._lane, lambda: self._renewed(refused, end))

    def _paused_by_api(self) -> EndpointPaused | None:
        """Why no token is asked for, although there is none that lives: the API refuses new ones, and these end at once."""
        now = self._clock()
        if self._proven or self._current is None or not is_ahead(self._refused_until, now, PAUSES[-1]):
            return None
        if is_ahead(self._next_at, now, EXPIRED_PAUSE):
            reason = "the API refuses tokens that were just renewed, and they expire at once"
            return EndpointPaused(url=self.key.endpoint, reason=reason, retry_at=self._next_at, wait=self._next_at - now)
        self._next_at = now + EXPIRED_PAUSE
        return None

    def may_renew(self, refused: Token) -> bool:
        """May this token, refused by the API, be renewed now? Not while every new one is refused, too."""
        if self._suspect is not None and is_same(self._suspect, refused) and self._clock() < refused.issued_at + SUSPECT:
            self.refused_anew(refused)
        return not is_ahead(self._refused_until, self._clock(), PAUSES[-1])

    def refused_anew(self, token: Token) -> None:
        """Note that the API refused a token that had just replaced a refused one: the token is not what is wrong."""
        if self._judged is token or self._current is not token:
            return
        self._judged, self._suspect, self._proven = token, None, False
        self._heed(Refusal.of(token, self._pause + 1, self._clock()))
        if self._refusals.are_shared:
            self._flights.run((self.digest, "refused"), self._lane, lambda: self._share(token))
        self._tell("rejected", retry_at=self._refused_until, detail="the API refuses tokens that were just renewed, too")

    def accepted(self, token: Token) -> None:
        """Note that the API accepted a token: it does not refuse whatever is new."""
        self._proven = True
        if self._suspect is not token:
            return
        self._suspect = None
        if self._pause and self._refusals.are_shared:
            self._flights.run((self.digest, "accepted"), self._lane, self._refusals.forget)
        self._pause = 0

    def _heed(self, refusal: Refusal) -> None:
        self._refused_until, self._pause = refusal.until, refusal.count

    def _share(self, token: Token) -> None:
        """Tell the other processes of a refusal, or hear that one of them was first with it."""
        now, heard = self._clock(), self._refusals.heard()
        refusal = heard.after(token, now) if heard is not None else Refusal.of(token, self._pause, now)
        if refusal is not heard:
            self._refusals.tell(refusal, now)
        self._heed(refusal)

    def _heed_others(self, refused: Token) -> None:
        """Raise EndpointPaused where another process has found that new tokens are refused; a stored one that is not the refused one costs nothing."""
        heard = self._refusals.heard()
        now = self._clock()
        if heard is None or not is_ahead(heard.until, now, PAUSES[-1]):
            return
        with suppress(StoreUnavailable):
            stored = self._ledger.read(self.key).token
            if stored is not None and not is_same(stored, refused):
                return
        self._heed(heard)
        raise EndpointPaused(url=self.key.endpoint, reason="the API refuses tokens that were just renewed", retry_at=heard.until, wait=heard.until - now)

    def signed_in(self, get: Callable[[float], Token]) -> Token:
        """Keep the token that a person's consent gives, here and in the store; see `Renewal.signed_in`. Blocking: call it in a worker."""
        token = self._renewal.signed_in(get, time.monotonic() + self._deadline)
        self._begins_anew = False
        self._suspect = self._judged = None
        self._refused_until, self._pause, self._failed_until = 0.0, 0, 0.0
        self._adopt(token)
        return token

    def stored(self) -> Token | None:
        """The token in the store, whatever it is worth. Blocking."""
        return self._renewal.stored()

    def take(self, token: Token) -> None:
        """Use this token, which stands in the store, from now on."""
        self._adopt(token)

    def revoked(self) -> Future[bool]:
        """End the token at the provider and forget it, here and in the store. False if it was only forgotten."""
        end = time.monotonic() + self._deadline
        return self._flights.run((self.digest, "revoke"), self._lane, lambda: self._revoked(end))

    def forget(self) -> None:
        """Drop the token at hand; the store keeps its own."""
        self._current = None

    def _renew_beside(self) -> None:
        if self._beside is not None and not self._beside.done():
            return
        end = time.monotonic() + self._deadline
        flight = self._flights.run((self.digest, "beside"), self._lane, lambda: self._renewed_beside(end))
        if flight is not self._beside:
            self._beside = flight
            flight.add_done_callback(self._note_end)

    def _note_end(self, flight: Future[Token | None]) -> None:
        """After a failure, or where somebody else renews, look again in some seconds; not with every caller."""
        error = flight.exception()
        if error is None and flight.result() is not None:
            return
        pause = self._clock() + (between(2.0, 8.0) if error else between(0.5, 2.0))
        self._failed_until = max(pause, error.retry_at) if isinstance(error, RateLimited | EndpointPaused) else pause

    def _renewed_beside(self, end: float) -> Token | None:
        token = self._renewal.run(None, self._current, end, waits=False)
        if token is not None:
            self._adopt(token)
        return token

    def _renewed(self, refused: Token | None, end: float) -> Token:
        if refused is not None and self._current is not None and is_same(self._current, refused):
            self._tell("rejected", detail="the API did not accept the token")
        if refused is not None:
            self._heed_others(refused)
        try:
            token = self._renewal.run(refused or self._left_aside(), self._current, end)
        except TokenEndpointError as error:
            self._refusal = error.fresh() if error.asked_again_at else None
            raise
        assert token is not None  # noqa: S101 - only one who does not wait gets none
        if refused is not None or (self._suspect is not None and not self._proven):  # one that ended before it was tried passes the doubt on
            self._suspect = token
        self._adopt(token)
        return token

    def _left_aside(self) -> Token | None:
        """The stored token, where the first one has to be got anew."""
        if not self._begins_anew:
            return None
        self._begins_anew = False
        stored = self._ledger.read(self.key).token
        return None if stored is None or self._renewal.way().needs_person(stored) else stored

    def _revoked(self, end: float) -> bool:
        was_called = self._renewal.revoke(self._current, end)
        self.forget()
        return was_called

    def _adopt(self, token: Token) -> None:
        """Use this token from now on, and choose the moment of its renewal: most of it by the key, alike in all workers,
        since the first of many would else always come at the beginning of the window, and many tokens at once; the rest by chance."""
        begin = max(token.renew_at, self._clock())
        width = (token.expires_at - begin) / 2 if token.expires_at != NEVER else SPREAD
        self._renew_at = begin + max(0.0, width) * (BY_KEY * self._place + between(0.0, 1.0 - BY_KEY)) if begin != NEVER else NEVER
        if self._renewal.way().needs_person(token):
            self._renew_at = NEVER  # it is used to its end: until then nobody has to be bothered
        self._refusal = None
        self._current = token
