"""A token store over an SQLite file of its own: `acme:/var/lib/acme/tokens.db`, for the processes of one machine."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from authweave.contracts import Finding, StoreOptions
from authweave.errors import SettingsError, StoreUnavailable
from authweave.hookspecs import Register, hookimpl
from authweave.values import Row

authweave_contract = 1
_TABLES: Final = """
    CREATE TABLE IF NOT EXISTS rows (key TEXT PRIMARY KEY, version INTEGER NOT NULL, data BLOB, intent TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS leases (key TEXT PRIMARY KEY, owner TEXT NOT NULL, until REAL NOT NULL);
    CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, data BLOB NOT NULL, until REAL NOT NULL);
"""
_REASONS: Final = {sqlite3.SQLITE_BUSY: "locked", sqlite3.SQLITE_FULL: "full", sqlite3.SQLITE_READONLY: "read_only", sqlite3.SQLITE_NOTADB: "damaged"}


class AcmeStore:
    """Each call opens the file, so that nothing has to be mended after a fork, and every thread has a connection of its own.

    What changes something is one transaction that begins by locking: a version that was read in it cannot change meanwhile.
    """

    name: ClassVar[str] = "acme_store"
    schemes: ClassVar[tuple[str, ...]] = ("acme",)
    is_shared: ClassVar[bool] = True
    is_remote: ClassVar[bool] = False

    def __init__(self, path: Path, options: StoreOptions) -> None:
        self._path = path
        self._patience = options.patience
        self._is_closed = False

    @classmethod
    def from_url(cls, url: str, options: StoreOptions) -> Self:
        """`acme:` and an absolute path. Whether the file can be opened shows at the first call."""
        path = url.partition(":")[2]
        if not path.startswith("/") or path.startswith("//") or "\0" in path:
            raise SettingsError("a store of Acme's is written acme:/absolute/path")
        return cls(Path(path), options)

    def read(self, key: str) -> Row:
        """What is stored under the key."""
        with self._opened() as db:
            return _row(db, key)

    def lease(self, key: str, owner: str, seconds: float) -> bool:
        """Take the lease if nobody has it, or it has run out, or it is mine. Processes of one machine share its clock."""
        with self._opened(writes=True) as db:
            if _holder(db, key) not in ("", owner):
                return False
            db.execute("REPLACE INTO leases VALUES (?, ?, ?)", (key, owner, time.time() + seconds))
            return True

    def release(self, key: str, owner: str) -> None:
        """Give it back, if it is still mine."""
        with self._opened(writes=True) as db:
            db.execute("DELETE FROM leases WHERE key = ? AND owner = ?", (key, owner))

    def wait(self, key: str, seconds: float) -> None:
        """Look again and again: a file wakes nobody."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            with self._opened() as db:
                if not _holder(db, key):
                    return
            time.sleep(min(left, 0.02))

    def intend(self, key: str, version: int, intent: str) -> bool:
        """Note an intent at this version; data and version stay."""
        with self._opened(writes=True) as db:
            row = _row(db, key)
            if row.version == version:
                db.execute("REPLACE INTO rows VALUES (?, ?, ?, ?)", (key, version, row.data, intent))
            return row.version == version

    def write(self, key: str, version: int, data: bytes | None, *, keep: float | None = None) -> bool:
        """Put the data over this version. `keep` may be left unread: a row that stays longer does no harm."""
        with self._opened(writes=True) as db:
            is_it = _row(db, key).version == version
            if is_it:
                db.execute("REPLACE INTO rows VALUES (?, ?, ?, '')", (key, version + 1, data))
            return is_it

    def remove(self, key: str) -> bool:
        """Forget the key, lease and all."""
        with self._opened(writes=True) as db:
            db.execute("DELETE FROM leases WHERE key = ?", (key,))
            return db.execute("DELETE FROM rows WHERE key = ?", (key,)).rowcount > 0

    def keys(self) -> Iterator[str]:
        """Every key with data."""
        with self._opened() as db:
            found = db.execute("SELECT key FROM rows WHERE data IS NOT NULL").fetchall()
        return iter([key for (key,) in found])

    def note(self, name: str, data: bytes, seconds: float) -> None:
        """Leave a fact for a while; those whose time is over go."""
        with self._opened(writes=True) as db:
            db.execute("DELETE FROM notes WHERE until <= ?", (time.time(),))
            db.execute("REPLACE INTO notes VALUES (?, ?, ?)", (name, data, time.time() + seconds))

    def noted(self, name: str) -> bytes | None:
        """The fact, while it holds."""
        with self._opened() as db:
            found = db.execute("SELECT data FROM notes WHERE name = ? AND until > ?", (name, time.time())).fetchone()
        return bytes(found[0]) if found else None

    def checks(self) -> Iterator[Finding]:
        """Can it be opened, and is it whole?"""
        try:
            with self._opened() as db:
                said = str(db.execute("PRAGMA quick_check").fetchone()[0])
        except StoreUnavailable as error:
            yield Finding("file", False, str(error), "look at the path, its owner and the space on the disk")
        else:
            yield Finding("file", said == "ok", f"{self._path}: {said}")

    def close(self) -> None:
        """There is nothing to let go of; who calls later is told so."""
        self._is_closed = True

    @contextmanager
    def _opened(self, *, writes: bool = False) -> Iterator[sqlite3.Connection]:
        """The file, in one transaction. Raises StoreUnavailable and nothing else: outside of the `except`, without a cause."""
        reason, words = ("other", "is closed") if self._is_closed else ("", "")
        try:
            if not reason:
                os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))  # nobody else reads it, from the first byte on
                with closing(sqlite3.connect(self._path, timeout=self._patience, isolation_level=None)) as db:
                    db.execute("PRAGMA synchronous = FULL")
                    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'notes'").fetchone():
                        db.executescript(f"BEGIN IMMEDIATE; {_TABLES} COMMIT;")
                    db.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
                    yield db
                    db.execute("COMMIT")
        except sqlite3.Error as error:
            reason, words = _REASONS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, "other"), type(error).__name__
        except OSError as error:
            reason, words = "other", error.strerror or "cannot be opened"
        if reason:
            raise StoreUnavailable(reason, f"the store acme:{self._path} {words}")


def _row(db: sqlite3.Connection, key: str) -> Row:
    found: Any = db.execute("SELECT version, data, intent FROM rows WHERE key = ?", (key,)).fetchone()
    return Row(found[0], found[1], found[2]) if found else Row()


def _holder(db: sqlite3.Connection, key: str) -> str:
    found: Any = db.execute("SELECT owner FROM leases WHERE key = ? AND until > ?", (key, time.time())).fetchone()
    return str(found[0]) if found else ""


@hookimpl
def register_stores(register: Register) -> None:
    """Add `acme:`."""
    register(AcmeStore)
