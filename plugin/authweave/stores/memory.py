"""Tokens in the memory of one process: gone when it ends."""

from __future__ import annotations

import heapq
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import ClassVar, Final, Self

from authweave.contracts import Finding, StoreOptions
from authweave.errors import SettingsError
from authweave.hookspecs import Register, hookimpl
from authweave.machine.forks import begin_anew_in_child
from authweave.values import Row

MOST: Final = 100_000
"""Keys held. Beyond that those leave first whose time ends first: a token that a person consented to has no end, and
nobody pushes it out by sign-ins that he begins. Where all are without an end, the least recently used leaves."""

_SLACK: Final = 64


class MemoryStore:
    """`memory:`. Safe for threads. A forked child starts empty.

    Where refresh tokens rotate, two owners of one would end both: the parent keeps it, the child asks anew.
    """

    name: ClassVar[str] = "memory"
    schemes: ClassVar[tuple[str, ...]] = ("memory",)
    is_shared: ClassVar[bool] = False

    def __init__(self, clock: Callable[[], float] = time.time, most: int = MOST) -> None:
        self._clock = clock
        self._most = most
        self.in_child()
        begin_anew_in_child(self)

    @classmethod
    def from_url(cls, url: str, options: StoreOptions) -> Self:
        """A store of its own: `memory:` names nothing that could be shared. Raises SettingsError for more than that."""
        if url != "memory:":
            raise SettingsError("a store in memory is written memory: and nothing after it")
        return cls()

    def in_child(self) -> None:
        """Begin anew, empty."""
        self._changed = threading.Condition()
        self._rows: OrderedDict[str, Row] = OrderedDict()
        self._until: dict[str, float] = {}
        self._ends: list[tuple[float, str]] = []
        self._notes: OrderedDict[str, tuple[bytes, float]] = OrderedDict()
        self._leases: dict[str, tuple[str, float]] = {}

    @property
    def is_remote(self) -> bool:
        """It is seen by this process only."""
        return False

    def read(self, key: str) -> Row:
        """What is held under the key."""
        with self._changed:
            self._purge()
            if (row := self._rows.get(key)) is None:
                return Row()
            self._rows.move_to_end(key)
            return row

    def lease(self, key: str, owner: str, seconds: float) -> bool:
        """Take the key's lease if nobody has it, or it has run out."""
        with self._changed:
            if self._holder(key) not in ("", owner):
                return False
            if len(self._leases) >= self._most:
                self._leases = {held: lease for held, lease in self._leases.items() if lease[1] > self._clock()}
            self._leases[key] = (owner, self._clock() + seconds)
            return True

    def release(self, key: str, owner: str) -> None:
        """Give the lease back, if this owner has it."""
        with self._changed:
            if (holder := self._leases.get(key)) and holder[0] == owner:
                del self._leases[key]
                self._changed.notify_all()

    def wait(self, key: str, seconds: float) -> None:
        """Wait for the release."""
        with self._changed:
            self._changed.wait_for(lambda: not self._holder(key), seconds)

    def intend(self, key: str, version: int, intent: str) -> bool:
        """Note an intent at this version."""
        return self._change(key, version, lambda row: replace(row, intent=intent))

    def write(self, key: str, version: int, data: bytes | None, *, keep: float | None = None) -> bool:
        """Put the data over this version."""
        with self._changed:
            is_written = self._change(key, version, lambda row: Row(row.version + 1, data))
            if is_written:
                self._keep(key, keep)
            return is_written

    def remove(self, key: str) -> bool:
        """Forget the key."""
        with self._changed:
            self._leases.pop(key, None)
            self._until.pop(key, None)
            self._changed.notify_all()
            return self._rows.pop(key, None) is not None

    def keys(self) -> Iterator[str]:
        """Every key with data."""
        with self._changed:
            self._purge()
            found = [key for key, row in self._rows.items() if row.data is not None]
        return iter(found)

    def note(self, name: str, data: bytes, seconds: float) -> None:
        """Leave a fact."""
        with self._changed:
            self._notes[name] = (data, self._clock() + seconds)
            self._notes.move_to_end(name)
            if len(self._notes) > self._most:
                self._notes.popitem(last=False)

    def noted(self, name: str) -> bytes | None:
        """The fact, while it holds."""
        with self._changed:
            data, until = self._notes.get(name, (b"", 0.0))
            return data if until > self._clock() else None

    def checks(self) -> Iterator[Finding]:
        """There is little to go wrong."""
        yield Finding("memory", True, "tokens live as long as this process")

    def close(self) -> None:
        """Nothing to let go of."""

    def _holder(self, key: str) -> str:
        owner, until = self._leases.get(key, ("", 0.0))
        return owner if until > self._clock() else ""

    def _change(self, key: str, version: int, change: Callable[[Row], Row]) -> bool:
        with self._changed:
            self._purge()
            row = self._rows.get(key, Row())
            if row.version != version:
                return False
            if key not in self._rows:
                self._make_room()
            self._rows[key] = change(row)
            self._rows.move_to_end(key)
            return True

    def _keep(self, key: str, keep: float | None) -> None:
        """Note until when; what was noted before holds no more."""
        if keep is None:
            self._until.pop(key, None)
            return
        self._until[key] = until = self._clock() + keep
        heapq.heappush(self._ends, (until, key))
        if len(self._ends) > 2 * len(self._until) + _SLACK:
            self._ends = [(until, key) for key, until in self._until.items()]
            heapq.heapify(self._ends)

    def _purge(self) -> None:
        """Forget what is over."""
        now = self._clock()
        while self._ends and self._ends[0][0] < now:
            self._forget_first()

    def _make_room(self) -> None:
        """For one more, which stays."""
        while len(self._rows) >= self._most and self._ends:
            self._forget_first()
        if len(self._rows) >= self._most:
            self._rows.popitem(last=False)

    def _forget_first(self) -> None:
        """Forget the row that ends first, if the note of its end still holds."""
        until, key = heapq.heappop(self._ends)
        if self._until.get(key) == until:
            del self._until[key]
            self._rows.pop(key, None)


@hookimpl
def register_stores(register: Register) -> None:
    """Add `memory:`."""
    register(MemoryStore)
