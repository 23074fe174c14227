"""One renewal of one token among many owners: lease → read → write intent → call → write if unchanged → release.

While the owner and the store live there is one request per key. After a lost lease there is at most one more, and none
with a refresh token that the store shows as spent. Whoever loses takes the winner's token. Killed at any step, the
next caller recovers, or is told what happened. Blocking; runs in a worker.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from contextlib import suppress

from authweave.errors import AuthweaveError, EndpointPaused, StoreUnavailable, UnexpectedFailure
from authweave.times import is_ahead
from authweave.tokens.failures import Failures
from authweave.tokens.flights import Flights
from authweave.tokens.guard import Tell
from authweave.tokens.keeping import LATE_TRIES, Keeping
from authweave.tokens.later import Later
from authweave.tokens.leases import Leases, held_too_long
from authweave.tokens.ledger import Ledger
from authweave.tokens.owners import new_owner
from authweave.tokens.renewal_context import RenewalContext
from authweave.tokens.storeless import Storeless
from authweave.tokens.troubles import DOUBT, MOST_ATTEMPTS, is_lasting, moment
from authweave.tokens.way import Way, is_same, usable
from authweave.values import Entry, Intent, Record, Token, TokenKey, spent_mark


class Renewal:
    """The renewals of one key. `way()` is made anew for each call: see `RenewalContext`.

    `required`: fail while the store is away, also where going on without it loses nothing.
    """

    def __init__(
        self, key: TokenKey, ledger: Ledger, way: Callable[[], Way], flights: Flights, *, lane: Hashable,
        lease_seconds: float, deadline: float, clock: Callable[[], float], tell: Tell, required: bool = False,
    ) -> None:  # fmt: skip
        self.key = key
        self.is_parents = False
        self._ledger = ledger
        self._deadline = deadline
        self._patience = 2 * lease_seconds
        self._clock = clock
        self._tell = tell
        self._required = required
        self._context = RenewalContext(key, way, ledger, flights, lane, lease_seconds, deadline, clock, tell)
        self.later = Later(self._context)
        self._leases = Leases(self._context, self.later)
        self._keeping = Keeping(self._context, self._leases, self.later)
        self._failures = Failures(self._context, self._keeping)
        self._storeless = Storeless(self._context, self._failures)

    def way(self) -> Way:
        """How its token is got, today."""
        return self._context.way()

    def use(self, way: Callable[[], Way]) -> None:
        """Get it by another way from now on."""
        self._context.way = way

    def run(self, refused: Token | None, known: Token | None, end: float, *, waits: bool = True) -> Token | None:
        """A token that is not the refused one and good for now. `known` is the one in memory.

        None if `waits` is false and somebody else is renewing. Raises TokenError, WireError, StoreUnavailable.
        """
        owner = new_owner()
        patience = time.monotonic() + self._patience
        while True:
            is_last = time.monotonic() > patience  # seen before the turn: who was stopped in it looks once more
            failure: StoreUnavailable
            try:
                token = self._turn(owner, refused, known, end, waits=waits)
                if token is not None or not waits:
                    return token
                if not is_last:
                    self._leases.wait()
            except StoreUnavailable as error:
                failure = error.fresh()
            else:
                if is_last:
                    raise held_too_long()
                end = time.monotonic() + self._deadline
                continue
            return self._without_store(failure, end)

    def signed_in(self, get: Callable[[float], Token], end: float) -> Token:
        """Keep the token that a person's consent gives, over whatever was there before. `get` gets it, before a moment of
        `time.monotonic`: once, while nobody renews.

        A renewal under way is waited for; one that comes to its end later finds this token, and takes it. Raises TokenError,
        WireError, StoreUnavailable.
        """
        owner = new_owner()
        self._leases.take_in_time(owner, end)
        try:
            began = time.monotonic()
            token = get(began + self._deadline)
            self._tell("acquired", seconds=time.monotonic() - began, detail="a person signed in")
            self._keeping.keep_consent(owner, token)
            return token
        finally:
            self._keeping.let_go(owner)

    def stored(self) -> Token | None:
        """The token that is stored, whatever it is worth."""
        return self._ledger.read(self.key).token

    def revoke(self, known: Token | None, end: float) -> bool:
        """End the stored token (or else the `known` one) at the provider, then forget it. False if nobody was called.

        A call that fails leaves everything as it is. Nobody renews meanwhile. Raises TokenError, WireError, StoreUnavailable.
        """
        owner = new_owner()
        self._leases.take_in_time(owner, end)
        try:
            return self._revoked(known, time.monotonic() + self._deadline)
        finally:
            with suppress(StoreUnavailable):
                self._ledger.release(self.key, owner)

    def _revoked(self, known: Token | None, end: float) -> bool:
        was_called, ended = False, ""
        for _ in range(LATE_TRIES):
            self._keeping.save()
            record = self._ledger.read(self.key)
            token = record.token or (known if not record.version else None)
            if token is not None and ended != (mark := spent_mark(token.refresh_token or token.access_token)):
                was_called, ended = self.way().revoke(token, end), mark
            if self._ledger.forget(self.key, record.version):
                if token is not None:
                    self._tell("revoked", detail="" if was_called else "forgotten here only: nothing says how to end it at the provider")
                return was_called
        raise StoreUnavailable("other", "the stored token changes all the time: it was ended, and could not be forgotten")

    def _turn(self, owner: str, refused: Token | None, known: Token | None, end: float, *, waits: bool) -> Token | None:
        """One try; None where somebody else has the lease, or wrote meanwhile."""
        self._keeping.save()
        record = self._ledger.read(self.key)
        if token := self._good(record, refused, waits=waits):
            return self._reused(token, known)
        way = self.way()
        way.refuse_early(end)
        self._failures.refuse_as_before(record, way)
        if not self._leases.take(owner, record):
            return None
        try:
            record = self._ledger.read(self.key)  # after the lease: somebody may have renewed meanwhile
            if token := self._good(record, refused, waits=waits):
                return self._reused(token, known)
            return self._called(owner, record, known, end)
        finally:
            self._keeping.let_go(owner)

    def _good(self, record: Record, refused: Token | None, *, waits: bool) -> Token | None:
        """The stored token, if it will do."""
        return usable(record, refused, self.way, self._clock(), waits=waits)

    def _reused(self, token: Token, known: Token | None) -> Token:
        if known is None or not is_same(token, known):
            self._tell("reused")
        return token

    def _called(self, owner: str, record: Record, known: Token | None, end: float) -> Token | None:
        way = self.way()
        old, attempt = self._presented(owner, record, known, way)
        if way.needs_person(old):
            raise self._failures.sign_in("there is no token yet" if old is None else "the token has ended, and nothing came with it that renews it")
        spends = spent_mark(way.spends(old))
        if not self._ledger.intend(self.key, record.version, Intent(owner, self._clock(), spends, attempt)):
            return None
        if way.attended and not self._leases.is_still_of(owner):
            return None  # who was taken for dead leaves the call to whoever has the lease now
        began = time.monotonic()
        failure: AuthweaveError
        try:
            token = way.get(old, end)
        except AuthweaveError as error:
            failure = error.fresh()
        except Exception as error:  # noqa: BLE001 - a stranger's grant raises what it likes
            failure = UnexpectedFailure.of(error)
        else:
            self._tell("renewed" if spends else "acquired", seconds=time.monotonic() - began)
            rotates = spent_mark(token.refresh_token) != spends if spends else None
            return self._keeping.keep(owner, token, Entry(self.key.facts(), token, rotates=rotates), record.version, spends, way)
        brought = way.brought
        if way.attended and brought is not None and spent_mark(brought) != spends:
            return self._failures.unusable(owner, failure, record, spends, brought, way)
        return self._failures.failed(failure, record, spends, attempt, way)

    def _presented(self, owner: str, record: Record, known: Token | None, way: Way) -> tuple[Token | None, int]:
        """The token to refresh, if any, and the how-manieth time its refresh token is presented.

        Raises SignInNeeded, and EndpointPaused for a refresh token in doubt.
        """
        if record.unreadable and way.attended:
            raise self._failures.sign_in(f"the stored token cannot be opened: {record.unreadable}")
        if record.intent is not None and record.intent.owner != owner:
            self._tell("interrupted", detail=f"a renewal begun at {moment(record.intent.at)} was never heard of again")
        if not way.attended:
            return (record.token, 1) if record.intent is None else (None, 1)  # a grant loses nothing; a refresh token may be spent
        old = record.token or self._remembered(record, known)
        if self.is_parents and way.spends(old):
            raise self._failures.sign_in("the refresh token is with the process that this one was forked from: tokens in memory are not shared")
        return old, self._attempt(owner, record, spent_mark(way.spends(old)), way)

    def _remembered(self, record: Record, known: Token | None) -> Token | None:
        """The token in memory, where the store has forgotten that there ever was one.

        Forgotten it has, too, where all it knows is that another worker came to an end with an older copy.
        """
        if known is None or known.refresh_token is None:
            return None
        trouble = record.trouble
        is_older = trouble is not None and trouble.kind == "sign_in_needed" and trouble.spends != spent_mark(known.refresh_token)
        if record.version and not is_older:
            return None
        self._tell("lost", detail="the store has forgotten this token; the copy in memory goes on")
        return known

    def _attempt(self, owner: str, record: Record, spends: str, way: Way) -> int:
        trouble, intent = record.trouble, record.intent
        attempt = 1
        if trouble is not None and spends and trouble.spends == spends:
            if trouble.kind == "sign_in_needed":
                raise self._failures.sign_in(trouble.reason)
            if is_ahead(trouble.until, self._clock(), DOUBT[1]):
                wait = trouble.until - self._clock()
                raise EndpointPaused(url=self.key.endpoint, reason=trouble.reason, retry_at=trouble.until, wait=wait)
            attempt = trouble.count + 1
        if intent is None or intent.spends != spends or not spends:
            return attempt
        if intent.owner == owner:
            return intent.attempt  # ours, and nothing was sent
        if intent.attempt >= MOST_ATTEMPTS and not is_lasting(record):
            raise self._failures.ended(record, spends, f"previous refresh interrupted at {moment(intent.at)}, and so was one before it", way)
        return intent.attempt + 1

    def _without_store(self, failure: StoreUnavailable, end: float) -> Token:
        """Go on in memory where that loses nothing: a grant in the client's own name. Never with a refresh token."""
        way = self.way()
        if self._required or way.attended:
            raise failure
        return self._storeless.token(way, end)
