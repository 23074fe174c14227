"""One call to the database: patient while it is locked, anew where the file was exchanged, and past damage."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from authweave.contracts import StoreOptions
from authweave.errors import SettingsError, StoreUnavailable
from authweave.machine.chance import between
from authweave.machine.forks import begin_anew_in_child
from authweave.stores.sqlite.connections import Connections
from authweave.stores.sqlite.failures import Failure, Moved, failure_of
from authweave.stores.sqlite.opening import Connection, moved_aside, opened
from authweave.stores.sqlite.place import LOCK, Identity, Place
from authweave.stores.sqlite.rows import set_aside

T = TypeVar("T")

LOOKS: Final = {"damaged": 6, "moved": 6, "row_damaged": 2, "doubtful": 1}
"""How often one call begins anew because of what it found."""

MOST_TOLD: Final = 5
"""Damaged rows that are told one by one within a minute; of more only how many there were."""

SILENCE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """An attempt's answer."""

    answer: T


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why an attempt gave no answer, and with which file."""

    failure: Failure
    identity: Identity | None


class Calls:
    """Carries out work on the database at a place. Raises StoreUnavailable, and nothing else. Safe for threads and forks."""

    def __init__(self, place: Place, options: StoreOptions, clock: Callable[[], float]) -> None:
        self.place = place
        self._options = options
        self._clock = clock
        self._had: Identity | None = None
        self._connections = Connections(self._opened)
        self.in_child()
        begin_anew_in_child(self)

    def in_child(self) -> None:
        """Have a free lock."""
        self._writing = threading.Lock()
        self._told = self._untold = 0
        self._told_since = time.monotonic()

    def read(self, work: Callable[[sqlite3.Connection], T], *, patience: float | None = None) -> T:
        """What the work reads."""
        return self._until_done(lambda connection: work(connection.raw), patience)

    def write(self, work: Callable[[sqlite3.Connection], T], *, is_durable: bool, patience: float | None = None) -> T:
        """What the work answers, once all or nothing of it is written; a durable one survives a power loss."""

        def written(connection: Connection) -> T:
            connection.make_synchronous("FULL" if is_durable else "NORMAL")
            connection.raw.execute("BEGIN IMMEDIATE")
            answer = work(connection.raw)
            connection.raw.execute("COMMIT")
            if is_durable and self.place.identity() != connection.identity:
                raise Moved  # written into a file that is no longer the store
            return answer

        return self._until_done(written, patience, is_writing=True)

    def close(self) -> None:
        """Let go."""
        self._connections.close()

    def open_at_once(self, *, is_ours: bool) -> None:
        """Look whether the file may be used, and let go of it again. Raises SettingsError; what may pass is left to pass."""
        try:
            self._opened(time.monotonic() + max(1.0, self._options.patience)).raw.close()
        except SettingsError:
            self._leave_as_it_was(is_ours)
            raise
        except Exception as error:  # noqa: BLE001  # the first call meets it again
            failure = failure_of(error)
        else:
            return
        if failure.reason == "damaged" and not is_ours:
            self._leave_as_it_was(is_ours)
            raise SettingsError(f"{self.place.path}: is no token store ({failure.words}); move it away, or choose another place for the store")

    def _leave_as_it_was(self, is_ours: bool) -> None:
        if not is_ours:
            with contextlib.suppress(OSError):
                os.unlink(self.place.beside(LOCK))

    def _opened(self, deadline: float) -> Connection:
        connection = opened(self.place, deadline, self._clock, self._has_begun)
        self._had = connection.identity
        return connection

    def _has_begun(self) -> None:
        if self._had is not None:
            self._options.report("store_damaged", f"{self.place.path} was taken away while in use; a new one was begun")

    def _until_done(self, work: Callable[[Connection], T], patience: float | None, *, is_writing: bool = False) -> T:
        deadline = time.monotonic() + (self._options.patience if patience is None else patience)
        looks, suspect = 0, None
        while isinstance(outcome := self._attempt(work, deadline, is_writing), Trouble):
            reason = outcome.failure.reason
            if reason == "locked" and (left := left_until(deadline)) > 0:
                time.sleep(_pause(left))
                continue
            looks += 1
            if looks > LOOKS.get(reason, 0):
                raise self._unavailable(outcome.failure)
            if reason == "row_damaged":
                self._set_aside(outcome.failure.key, max(0.0, left_until(deadline)))
                continue
            self._connections.forget()
            if reason == "damaged":
                if outcome.identity == suspect:  # a new connection finds the same
                    self._move_aside(outcome, deadline)
                suspect = outcome.identity
        return outcome.answer

    def _attempt(self, work: Callable[[Connection], T], deadline: float, is_writing: bool) -> Done[T] | Trouble:
        if not is_writing:
            return self._connected(work, deadline)
        writing = self._writing  # who waits here does not compete for SQLite's lock, which knows no queue
        if not writing.acquire(timeout=max(0.0, left_until(deadline))):
            return Trouble(Failure("locked", "other threads are writing"), None)
        try:
            return self._connected(work, deadline)
        finally:
            writing.release()

    def _connected(self, work: Callable[[Connection], T], deadline: float) -> Done[T] | Trouble:
        identity, connection, is_sound = None, None, False
        try:
            identity = self.place.identity()
            connection = self._connections.take(identity, deadline)
            answer = work(connection)
            is_sound = True
        except Exception as error:  # noqa: BLE001  # whatever it is: it becomes StoreUnavailable, without its words
            failure = failure_of(error)
            is_sound = failure.reason == "locked" and connection is not None and not connection.raw.in_transaction
        else:
            return Done(answer)
        finally:
            if connection is not None:
                self._connections.give_back(connection, is_sound=is_sound)
        return Trouble(failure, connection.identity if connection else identity)

    def _set_aside(self, key: str, patience: float) -> None:
        if self.write(lambda raw: set_aside(raw, key, self._clock()), is_durable=True, patience=patience):
            self._tell_set_aside(key)

    def _tell_set_aside(self, key: str) -> None:
        """One event for each of a few; no flood where somebody wrote a great many."""
        with self._writing:
            if (now := time.monotonic()) - self._told_since >= SILENCE:
                self._told, self._told_since = 0, now
            if self._told >= MOST_TOLD:
                self._untold += 1
                return
            self._told += 1
            more, self._untold = self._untold, 0
            is_last = self._told == MOST_TOLD
        others = f", and {more} others before it" if more else "; more within a minute are not told: authweave store check counts them" if is_last else ""
        self._options.report("store_damaged", f"{self.place.path}: the row of key {key:.8}… is not what was written; set aside{others}")

    def _move_aside(self, trouble: Trouble, deadline: float) -> None:
        if trouble.identity is None:
            return
        moved = None
        try:
            moved = moved_aside(self.place, trouble.identity, max(deadline, time.monotonic() + 0.1))
        except (OSError, SettingsError) as error:
            failure = failure_of(error)
        else:
            if moved:
                self._options.report("store_damaged", f"{self.place.path}: {trouble.failure.words}; moved to {moved.path}, and a new one was begun")
            return
        raise self._unavailable(Failure("damaged", f"{trouble.failure.words}, and cannot be moved aside: {failure.words}"))

    def _unavailable(self, failure: Failure) -> StoreUnavailable:
        reason = "damaged" if failure.reason == "row_damaged" else failure.reason
        if reason in ("doubtful", "moved"):
            reason = "other" if os.access(self.place.path.parent, os.W_OK | os.X_OK) else "read_only"
        return StoreUnavailable(reason, f"the token store {self.place.path} cannot be used: {failure.words}")


def left_until(deadline: float) -> float:
    """Seconds until a monotonic time."""
    return deadline - time.monotonic()


def _pause(left: float) -> float:
    """Seconds until the next try for SQLite's lock, which has no queue: who has less time left tries more often."""
    return min(left, max(0.0002, min(0.002, left / 20))) * between(0.5, 1.0)
