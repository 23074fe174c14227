"""A database is opened, begun where there is none, and moved aside when it is damaged; never two of these at once."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from authweave.stores.sqlite.failures import Damaged, Moved, failure_of
from authweave.stores.sqlite.lock import claim, growing_pauses, locked
from authweave.stores.sqlite.place import LOCK, WRITE_AHEAD, Identity, Place
from authweave.stores.sqlite.schema import begin, is_begun, set_up

LONGEST: Final = 64 * 2**20
"""Bytes of the longest row: a damaged length must not take all memory."""


@dataclass(slots=True)
class Connection:
    """A connection, and which file it has open."""

    raw: sqlite3.Connection
    identity: Identity
    synchronous: str = "FULL"

    def make_synchronous(self, level: str) -> None:
        """FULL: a commit survives a power loss. NORMAL: it survives the end of a process."""
        if self.synchronous != level:
            self.raw.execute(f"PRAGMA synchronous = {level}")
            self.synchronous = level


def opened(place: Place, deadline: float, clock: Callable[[], float], has_lost: Callable[[], None]) -> Connection:
    """A connection to the database at the place, which is begun if there is none; then `has_lost` is called.

    `deadline` is monotonic. Raises SettingsError, Damaged, Moved, sqlite3.Error, OSError.
    """
    place.prepare()
    if place.identity() is None:
        _create(place, deadline, has_lost)
    with locked(place.beside(LOCK), alone=False, deadline=deadline) as lock:
        place.check()
        if (identity := place.identity()) is None:
            raise Moved
        raw = _connected(place)
        try:
            _patiently(lambda: _made_ready(raw, place, clock), deadline)
            place.check()
            if place.identity() != identity:
                raise Moved
            claim(lock)
        except BaseException:
            raw.close()
            raise
    return Connection(raw, identity)


def moved_aside(place: Place, identity: Identity, deadline: float) -> Place | None:
    """Move a damaged database away under a name that says when, and begin an empty file; None if somebody has done so.

    Nothing is deleted. Raises SettingsError, OSError.
    """
    with locked(place.beside(LOCK), alone=True, deadline=deadline):
        if place.identity() != identity:
            return None
        moved = _name_for_damaged(place)
        _rename(place, moved, ("", *WRITE_AHEAD))
        place.create()
        return moved


def _create(place: Place, deadline: float, has_lost: Callable[[], None]) -> None:
    with locked(place.beside(LOCK), alone=True, deadline=deadline):
        if place.identity() is None:
            if any(os.path.lexists(place.beside(suffix)) for suffix in WRITE_AHEAD):  # SQLite would play them into the new file
                _rename(place, _name_for_damaged(place), WRITE_AHEAD)
            place.create()
            has_lost()


def _name_for_damaged(place: Place) -> Place:
    when = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    number = 1
    while True:
        name = f"{place.path.name}.damaged-{when}" + (f".{number}" if number > 1 else "")
        moved = Place(place.path.with_name(name))
        if not any(os.path.lexists(moved.beside(suffix)) for suffix in ("", *WRITE_AHEAD)):
            return moved
        number += 1


def _rename(place: Place, moved: Place, suffixes: tuple[str, ...]) -> None:
    for suffix in suffixes:
        with contextlib.suppress(FileNotFoundError):
            os.rename(place.beside(suffix), moved.beside(suffix))


def _connected(place: Place) -> sqlite3.Connection:
    # mode=rw: SQLite never makes the file; timeout 0: who waits, and how long, is decided here
    raw = sqlite3.connect(f"file:{quote(os.fsencode(place.path))}?mode=rw", uri=True, timeout=0, isolation_level=None, check_same_thread=False)
    raw.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
    raw.text_factory = lambda text: text.decode(errors="replace")  # damage must not raise here: marks find it
    return raw


def _made_ready(raw: sqlite3.Connection, place: Place, clock: Callable[[], float]) -> None:
    name = str(place.path)
    if not is_begun(raw, name):
        begin(raw, _last_version(place, clock), name)
        if not is_begun(raw, name):
            raise Damaged("its tables are gone as soon as they are made")
    set_up(raw, name)


def _last_version(place: Place, clock: Callable[[], float]) -> int:
    """What versions go on from. After damage they begin where none of the former file can have been: a write that is
    under way must not meet its version again."""
    name = f"{place.path.name}.damaged-"
    with os.scandir(place.path.parent) as entries:
        return int(clock()) if any(entry.name.startswith(name) for entry in entries) else 0


def _patiently(work: Callable[[], None], deadline: float) -> None:
    pauses = growing_pauses(0.001, 0.02)
    while True:
        try:
            return work()
        except sqlite3.OperationalError as error:
            if failure_of(error).reason != "locked" or (left := deadline - time.monotonic()) <= 0:
                raise
        time.sleep(min(left, next(pauses)))
