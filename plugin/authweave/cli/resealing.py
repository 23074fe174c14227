"""Sealing stored tokens again under the key that is the active one now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from authweave.at_rest.cipher import Sealer, Unreadable
from authweave.at_rest.keys import Keys
from authweave.discovery.registration import GRANT as REGISTRATION
from authweave.tokens.ledger import worth
from authweave.tokens.owners import new_owner
from authweave.tokens.records import NotAnEntry, decoded, is_sign_in
from authweave.values import Entry, Row

if TYPE_CHECKING:
    from authweave.contracts import Store
    from authweave.extensions.catalog import Catalog

LEASE_SECONDS: Final = 10.0
"""How long nobody renews an entry that is sealed again: far more than that takes."""


@dataclass
class Counted:
    """How many entries there are of each sort. `unreadable` maps why to how many."""

    readable: int = 0
    old: int = 0
    renewing: int = 0
    resealed: int = 0
    unreadable: dict[str, int] = field(default_factory=dict)

    def note_unreadable(self, why: str) -> None:
        """One more that cannot be opened."""
        self.unreadable[why] = self.unreadable.get(why, 0) + 1

    @property
    def lost(self) -> int:
        """How many cannot be opened."""
        return sum(self.unreadable.values())


class Sealings:
    """The entries of a store as they are sealed. Blocking; every method raises StoreUnavailable."""

    def __init__(self, store: Store, keys: Keys, catalog: Catalog, clock: Callable[[], float]) -> None:
        self._store = store
        self._sealer = Sealer(keys)
        self._active_only = Sealer(Keys(keys.active))
        self._grants = catalog.named("grants")
        self._clock = clock

    def counted(self) -> Counted:
        """How many can be opened, and how many of these with an older key only."""
        found, keys = Counted(), self._store.keys()
        for key in keys:
            row = self._store.read(key)
            if row.data is not None and self._is_opened(row, key, found):
                found.old += self._is_old(row.data, key)
        return found

    def resealed(self) -> Counted:
        """Seal what an older key sealed with the active one. What somebody is renewing is left to them."""
        found = Counted()
        for key in list(self._store.keys()):
            self._reseal(key, found)
        return found

    def _reseal(self, key: str, found: Counted) -> None:
        """Under the lease, as a renewal: a write in the midst of one would wipe the intent that it left."""
        owner = new_owner()
        if not self._store.lease(key, owner, LEASE_SECONDS):
            self._leave(key, found)
            return
        try:
            row = self._store.read(key)
            if row.data is None:
                return
            if not self._is_opened(row, key, found) or not self._is_old(row.data, key):
                return
            plain = self._sealer.open(row.data, key)
            if row.intent or not self._store.write(key, row.version, self._sealer.seal(plain, key), keep=self._keep(decoded(plain))):
                found.renewing += 1
            else:
                found.resealed += 1
        finally:
            self._store.release(key, owner)

    def _leave(self, key: str, found: Counted) -> None:
        """Somebody renews it: count it only."""
        row = self._store.read(key)
        if row.data is not None and self._is_opened(row, key, found) and self._is_old(row.data, key):
            found.renewing += 1

    def _is_opened(self, row: Row, key: str, found: Counted) -> bool:
        try:
            plain = self._sealer.open(row.data or b"", key)
            if is_sign_in(plain):
                return False  # gone in minutes, and opened with the older key until then
            decoded(plain)
        except Unreadable as error:
            found.note_unreadable(str(error))
        except NotAnEntry as error:
            found.note_unreadable(f"it is {error}")
        else:
            found.readable += 1
            return True
        return False

    def _is_old(self, data: bytes, key: str) -> bool:
        try:
            self._active_only.open(data, key)
        except Unreadable:
            return True
        return False

    def _keep(self, entry: Entry) -> float | None:
        """Seconds to keep it, as its owner would: what a person gave, or may have given, for good."""
        grant: Any = self._grants.get(str(entry.facts.get("grant", "")))
        has_refresh_token = entry.token is not None and entry.token.refresh_token is not None
        is_for_good = grant.attended if grant is not None else has_refresh_token or entry.facts.get("grant") == REGISTRATION
        return None if is_for_good else worth(entry.token, self._clock())
