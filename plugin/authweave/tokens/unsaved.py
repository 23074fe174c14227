"""Tokens that rotated and could not be stored: the only copies are here, whoever got them and is forgotten meanwhile."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from authweave.machine.forks import begin_anew_in_child
from authweave.values import Entry, TokenKey


@dataclass(frozen=True, slots=True, eq=False)
class Unsaved:
    """An entry to be written over `version`, for `keep` seconds; `spends` marks the refresh token it cost. Its owner keeps the lease.

    `saving` is held by whoever writes it.
    """

    owner: str
    entry: Entry
    version: int
    spends: str
    keep: float | None
    saving: threading.Lock = field(default_factory=threading.Lock, repr=False)


class AllUnsaved:
    """By key, for one ledger. Safe for threads; what a parent could not save yet is the parent's to save."""

    def __init__(self) -> None:
        self.in_child()
        begin_anew_in_child(self)

    def in_child(self) -> None:
        """Begin with nothing."""
        self._by_key: dict[TokenKey, Unsaved] = {}
        self._lock = threading.Lock()

    def of(self, key: TokenKey) -> Unsaved | None:
        """What is unsaved of a key."""
        return self._by_key.get(key)

    def add(self, key: TokenKey, unsaved: Unsaved) -> None:
        """Keep it, in the place of an older one."""
        with self._lock:
            self._by_key[key] = unsaved

    def drop(self, key: TokenKey, unsaved: Unsaved) -> None:
        """Let go of exactly this one: it is stored, or somebody else's is."""
        with self._lock:
            if self._by_key.get(key) is unsaved:
                del self._by_key[key]

    def given_up(self) -> list[TokenKey]:
        """Let go of all; whose they were."""
        with self._lock:
            keys = list(self._by_key)
            self._by_key.clear()
        return keys
