"""What can go wrong with a database, in the store's words: never SQLite's, which may hold a statement or data."""

from __future__ import annotations

import errno
import sqlite3
from dataclasses import dataclass
from typing import Final

from authweave.errors import SettingsError


class Damaged(Exception):  # named after what happened
    """The file does not hold what was written. Never leaves the store."""


class RowDamaged(Exception):  # named after what happened
    """The row of this key is not what was written; the rest may be. Never leaves the store."""


class Moved(Exception):  # named after what happened
    """Another file is at the path, or none. Never leaves the store."""


class Closed(Exception):  # named after what happened
    """Somebody closed the store. Never leaves the store."""


class Carried(Exception):  # named after what happened
    """A connection was carried over a fork. Never leaves the store."""


@dataclass(frozen=True, slots=True)
class Failure:
    """`reason` is one of StoreUnavailable's, or `moved` and `doubtful`: worth another look with a new connection; or
    `row_damaged`: the row of `key` is to be set aside."""

    reason: str
    words: str
    key: str = ""


_PRIMARY: Final = {
    sqlite3.SQLITE_BUSY: Failure("locked", "another process holds the database"),
    sqlite3.SQLITE_LOCKED: Failure("locked", "another thread holds the database"),
    sqlite3.SQLITE_PROTOCOL: Failure("locked", "other processes hold the write-ahead log"),
    sqlite3.SQLITE_READONLY: Failure("read_only", "the file, its directory or the file system is read-only"),
    sqlite3.SQLITE_PERM: Failure("read_only", "this process may not write there"),
    sqlite3.SQLITE_AUTH: Failure("read_only", "this process may not write there"),
    sqlite3.SQLITE_FULL: Failure("full", "the disk is full"),
    sqlite3.SQLITE_CORRUPT: Failure("damaged", "the file is malformed"),
    sqlite3.SQLITE_NOTADB: Failure("damaged", "the file is not a database any more"),
    sqlite3.SQLITE_FORMAT: Failure("damaged", "the file is malformed"),
    sqlite3.SQLITE_INTERRUPT: Failure("timeout", "it took too long"),
    sqlite3.SQLITE_CANTOPEN: Failure("doubtful", "the file cannot be opened"),
    sqlite3.SQLITE_ERROR: Failure("doubtful", "the database does not answer as it should"),
    sqlite3.SQLITE_SCHEMA: Failure("doubtful", "the database does not answer as it should"),
}
_EXTENDED: Final = {
    sqlite3.SQLITE_READONLY_DBMOVED: Failure("moved", "the file was moved"),
    sqlite3.SQLITE_IOERR_SHORT_READ: Failure("damaged", "the file is cut off"),
    sqlite3.SQLITE_IOERR_CORRUPTFS: Failure("damaged", "the file system is damaged"),
    sqlite3.SQLITE_IOERR_WRITE: Failure("full", "nothing more can be written: the disk, a quota or a limit is reached"),
    sqlite3.SQLITE_IOERR_SHMSIZE: Failure("full", "nothing more can be written: the disk, a quota or a limit is reached"),
    sqlite3.SQLITE_IOERR_SHMOPEN: Failure("doubtful", "the file cannot be opened"),
}
_SYSTEM: Final = {
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), Failure("read_only", "this process may not write there")),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), Failure("full", "the disk, a quota or a limit is reached")),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), Failure("other", "too many files are open")),
    **dict.fromkeys((errno.EAGAIN, errno.EWOULDBLOCK), Failure("locked", "another process is opening or moving the file")),
}


def failure_of(error: BaseException) -> Failure:
    """What an error of SQLite, of the system or of ours says of the store."""
    if isinstance(error, Damaged):
        return Failure("damaged", str(error))
    if isinstance(error, RowDamaged):
        return Failure("row_damaged", "a row is not what was written", key=str(error))
    if isinstance(error, Moved):
        return Failure("moved", "the file was moved or deleted")
    if isinstance(error, Closed):
        return Failure("other", "it was closed")
    if isinstance(error, Carried):
        return Failure("other", "this process was forked while the store was in use; fork before the first use, or start the process anew")
    if isinstance(error, UnicodeDecodeError):  # Python cannot read SQLite's message: it quotes a table that is damaged
        return Failure("damaged", "the file is malformed")
    if isinstance(error, SettingsError):
        return Failure("other", str(error))
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        return _EXTENDED.get(code) or _PRIMARY.get(code & 0xFF) or Failure("other", f"SQLite says {getattr(error, 'sqlite_errorname', 'nothing more')}")
    if isinstance(error, OSError):
        return _SYSTEM.get(error.errno or 0) or Failure("other", error.strerror or "the system says no more")
    return Failure("other", type(error).__name__)
