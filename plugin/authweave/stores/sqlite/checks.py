"""What `authweave store check` says of a database."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from authweave.contracts import Finding
from authweave.errors import SettingsError, StoreUnavailable
from authweave.stores.sqlite.calls import Calls
from authweave.stores.sqlite.file_system import check_file_system, file_system_of
from authweave.stores.sqlite.schema import VERSION

if TYPE_CHECKING:
    from authweave.contracts import Store

RESERVED: Final = "authweave:check"
"""The note that the round trip leaves for a moment."""

LOOKING: Final = 5.0
"""Seconds that one look at the whole database may take."""

ROOM: Final = 64 * 2**20
"""Bytes that should be free on the disk."""

LONG_LOG: Final = 64 * 2**20
"""A write-ahead log of more bytes than this is one that never ends."""


def checks(store: Store, calls: Calls) -> Iterator[Finding]:
    """One Finding after the other; what cannot be looked at is a Finding, too."""
    for subject, look in (
        ("file", _file), ("file system", _file_system), ("schema", _schema), ("integrity", _integrity),
        ("write and read", lambda calls: _round_trip(store)), ("disk", _disk), ("keys", _keys), ("write-ahead log", _log),
    ):  # fmt: skip
        yield _looked(subject, look, calls)


def _looked(subject: str, look: Callable[[Calls], Finding], calls: Calls) -> Finding:
    try:
        return look(calls)
    except SettingsError as error:
        words, _, fix = str(error).partition("; ")
        return Finding(subject, False, words, fix)
    except StoreUnavailable as error:
        return Finding(subject, False, str(error), _FIXES.get(error.reason, ""))
    except OSError as error:
        return Finding(subject, False, f"{calls.place.path}: {error.strerror}", "look at the path, its owner and its modes")


_FIXES: Final = {
    "locked": "see which process holds it: fuser -v, or lsof, with the file",
    "read_only": "let this user write to the file and its directory",
    "full": "make room on the disk, or raise the quota or limit",
    "damaged": "stop what uses it, move the file and its -wal and -shm away, and start again",
}


def _file(calls: Calls) -> Finding:
    calls.place.check()
    found = os.lstat(calls.place.path)
    above = os.lstat(calls.place.path.parent)
    return Finding("file", True, f"{calls.place.path}, uid {found.st_uid}, mode {_mode(found)} in a directory of mode {_mode(above)}")


def _file_system(calls: Calls) -> Finding:
    directory = calls.place.path.parent
    check_file_system(directory)
    return Finding("file system", True, f"{file_system_of(directory) or 'not named by this system'}, with locks and shared memory")


def _schema(calls: Calls) -> Finding:
    version = calls.read(lambda raw: raw.execute("PRAGMA user_version").fetchone()[0])
    if version != VERSION:
        return Finding("schema", False, f"version {version}, this authweave knows {VERSION}", "upgrade authweave, or choose another place for the store")
    return Finding("schema", True, f"version {version}")


def _integrity(calls: Calls) -> Finding:
    found = calls.read(lambda raw: _in_time(raw, "PRAGMA quick_check(1)"), patience=LOOKING)
    if found is None:
        return Finding("integrity", True, f"no damage found in {LOOKING:.0f} s, after which looking ended")
    if found != "ok":
        return Finding("integrity", False, "SQLite finds the file damaged", _FIXES["damaged"])
    if rows := calls.read(lambda raw: raw.execute("SELECT count(*) FROM damaged").fetchone()[0]):
        return Finding("integrity", False, f"no damage found now; {rows} rows were not what was written, and are set aside", "look at the disk; its reports (dmesg, smartctl) may say more")
    return Finding("integrity", True, "no damage found")


def _round_trip(store: Store) -> Finding:
    told = os.urandom(8)
    began = time.monotonic()
    store.note(RESERVED, told, 60)
    seen = store.noted(RESERVED)
    if seen != told:
        return Finding("write and read", False, "what was written was not read", "check again; if it stays so, move the file away")
    return Finding("write and read", True, f"in {(time.monotonic() - began) * 1000:.1f} ms")


def _disk(calls: Calls) -> Finding:
    free = shutil.disk_usage(calls.place.path.parent).free
    if free < ROOM:
        return Finding("disk", False, f"{free / 2**20:.0f} MiB free", "make room on the disk")
    return Finding("disk", True, f"{free / 2**20:.0f} MiB free")


def _keys(calls: Calls) -> Finding:
    found = calls.read(lambda raw: _in_time(raw, "SELECT count(*) FROM rows WHERE data IS NOT NULL"), patience=LOOKING)
    return Finding("keys", True, f"more than can be counted in {LOOKING:.0f} s" if found is None else str(found))


def _log(calls: Calls) -> Finding:
    try:
        size = os.lstat(calls.place.beside("-wal")).st_size
    except FileNotFoundError:
        size = 0
    if size > LONG_LOG:
        return Finding("write-ahead log", False, f"{size / 2**20:.0f} MiB", "a process reads without end: see which has the file open (fuser -v), and restart it")
    return Finding("write-ahead log", True, f"{size / 2**20:.1f} MiB")


def _in_time(raw: sqlite3.Connection, statement: str) -> object:
    """The statement's first value; None if it took longer than LOOKING."""
    until = time.monotonic() + LOOKING
    raw.set_progress_handler(lambda: time.monotonic() > until, 10_000)
    try:
        return raw.execute(statement).fetchone()[0]
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", 0) != sqlite3.SQLITE_INTERRUPT:
            raise
        return None
    finally:
        raw.set_progress_handler(None, 0)


def _mode(found: os.stat_result) -> str:
    return f"{stat.S_IMODE(found.st_mode):04o}"
