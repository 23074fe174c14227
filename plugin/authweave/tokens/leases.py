"""The lease of one key: who may renew its token, and nobody else. Blocking."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Final

from authweave.errors import DeadlineExceeded, StoreUnavailable
from authweave.tokens.later import Later
from authweave.tokens.owners import is_gone
from authweave.tokens.renewal_context import RenewalContext
from authweave.values import Record

WAITING: Final = 1.0
"""Seconds between two looks at a lease that somebody else holds, where the store does not wake us."""


class Leases:
    """The leases of one key. Raises StoreUnavailable."""

    def __init__(self, context: RenewalContext, later: Later) -> None:
        self._context = context
        self._later = later

    def take(self, owner: str, record: Record) -> bool:
        """Take the lease, if nobody has it who still lives."""
        key, ledger = self._context.key, self._context.ledger
        if record.intent is not None and is_gone(record.intent.owner):
            ledger.release(key, record.intent.owner)
        return ledger.lease(key, owner, self._context.lease_seconds)

    def take_in_time(self, owner: str, end: float) -> None:
        """Become the one who may renew; whoever is at it is waited for. Raises DeadlineExceeded."""
        while not self.take(owner, self._context.ledger.read(self._context.key)):
            if time.monotonic() > end:
                raise held_too_long()
            self.wait()

    def is_still_of(self, owner: str) -> bool:
        """Extend the lease, by the store's clock: ours stands still while a machine sleeps. A store that is away says nothing."""
        with suppress(StoreUnavailable):
            return self._context.ledger.lease(self._context.key, owner, self._context.lease_seconds)
        return True

    def wait(self) -> None:
        """Wait until the lease is free, or for a moment; another flight may have this worker meanwhile."""
        with self._context.flights.resting():
            self._context.ledger.wait(self._context.key, min(WAITING, self._context.lease_seconds))

    def release(self, owner: str) -> None:
        """Give the lease back; a store that was away gets it later, lest everybody waits for the lease to run out."""
        key, ledger = self._context.key, self._context.ledger
        try:
            ledger.release(key, owner)
        except StoreUnavailable:
            self._later.do((key, owner), lambda: ledger.release(key, owner), self._context.lease_seconds)


def held_too_long() -> DeadlineExceeded:
    """The error of whoever has waited for somebody else for too long."""
    return DeadlineExceeded("somebody else is renewing this token and does not end", stage="lease", host="")
