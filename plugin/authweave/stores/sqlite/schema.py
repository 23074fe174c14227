"""What is in the database, and how it is told from others.

Rows lie in a table with rowid: with sealed tokens of 1.5 KB, a look-up by key took a third of the time and the file
half the room of one WITHOUT ROWID (100,000 rows). Leases and notes are small, and do without.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from authweave.errors import SettingsError
from authweave.stores.sqlite.failures import Damaged

APPLICATION: Final = int.from_bytes(b"awtk", "big")
VERSION: Final = 1

TABLES: Final = (
    "CREATE TABLE about (id INTEGER PRIMARY KEY CHECK (id = 0), last_version INTEGER NOT NULL)",
    "CREATE TABLE rows (key TEXT PRIMARY KEY NOT NULL, version INTEGER NOT NULL, data BLOB, intent TEXT NOT NULL, until REAL, mark BLOB NOT NULL)",
    "CREATE TABLE leases (key TEXT PRIMARY KEY NOT NULL, owner TEXT NOT NULL, until REAL NOT NULL, seconds REAL NOT NULL) WITHOUT ROWID",
    "CREATE TABLE notes (name TEXT PRIMARY KEY NOT NULL, data BLOB NOT NULL, until REAL NOT NULL, seconds REAL NOT NULL) WITHOUT ROWID",
    "CREATE TABLE damaged (found REAL, key TEXT, version, data, intent, until, mark)",
    "CREATE INDEX rows_until ON rows (until) WHERE until IS NOT NULL",
    "CREATE INDEX leases_until ON leases (until)",
    "CREATE INDEX notes_until ON notes (until)",
)


def is_begun(raw: sqlite3.Connection, name: str) -> bool:
    """Is this our database? False if it is an empty one. Raises Damaged, SettingsError, sqlite3.Error."""
    raw.execute("BEGIN")  # so that all three are of one moment
    try:
        application, version, texts = _one(raw, "PRAGMA application_id"), _one(raw, "PRAGMA user_version"), _texts(raw)
    finally:
        if raw.in_transaction:  # an error may have ended it
            raw.execute("ROLLBACK")
    if not application and not version and not texts:
        return False
    if application != APPLICATION:
        raise SettingsError(f"{name}: is another program's database; choose another place for the store")
    if not isinstance(version, int) or version > VERSION:
        raise SettingsError(f"{name}: was written by a newer authweave (schema {version}, this one knows {VERSION}); upgrade authweave, or choose another place for the store")
    if version != VERSION or not texts.issuperset(TABLES):
        raise Damaged("its tables are not as they were made")
    return True


def begin(raw: sqlite3.Connection, last_version: int, name: str) -> None:
    """Make the tables, if nobody did meanwhile, whole or not at all. Raises as `is_begun` does.

    A new row's version follows `last_version`, the highest of those that are gone.
    """
    _use_write_ahead_log(raw, name)
    if is_begun(raw, name):
        return
    raw.execute("BEGIN IMMEDIATE")
    try:
        if not _texts(raw):
            for table in TABLES:
                raw.execute(table)
            raw.execute("INSERT INTO about VALUES (0, ?)", (last_version,))
            raw.execute(f"PRAGMA application_id = {APPLICATION}")
            raw.execute(f"PRAGMA user_version = {VERSION}")
        raw.execute("COMMIT")
    finally:
        if raw.in_transaction:
            raw.execute("ROLLBACK")


def set_up(raw: sqlite3.Connection, name: str) -> None:
    """What holds for one connection. Raises SettingsError where there is no write-ahead log, sqlite3.Error."""
    _use_write_ahead_log(raw, name)
    for setting in (
        "synchronous = FULL",
        "cell_size_check = ON",  # notices damage earlier
        "trusted_schema = OFF",
        "secure_delete = FAST",
        "cache_size = -1024",
        "journal_size_limit = 4194304",
    ):
        raw.execute(f"PRAGMA {setting}").fetchall()


def _use_write_ahead_log(raw: sqlite3.Connection, name: str) -> None:
    mode = _one(raw, "PRAGMA journal_mode")
    if mode != "wal":
        mode = _one(raw, "PRAGMA journal_mode = WAL")
    if mode != "wal":
        raise SettingsError(f"{name}: this file system has no shared memory for SQLite's write-ahead log (journal mode {mode}); choose a local disk, or Redis")


def _one(raw: sqlite3.Connection, statement: str) -> object:
    row = raw.execute(statement).fetchone()
    return row[0] if row else None


def _texts(raw: sqlite3.Connection) -> set[object]:
    return {text for (text,) in raw.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")}
