"""A token that was got is kept, durable before anybody has it; what cannot be kept yet is written as soon as can be. Blocking."""

from __future__ import annotations

from typing import Final

from authweave.errors import StoreUnavailable
from authweave.tokens.later import Later
from authweave.tokens.leases import Leases
from authweave.tokens.ledger import worth
from authweave.tokens.renewal_context import RenewalContext
from authweave.tokens.unsaved import Unsaved
from authweave.tokens.way import Way, usable
from authweave.values import Entry, Record, Token, spent_mark

LATE_TRIES: Final = 4
CONSENTED: Final = "a person's consent"
"""What stands in the place of a spent refresh token where a sign-in gave the token."""


class Keeping:
    """What is kept of one key."""

    def __init__(self, context: RenewalContext, leases: Leases, later: Later) -> None:
        self._context = context
        self._leases = leases
        self._later = later

    def keep(self, owner: str, token: Token, entry: Entry, version: int, spends: str, way: Way) -> Token | None:
        """The token once it is durable; None where a winner's is to be taken."""
        failure: StoreUnavailable
        seconds = self.seconds(token, way)
        try:
            if self._context.ledger.write(self._context.key, version, entry, keep=seconds):
                return token
            return token if self._is_written_late(entry, spends, seconds) else None
        except StoreUnavailable as error:
            failure = error.fresh()
        if not way.attended or spent_mark(token.refresh_token) == spends:
            return token  # nothing is lost if nobody else ever sees it
        self._save_later(Unsaved(owner, entry, version, spends, seconds))
        raise failure

    def keep_consent(self, owner: str, token: Token) -> None:
        """The token that a person's consent gave, over whatever is there. While the store is away, here is the only copy."""
        key, ledger = self._context.key, self._context.ledger
        entry = Entry(key.facts(), token)
        failure: StoreUnavailable
        version = 0
        try:
            for _ in range(LATE_TRIES):
                version = ledger.read(key).version
                if ledger.write(key, version, entry, keep=None):
                    if (older := self.unsaved) is not None:
                        ledger.unsaved.drop(key, older)
                    return
            failure = StoreUnavailable("other", "the stored token changes all the time: the new one could not be kept")
        except StoreUnavailable as error:
            failure = error.fresh()
        self._save_later(Unsaved(owner, entry, version, CONSENTED, None))
        raise failure

    @property
    def unsaved(self) -> Unsaved | None:
        """What any renewal of this key in this process could not store yet."""
        return self._context.ledger.unsaved.of(self._context.key)

    def save(self) -> None:
        """Write what could not be written when it came. Raises StoreUnavailable."""
        key, ledger = self._context.key, self._context.ledger
        if (unsaved := self.unsaved) is None:
            return
        with unsaved.saving:
            if self.unsaved is not unsaved:
                return
            if not ledger.write(key, unsaved.version, unsaved.entry, keep=unsaved.keep):
                self._is_written_late(unsaved.entry, unsaved.spends, unsaved.keep)
            ledger.unsaved.drop(key, unsaved)
        self._leases.release(unsaved.owner)

    def let_go(self, owner: str) -> None:
        """Give the lease back, but where something is unsaved: nobody may present a refresh token that is spent already."""
        if (unsaved := self.unsaved) is None or unsaved.owner != owner:
            self._leases.release(owner)

    def seconds(self, token: Token | None, way: Way) -> float | None:
        """Seconds to keep an entry; what a person gave is kept for good."""
        return None if way.attended else worth(token, self._context.clock())

    def _save_later(self, unsaved: Unsaved) -> None:
        self._context.ledger.unsaved.add(self._context.key, unsaved)
        self._later.do((self._context.key, "save"), self.save, float("inf"))

    def _is_written_late(self, entry: Entry, spends: str, seconds: float | None) -> bool:
        """Somebody wrote while we called. Ours stands only if what is there still rests on what we have spent."""
        for _ in range(LATE_TRIES):
            record = self._context.ledger.read(self._context.key)
            if not _rests_on(record, spends) or (entry.rotates is False and self._is_won(record)):
                return False
            if self._context.ledger.write(self._context.key, record.version, entry, keep=seconds):
                return True
        return False

    def _is_won(self, record: Record) -> bool:
        """Has somebody else put a token there that is good?"""
        return record.trouble is None and usable(record, None, self._context.way, self._context.clock(), waits=True) is not None


def _rests_on(record: Record, spends: str) -> bool:
    """Does what is stored still rest on the refresh token that was spent? Then nothing newer is there."""
    if spends == CONSENTED:
        return True  # a person has just said so: nothing is newer
    if record.trouble is not None and record.trouble.spends:
        return record.trouble.spends == spends
    token = record.token
    return token is None or (bool(spends) and spent_mark(token.refresh_token) == spends)
