"""The leases and notes of the database: both hold for a time. Inside a transaction of the caller.

All processes of one machine read one clock. One that is set back must not make a lease eternal: what ends further in
the future than its own length was made by a clock that went wrong, and is over.
"""

from __future__ import annotations

import sqlite3
from typing import Final

SLACK: Final = 2.0
"""Seconds by which a clock may be set back without ending leases early."""


def holder_of(raw: sqlite3.Connection, key: str, now: float) -> str:
    """Who has the key's lease; empty if nobody."""
    found = raw.execute("SELECT owner, until, seconds FROM leases WHERE key = ?", (key,)).fetchone()
    return str(found[0]) if found and _holds(found[1], found[2], now) else ""


def taken(raw: sqlite3.Connection, key: str, owner: str, seconds: float, now: float) -> bool:
    """Take the lease for so many seconds from now, unless somebody else has it."""
    if holder_of(raw, key, now) not in ("", owner):
        return False
    raw.execute("INSERT OR REPLACE INTO leases (key, owner, until, seconds) VALUES (?, ?, ?, ?)", (key, owner, now + seconds, float(seconds)))
    return True


def release(raw: sqlite3.Connection, key: str, owner: str) -> bool:
    """Give the lease back, if this owner has it."""
    return raw.execute("DELETE FROM leases WHERE key = ? AND owner = ?", (key, owner)).rowcount > 0


def note(raw: sqlite3.Connection, name: str, data: bytes, seconds: float, now: float) -> bool:
    """Leave a fact for so many seconds from now."""
    raw.execute("INSERT OR REPLACE INTO notes (name, data, until, seconds) VALUES (?, ?, ?, ?)", (name, data, now + seconds, float(seconds)))
    return True


def noted(raw: sqlite3.Connection, name: str, now: float) -> bytes | None:
    """The fact, while it holds."""
    found = raw.execute("SELECT data, until, seconds FROM notes WHERE name = ?", (name,)).fetchone()
    return bytes(found[0]) if found and isinstance(found[0], bytes) and _holds(found[1], found[2], now) else None


def _holds(until: object, seconds: object, now: float) -> bool:
    return isinstance(until, float) and isinstance(seconds, float) and now < until <= now + seconds + SLACK
