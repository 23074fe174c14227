"""Tokens in the memory of one process: gone when it ends."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar, Final

from authweave.forks import begin_anew_in_child
from authweave.hookspecs import Register, hookimpl
from authweave.values import Record, Token

MOST: Final = 100_000
"""Keys held; the least recently used leave first."""


class MemoryStore:
    """`memory:`. Safe for threads. A forked child starts with the tokens, but without refresh tokens and leases.

    Where refresh tokens rotate, two owners of one would end both: the parent keeps it, the child asks anew.
    """

    name: ClassVar[str] = "memory"

    def __init__(self, clock: Callable[[], float] = time.time, most: int = MOST) -> None:
        self._clock = clock
        self._most = most
        self._lock = threading.Lock()
        self._records: OrderedDict[str, Record] = OrderedDict()
        self._leases: dict[str, tuple[str, float]] = {}
        begin_anew_in_child(self)

    def in_child(self) -> None:
        """Free the lock and every lease, and leave the refresh tokens to the parent."""
        self._lock = threading.Lock()
        self._leases = {}
        for key, record in self._records.items():
            if record.token is not None and record.token.refresh_token is not None:
                self._records[key] = replace(record, token=replace(record.token, refresh_token=None))

    def read(self, key: str) -> Record:
        """What is held under the key."""
        with self._lock:
            if (record := self._records.get(key)) is None:
                return Record()
            self._records.move_to_end(key)
            return record

    def lease(self, key: str, owner: str, seconds: float) -> bool:
        """Take the key's lease if nobody has it, or it has run out."""
        now = self._clock()
        with self._lock:
            holder = self._leases.get(key)
            if holder and holder[0] != owner and holder[1] > now:
                return False
            self._leases[key] = (owner, now + seconds)
            return True

    def intend(self, key: str, version: int, intent: str) -> bool:
        """Note an intent at this version."""
        return self._change(key, version, lambda record: replace(record, intent=intent))

    def write(self, key: str, token: Token, version: int) -> bool:
        """Put the token over this version."""
        return self._change(key, version, lambda record: Record(record.version + 1, token))

    def drop(self, key: str, version: int) -> bool:
        """Forget the token of this version."""
        return self._change(key, version, lambda record: Record(record.version + 1))

    def release(self, key: str, owner: str) -> None:
        """Give the lease back, if this owner has it."""
        with self._lock:
            if (holder := self._leases.get(key)) and holder[0] == owner:
                del self._leases[key]

    def close(self) -> None:
        """Nothing to let go of."""

    def _change(self, key: str, version: int, change: Callable[[Record], Record]) -> bool:
        with self._lock:
            record = self._records.get(key, Record())
            if record.version != version:
                return False
            self._records[key] = change(record)
            self._records.move_to_end(key)
            if len(self._records) > self._most:
                self._records.popitem(last=False)
            return True


@hookimpl
def register_stores(register: Register) -> None:
    """Add `memory:`."""
    register(MemoryStore)
