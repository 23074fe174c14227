"""One renewal of one token among many owners: lease → read → write intent → call → write if unchanged → release.

While the owner and the store live there is one request per key. After a lost lease there is at most one more, and none
with a refresh token that the store shows as spent. Whoever loses takes the winner's token. Killed at any step, the
next caller recovers, or is told what happened. Blocking; runs in a worker.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import replace
from typing import Final, Protocol

from authweave.errors import (
    AuthweaveError,
    DeadlineExceeded,
    DiscoveryError,
    EndpointPaused,
    RegistrationError,
    SignInNeeded,
    StoreUnavailable,
    TokenEndpointError,
    TokenError,
    UnexpectedFailure,
    WireError,
)
from authweave.forks import begin_anew_in_child
from authweave.times import is_ahead
from authweave.tokens.flights import Flights
from authweave.tokens.guard import Tell
from authweave.tokens.ledger import Ledger, worth
from authweave.tokens.owners import is_gone, new_owner
from authweave.tokens.troubles import (
    DOUBT,
    LONGEST_REFUSAL,
    MOST_ATTEMPTS,
    OTHER_REFUSALS,
    event_of,
    is_lasting,
    moment,
    retry_of,
    trouble_of,
    why_ended,
)
from authweave.tokens.unsaved import Unsaved
from authweave.values import Entry, Intent, Record, Secret, Token, TokenKey, Trouble, spent_mark

LATE_TRIES: Final = 4
CONSENTED: Final = "a person's consent"
"""What stands in the place of a spent refresh token where a sign-in gave the token."""
WAITING: Final = 1.0
"""Seconds between two looks at a lease that somebody else holds, where the store does not wake us."""
AGAIN: Final = (0.1, 0.2, 0.4, 0.8, 1.0, 2.0, 5.0)
"""Seconds between two tries to tell a store what could not be told."""


class Way(Protocol):
    """How a token is got. `attended`: a person consented, so it cannot be had anew. `credentials` marks the secrets."""

    @property
    def attended(self) -> bool:
        """Did a person consent?"""
        ...

    @property
    def credentials(self) -> str:
        """A mark of the client's secrets."""
        ...

    @property
    def brought(self) -> Secret | None:
        """The refresh token of the last answer, where the rest of it could not be used."""
        ...

    def refuse_early(self, end: float) -> None:
        """Raise RateLimited or EndpointPaused where the endpoint must not be asked before `end`."""
        ...

    def get(self, old: Token | None, end: float) -> Token:
        """A token, from an old one or anew, before a moment of `time.monotonic`."""
        ...

    def spends(self, old: Token | None) -> Secret | None:
        """The refresh token that `get` would present."""
        ...

    def needs_person(self, old: Token | None) -> bool:
        """Can only a person give another token: is there no consent to rest on?"""
        ...

    def fits(self, token: Token) -> bool:
        """Has this token everything that is kept of an answer today? A profile may have been edited since it was got."""
        ...

    def revoke(self, token: Token, end: float) -> bool:
        """End a token at the provider; False if there is no way to."""
        ...


