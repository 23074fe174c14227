"""What one process learned of an API that refuses every new token, told to all on the store: one of them asks for another, and not each."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Self

from authweave.errors import StoreUnavailable
from authweave.tokens.ledger import Ledger
from authweave.values import Token, spent_mark

PAUSES: Final = (5.0, 10.0, 20.0, 40.0, 60.0)
"""Seconds without renewal after a token that was just renewed is refused as well, and again, and again."""
REMEMBERED: Final = 60.0
"""Seconds after a pause in which another refusal is the next in a row."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """That a new token (`token` stands for it) was refused, for the how-manieth time in a row; nobody renews before `until` (Unix seconds)."""

    until: float
    count: int
    token: str

    @classmethod
    def of(cls, token: Token, count: int, now: float) -> Self:
        """The refusal of this token now."""
        return cls(now + PAUSES[min(count, len(PAUSES)) - 1], count, spent_mark(token.access_token))

    def after(self, token: Token, now: float) -> Refusal:
        """The refusal of this token, where this one came before: the same one, if it is of the same token."""
        return self if spent_mark(token.access_token) == self.token else Refusal.of(token, self.count + 1, now)


class Refusals:
    """Those of one token key, in the store. Blocking; a store that is away, or nobody else's, tells nothing."""

    def __init__(self, ledger: Ledger, digest: str) -> None:
        self._ledger = ledger
        self._name = f"refused:{digest[:32]}"

    @property
    def are_shared(self) -> bool:
        """May another process tell of one?"""
        return self._ledger.is_shared

    def heard(self) -> Refusal | None:
        """The last one that somebody told."""
        if not self.are_shared:
            return None
        with suppress(StoreUnavailable):
            return _read(self._ledger.noted(self._name))
        return None

    def tell(self, refusal: Refusal, now: float) -> None:
        """Tell everybody."""
        with suppress(StoreUnavailable):
            self._ledger.note(self._name, {"until": refusal.until, "count": refusal.count, "token": refusal.token}, max(0.0, refusal.until - now) + REMEMBERED)

    def forget(self) -> None:
        """A new token was accepted: what was told holds no longer."""
        with suppress(StoreUnavailable):
            self._ledger.note(self._name, {}, REMEMBERED)


def _read(fact: Any) -> Refusal | None:
    with suppress(KeyError, TypeError, ValueError):
        return Refusal(float(fact["until"]), max(1, int(fact["count"])), str(fact["token"]))
    return None
