"""The rows of the database: read, written over exactly one version, forgotten. Inside a transaction of the caller."""

from __future__ import annotations

import hashlib
import sqlite3
from typing import Final

from authweave.machine.chance import one_in
from authweave.stores.sqlite.failures import Damaged, RowDamaged
from authweave.values import Row

PIECE: Final = 500
"""Keys read at once."""

PURGED_AT_ONCE: Final = 8
PURGE_ONE_IN: Final = 8
DAMAGED_KEPT: Final = 30 * 86_400.0
"""Seconds that a damaged row can still be looked at."""

LARGEST: Final = 2**62


def row_of(raw: sqlite3.Connection, key: str) -> Row:
    """What is under the key; an empty Row if nothing. Raises RowDamaged where it is not what was written."""
    return _found(raw, key)[0]


def intend(raw: sqlite3.Connection, key: str, version: int, intent: str) -> bool:
    """Note an intent, if this version is there."""
    row, until = _found(raw, key)
    if row.version != version:
        return False
    _put(raw, key, Row(row.version, row.data, intent), until)
    return True


def write(raw: sqlite3.Connection, key: str, version: int, data: bytes | None, until: float | None) -> bool:
    """Write over this version. A key without one goes on from the last that was forgotten: no version comes twice, so
    that nobody writes over what came after a removal."""
    row, _ = _found(raw, key)
    if row.version != version:
        return False
    _put(raw, key, Row((row.version or _last_version(raw)) + 1, None if data is None else bytes(data)), until)
    return True


def remove(raw: sqlite3.Connection, key: str) -> bool:
    """Forget the key and its lease."""
    raw.execute("DELETE FROM leases WHERE key = ?", (key,))
    raw.execute("DELETE FROM damaged WHERE key = ?", (key,))
    return _forget(raw, key)


def set_aside(raw: sqlite3.Connection, key: str, now: float) -> bool:
    """Put a row that is not what was written among the damaged ones: nobody reads it there, and the others stay in use.

    False if it is whole. Raises Damaged where it is not the row that is wrong, but the way to it. What is written under
    the key from now on has versions that were never there.
    """
    found = raw.execute("SELECT rowid FROM rows WHERE key = ?", (key,)).fetchone()
    row = found and raw.execute("SELECT key, version, data, intent, until, mark FROM rows WHERE rowid = ?", found).fetchone()
    if found and (row is None or row[0] != key):
        raise Damaged("an index leads to another row")
    if not row or _is_whole(*row):
        return False
    raw.execute("INSERT INTO damaged (found, key, version, data, intent, until, mark) VALUES (?, ?, ?, ?, ?, ?, ?)", (now, *row))
    raw.execute("DELETE FROM rows WHERE rowid = ?", found)
    raw.execute("UPDATE about SET last_version = max(last_version, ?)", (int(now),))
    return True


def keys_after(raw: sqlite3.Connection, key: str) -> list[str]:
    """Some keys with data, in order, after this one."""
    return [found for (found,) in raw.execute("SELECT key FROM rows WHERE key > ? AND data IS NOT NULL ORDER BY key LIMIT ?", (key, PIECE))]


def purge_now_and_then(raw: sqlite3.Connection, now: float) -> None:
    """Forget a few of the rows, leases and notes whose time is over. A part of the writes does it, for all."""
    if one_in(PURGE_ONE_IN):
        purge(raw, now)


def purge(raw: sqlite3.Connection, now: float) -> None:
    """Forget a few whose time is over."""
    for (key,) in raw.execute("SELECT key FROM rows WHERE until < ? LIMIT ?", (now, PURGED_AT_ONCE)).fetchall():
        _forget(raw, key, over=now)
    raw.execute("DELETE FROM damaged WHERE rowid = (SELECT min(rowid) FROM damaged) AND found < ?", (now - DAMAGED_KEPT,))
    for table, name in (("leases", "key"), ("notes", "name")):
        raw.execute(f"DELETE FROM {table} WHERE {name} IN (SELECT {name} FROM {table} WHERE until < ? LIMIT ?)", (now, PURGED_AT_ONCE))  # noqa: S608  # our own names


def _found(raw: sqlite3.Connection, key: str) -> tuple[Row, float | None]:
    found = raw.execute("SELECT version, data, intent, until, mark FROM rows WHERE key = ?", (key,)).fetchone()
    if found is None:
        return Row(), None
    version, data, intent, until, mark = found
    if not _is_whole(key, version, data, intent, until, mark):
        raise RowDamaged(key)
    return Row(version, data, intent), until


def _put(raw: sqlite3.Connection, key: str, row: Row, until: float | None) -> None:
    # what SQLite would give back otherwise than it got would be taken for damage: NaN becomes NULL, -0.0 becomes 0.0
    until = None if until is None or until != until else until + 0.0
    raw.execute(
        "INSERT INTO rows (key, version, data, intent, until, mark) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (key) DO UPDATE SET version = excluded.version, data = excluded.data, intent = excluded.intent,"
        " until = excluded.until, mark = excluded.mark",
        (key, row.version, row.data, row.intent, until, _mark(key, row.version, row.data, row.intent, until)),
    )


def _forget(raw: sqlite3.Connection, key: str, over: float = float("inf")) -> bool:
    found = raw.execute("SELECT version, until FROM rows WHERE key = ?", (key,)).fetchone()
    if found is None or (found[1] is not None and not found[1] < over):
        return False
    raw.execute("DELETE FROM rows WHERE key = ?", (key,))
    raw.execute("UPDATE about SET last_version = max(last_version, ?)", (found[0],))
    return True


def _last_version(raw: sqlite3.Connection) -> int:
    found = raw.execute("SELECT last_version FROM about").fetchone()
    if found is None or not isinstance(found[0], int) or not 0 <= found[0] < LARGEST:
        raise Damaged("the last version is not what was written")
    return found[0]


def _is_whole(key: object, version: object, data: object, intent: object, until: object, mark: object) -> bool:
    """Is it what was written, and something that we write? What others put there must not stand in the way of every call."""
    is_ours = isinstance(version, int) and 0 <= version < LARGEST and isinstance(intent, str) and isinstance(data, bytes | None)
    return is_ours and mark == _mark(key, version, data, intent, until)


def _mark(key: object, version: object, data: object, intent: object, until: object) -> bytes:
    """What shows that a row is whole: not against forgery, that is the seal's, but against a page that is wrong."""
    mark = hashlib.blake2b(repr((key, version, intent, until, data is None)).encode(errors="surrogatepass"), digest_size=8)
    mark.update(data if isinstance(data, bytes) else repr(data).encode(errors="surrogatepass"))
    return mark.digest()