class Renewal:
    """The renewals of one key. `way()` is made anew for each call: secrets may have changed.

    `required`: fail while the store is away, also where going on without it loses nothing.
    """

    def __init__(
        self, key: TokenKey, ledger: Ledger, way: Callable[[], Way], flights: Flights, *, lane: Hashable,
        lease_seconds: float, deadline: float, clock: Callable[[], float], tell: Tell, required: bool = False,
    ) -> None:  # fmt: skip
        self.key = key
        self.way = way
        self._ledger = ledger
        self._flights = flights
        self._lane = lane
        self._lease_seconds = lease_seconds
        self._deadline = deadline
        self._clock = clock
        self._tell = tell
        self._required = required
        self.is_parents = False
        self.in_child()
        begin_anew_in_child(self)

    def in_child(self) -> None:
        """What was refused without the store was the parent's concern."""
        self._alone: Entry | None = None

    @property
    def _unsaved(self) -> Unsaved | None:
        """What any renewal of this key in this process could not store yet."""
        return self._ledger.unsaved.of(self.key)

    def run(self, refused: Token | None, known: Token | None, end: float, *, waits: bool = True) -> Token | None:
        """A token that is not the refused one and good for now. `known` is the one in memory.

        None if `waits` is false and somebody else is renewing. Raises TokenError, WireError, StoreUnavailable.
        """
        owner = new_owner()
        patience = time.monotonic() + 2 * self._lease_seconds
        while True:
            is_last = time.monotonic() > patience  # seen before the turn: who was stopped in it looks once more
            failure: StoreUnavailable
            try:
                token = self._turn(owner, refused, known, end, waits=waits)
                if token is not None or not waits:
                    return token
                if not is_last:
                    with self._flights.resting():
                        self._ledger.wait(self.key, min(WAITING, self._lease_seconds))
            except StoreUnavailable as error:
                failure = error.fresh()
            else:
                if is_last:
                    raise DeadlineExceeded("somebody else is renewing this token and does not end", stage="lease", host="")
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
        self._lease_in_time(owner, end)
        try:
            began = time.monotonic()
            token = get(began + self._deadline)
            self._tell("acquired", seconds=time.monotonic() - began, detail="a person signed in")
            self._keep_consent(owner, token)
            return token
        finally:
            if (unsaved := self._unsaved) is None or unsaved.owner != owner:
                with suppress(StoreUnavailable):
                    self._release(owner)

    def stored(self) -> Token | None:
        """The token that is stored, whatever it is worth."""
        return self._ledger.read(self.key).token

    def _keep_consent(self, owner: str, token: Token) -> None:
        """Durable before anybody has it. While the store is away, here is the only copy: it is written as soon as can be."""
        entry = Entry(self.key.facts(), token)
        failure: StoreUnavailable
        version = 0
        try:
            for _ in range(LATE_TRIES):
                version = self._ledger.read(self.key).version
                if self._ledger.write(self.key, version, entry, keep=None):
                    if (older := self._unsaved) is not None:
                        self._ledger.unsaved.drop(self.key, older)
                    return
            failure = StoreUnavailable("other", "the stored token changes all the time: the new one could not be kept")
        except StoreUnavailable as error:
            failure = error.fresh()
        self._ledger.unsaved.add(self.key, Unsaved(owner, entry, version, CONSENTED, None))
        self._flights.run((self.key, "save"), self._lane, lambda: self._patiently(self._save, float("inf")))
        raise failure

    def _lease_in_time(self, owner: str, end: float) -> None:
        """Become the one who may renew; whoever is at it is waited for. Raises DeadlineExceeded, StoreUnavailable."""
        while not self._leased(owner, self._ledger.read(self.key)):
            if time.monotonic() > end:
                raise DeadlineExceeded("somebody else is renewing this token and does not end", stage="lease", host="")
            with self._flights.resting():
                self._ledger.wait(self.key, min(WAITING, self._lease_seconds))

    def revoke(self, known: Token | None, end: float) -> bool:
        """End the stored token (or else the `known` one) at the provider, then forget it. False if nobody was called.

        A call that fails leaves everything as it is. Nobody renews meanwhile. Raises TokenError, WireError, StoreUnavailable.
        """
        owner = new_owner()
        self._lease_in_time(owner, end)
        try:
            return self._revoked(known, time.monotonic() + self._deadline)
        finally:
            with suppress(StoreUnavailable):
                self._ledger.release(self.key, owner)

    def _revoked(self, known: Token | None, end: float) -> bool:
        was_called, ended = False, ""
        for _ in range(LATE_TRIES):
            if self._unsaved is not None:
                self._save()
            record = self._ledger.read(self.key)
            token = record.token or (known if not record.version else None)
            if token is not None and ended != (mark := spent_mark(token.refresh_token or token.access_token)):
                was_called, ended = self.way().revoke(token, end), mark
            if self._ledger.forget(self.key, record.version):
                if token is not None:
                    self._tell("revoked", detail="" if was_called else "forgotten here only: nothing says how to end it at the provider")
                return was_called
        raise StoreUnavailable("other", "the stored token changes all the time: it was ended, and could not be forgotten")

    # ---- with the store

    def _turn(self, owner: str, refused: Token | None, known: Token | None, end: float, *, waits: bool) -> Token | None:
        """One try; None where somebody else has the lease, or wrote meanwhile."""
        if self._unsaved is not None:
            self._save()
        record = self._ledger.read(self.key)
        if token := self._good(record, refused, waits=waits):
            return self._reused(token, known)
        way = self.way()
        way.refuse_early(end)
        self._refuse_as_before(record, way)
        if not self._leased(owner, record):
            return None
        try:
            record = self._ledger.read(self.key)  # after the lease: somebody may have renewed meanwhile
            if token := self._good(record, refused, waits=waits):
                return self._reused(token, known)
            return self._called(owner, record, known, end)
        finally:
            if (unsaved := self._unsaved) is None or unsaved.owner != owner:  # else nobody may present a refresh token that is spent already
                self._release(owner)

    def _release(self, owner: str) -> None:
        """Give the lease back; a store that was away gets it later, lest everybody waits for the lease to run out."""
        try:
            self._ledger.release(self.key, owner)
        except StoreUnavailable:
            self._flights.run((self.key, owner), self._lane, lambda: self._patiently(lambda: self._ledger.release(self.key, owner), self._lease_seconds))

    def _leased(self, owner: str, record: Record) -> bool:
        """Take the lease, if nobody has it who still lives."""
        if record.intent is not None and is_gone(record.intent.owner):
            self._ledger.release(self.key, record.intent.owner)
        return self._ledger.lease(self.key, owner, self._lease_seconds)

    def _good(self, record: Record, refused: Token | None, *, waits: bool) -> Token | None:
        """The stored token, if it will do: for somebody who waits until its end, for a renewal beside until its window."""
        token = record.token
        if token is None or (refused is not None and is_same(token, refused)) or not self.way().fits(token):
            return None
        return token if self._clock() < (token.expires_at if waits else min(token.renew_at, token.expires_at)) else None

    def _reused(self, token: Token, known: Token | None) -> Token:
        if known is None or not is_same(token, known):
            self._tell("reused")
        return token

    def _called(self, owner: str, record: Record, known: Token | None, end: float) -> Token | None:
        way = self.way()
        old, attempt = self._presented(owner, record, known, way)
        if way.needs_person(old):
            raise self._sign_in("there is no token yet" if old is None else "the token has ended, and nothing came with it that renews it")
        spends = spent_mark(way.spends(old))
        if not self._ledger.intend(self.key, record.version, Intent(owner, self._clock(), spends, attempt)):
            return None
        if way.attended and not self._is_still_owner(owner):
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
            return self._kept(owner, token, Entry(self.key.facts(), token, rotates=rotates), record.version, spends, way)
        brought = way.brought
        if way.attended and brought is not None and spent_mark(brought) != spends:
            return self._unusable(owner, failure, record, spends, brought, way)
        return self._failed(failure, record, spends, attempt, way)

    def _is_still_owner(self, owner: str) -> bool:
        """Extend the lease, by the store's clock: ours stands still while a machine sleeps. A store that is away says nothing."""
        with suppress(StoreUnavailable):
            return self._ledger.lease(self.key, owner, self._lease_seconds)
        return True

    def _presented(self, owner: str, record: Record, known: Token | None, way: Way) -> tuple[Token | None, int]:
        """The token to refresh, if any, and the how-manieth time its refresh token is presented.

        Raises SignInNeeded, and EndpointPaused for a refresh token in doubt.
        """
        if record.unreadable and way.attended:
            raise self._sign_in(f"the stored token cannot be opened: {record.unreadable}")
        if record.intent is not None and record.intent.owner != owner:
            self._tell("interrupted", detail=f"a renewal begun at {moment(record.intent.at)} was never heard of again")
        if not way.attended:
            return (record.token, 1) if record.intent is None else (None, 1)  # a grant loses nothing; a refresh token may be spent
        old = record.token or self._remembered(record, known)
        if self.is_parents and way.spends(old):
            raise self._sign_in("the refresh token is with the process that this one was forked from: tokens in memory are not shared")
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
                raise self._sign_in(trouble.reason)
            if is_ahead(trouble.until, self._clock(), DOUBT[1]):
                wait = trouble.until - self._clock()
                raise EndpointPaused(url=self.key.endpoint, reason=trouble.reason, retry_at=trouble.until, wait=wait)
            attempt = trouble.count + 1
        if intent is None or intent.spends != spends or not spends:
            return attempt
        if intent.owner == owner:
            return intent.attempt  # ours, and nothing was sent
        if intent.attempt >= MOST_ATTEMPTS and not is_lasting(record):
            raise self._ended(record, spends, f"previous refresh interrupted at {moment(intent.at)}, and so was one before it", way)
        return intent.attempt + 1

    # ---- what came of the call

    def _kept(self, owner: str, token: Token, entry: Entry, version: int, spends: str, way: Way) -> Token | None:
        """The token once it is durable; None where a winner's is to be taken."""
        failure: StoreUnavailable
        keep = self._keep(token, way)
        try:
            if self._ledger.write(self.key, version, entry, keep=keep):
                return token
            return token if self._late(entry, spends, keep) else None
        except StoreUnavailable as error:
            failure = error.fresh()
        if not way.attended or spent_mark(token.refresh_token) == spends:
            return token  # nothing is lost if nobody else ever sees it
        self._ledger.unsaved.add(self.key, Unsaved(owner, entry, version, spends, keep))
        self._flights.run((self.key, "save"), self._lane, lambda: self._patiently(self._save, float("inf")))
        raise failure

    def _late(self, entry: Entry, spends: str, keep: float | None) -> bool:
        """Somebody wrote while we called. Ours stands only if what is there still rests on what we have spent."""
        for _ in range(LATE_TRIES):
            record = self._ledger.read(self.key)
            if not _rests_on(record, spends) or (entry.rotates is False and self._is_won(record)):
                return False
            if self._ledger.write(self.key, record.version, entry, keep=keep):
                return True
        return False

    def _is_won(self, record: Record) -> bool:
        """Has somebody else put a token there that is good?"""
        return record.trouble is None and self._good(record, None, waits=True) is not None

    def _unusable(self, owner: str, failure: AuthweaveError, record: Record, spends: str, brought: Secret, way: Way) -> Token | None:
        """Keep the refresh token of an answer that is otherwise of no use, and raise why; None where a winner's token is to be taken.

        The one that was presented may be dead by now. Raises StoreUnavailable where it cannot be kept yet.
        """
        self._tell("refused", detail=str(failure))
        before, now = record.trouble, self._clock()
        count = before.count + 1 if before is not None and before.spends == spends else 1
        until = now + min(OTHER_REFUSALS[0] * 2.0 ** (count - 1), OTHER_REFUSALS[1])
        trouble = Trouble("unreachable", str(failure), now, spends=spent_mark(brought), count=count, until=until)
        token = replace(record.token or Token(Secret("", "nothing yet"), expires_at=0.0, renew_at=0.0), refresh_token=brought)
        if self._kept(owner, token, Entry(self.key.facts(), token, trouble, rotates=True), record.version, spends, way) is None:
            return None
        raise failure

    def _failed(self, failure: AuthweaveError, record: Record, spends: str, attempt: int, way: Way) -> Token | None:
        """Note what is known of the failure, and raise it; None where a winner's token is to be taken."""
        is_before = isinstance(failure, DiscoveryError | RegistrationError)
        if not (failure.is_of_answer or (isinstance(failure, TokenError | WireError | UnexpectedFailure) and not is_before)):  # nothing was sent
            if is_before:
                self._tell("unreachable", detail=str(failure))
            with suppress(StoreUnavailable):
                self._ledger.intend(self.key, record.version, None)
            raise failure
        if kind := event_of(failure):
            self._tell(kind, detail=str(failure), **retry_of(failure))
        if failure.is_unspent:
            return self._failed_before(failure, record, way)
        if way.attended and spends and isinstance(failure, TokenEndpointError) and failure.error == "invalid_grant" and not failure.step:
            with suppress(StoreUnavailable):
                if self._ledger.read(self.key).version != record.version:
                    return None  # the renewal of somebody whom we took for dead has ended meanwhile
            raise self._ended(record, spends, why_ended(failure, record), way)
        trouble = trouble_of(failure, record, spends if way.attended else "", attempt, way.credentials, self._clock())
        if isinstance(failure, TokenEndpointError) and trouble.kind == "refused":
            failure.asked_again_at = trouble.until
        with suppress(StoreUnavailable):
            if not self._ledger.write(self.key, record.version, self._entry(record, trouble), keep=self._keep(record.token, way)):
                return None  # somebody has written meanwhile: what they know is newer
        raise failure

    def _failed_before(self, failure: AuthweaveError, record: Record, way: Way) -> Token | None:
        """A step before the token request failed: the refresh token was not presented, and what is in doubt of it stays so."""
        trouble = trouble_of(failure, record, "", 1, way.credentials, self._clock())
        if isinstance(failure, TokenEndpointError) and trouble.kind == "refused":
            failure.asked_again_at = trouble.until
        entry = self._entry(record, record.trouble if record.trouble is not None and record.trouble.spends else trouble)
        with suppress(StoreUnavailable):
            if not self._ledger.write(self.key, record.version, entry, keep=self._keep(record.token, way)):
                return None
        raise failure

    def _entry(self, record: Record, trouble: Trouble) -> Entry:
        """What is known of the key, with a new trouble."""
        return Entry(self.key.facts(), record.token, trouble, record.entry.rotates if record.entry else None)

    def _refuse_as_before(self, record: Record, way: Way) -> None:
        """Raise what the endpoint said the last time, where it is too early to ask again."""
        trouble, now = record.trouble, self._clock()
        if trouble is None or trouble.credentials != way.credentials or not is_ahead(trouble.until, now, LONGEST_REFUSAL):
            return
        if trouble.kind == "unreachable" and not trouble.spends:
            raise EndpointPaused(url=self.key.endpoint, reason=trouble.reason, retry_at=trouble.until, wait=trouble.until - now)
        if trouble.kind == "refused":
            raise TokenEndpointError(
                status=trouble.status, url=self.key.endpoint, error=trouble.error, error_description=trouble.error_description,
                asked_again_at=trouble.until, wait=trouble.until - now,
            )  # fmt: skip

    def _ended(self, record: Record, spends: str, reason: str, way: Way) -> SignInNeeded:
        """Note that this refresh token is of no more use."""
        self._tell("lost", detail=reason)
        with suppress(StoreUnavailable):
            entry = self._entry(record, Trouble("sign_in_needed", reason, self._clock(), spends=spends))
            self._ledger.write(self.key, record.version, entry, keep=self._keep(record.token, way))
        return self._sign_in(reason)

    def _sign_in(self, reason: str) -> SignInNeeded:
        self._tell("sign_in_needed", detail=reason)
        return SignInNeeded(reason, profile=self.key.connection.partition("/")[0], tenant=self.key.tenant, subject=self.key.subject)

    def _keep(self, token: Token | None, way: Way) -> float | None:
        """Seconds to keep an entry; what a person gave is kept for good."""
        return None if way.attended else worth(token, self._clock())

    # ---- without the store

    def _without_store(self, failure: StoreUnavailable, end: float) -> Token:
        """Go on in memory where that loses nothing: a grant in the client's own name. Never with a refresh token."""
        way = self.way()
        if self._required or way.attended:
            raise failure
        way.refuse_early(end)
        self._refuse_as_before(Record(entry=self._alone), way)
        began = time.monotonic()
        refusal: AuthweaveError
        try:
            token = way.get(None, end)
        except AuthweaveError as error:
            refusal = error.fresh()
        else:
            self._alone = None
            self._tell("acquired", seconds=time.monotonic() - began, detail="kept in memory only: the token store is away")
            return token
        self._note_alone(refusal, way)
        raise refusal

    def _note_alone(self, failure: AuthweaveError, way: Way) -> None:
        """As `_failed`, in memory: a client that is refused must not be tried again and again, store or not."""
        if kind := event_of(failure):
            self._tell(kind, detail=str(failure), **retry_of(failure))
        record = Record(entry=self._alone)
        trouble = trouble_of(failure, record, "", 1, way.credentials, self._clock())
        if isinstance(failure, TokenEndpointError) and trouble.kind == "refused":
            failure.asked_again_at = trouble.until
        self._alone = self._entry(record, trouble)

    def _save(self) -> None:
        """Write what could not be written when it came. Raises StoreUnavailable."""
        if (unsaved := self._unsaved) is None:
            return
        with unsaved.saving:
            if self._unsaved is not unsaved:
                return
            if not self._ledger.write(self.key, unsaved.version, unsaved.entry, keep=unsaved.keep):
                self._late(unsaved.entry, unsaved.spends, unsaved.keep)
            self._ledger.unsaved.drop(self.key, unsaved)
        self._release(unsaved.owner)

    def _patiently(self, work: Callable[[], None], seconds: float) -> None:
        """Do what only a store that answers can do, again and again for so many seconds; not for a store that was let go of."""
        end = time.monotonic() + seconds
        for pause in itertools.chain(AGAIN, itertools.repeat(AGAIN[-1])):
            self._flights.rest(pause)
            with suppress(StoreUnavailable):
                return work()
            if time.monotonic() > end or self._ledger.is_closed:
                return None
        return None


def is_same(one: Token, other: Token) -> bool:
    """Are these the same token, perhaps as two objects?"""
    return one is other or one.access_token.matches(other.access_token)


def _rests_on(record: Record, spends: str) -> bool:
    """Does what is stored still rest on the refresh token that was spent? Then nothing newer is there."""
    if spends == CONSENTED:
        return True  # a person has just said so: nothing is newer
    if record.trouble is not None and record.trouble.spends:
        return record.trouble.spends == spends
    token = record.token
    return token is None or (bool(spends) and spent_mark(token.refresh_token) == spends)
