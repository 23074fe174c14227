"""Tokens in one file: of one machine, for all its processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from authweave.contracts import Finding, StoreOptions
from authweave.hookspecs import Register, hookimpl
from authweave.values import Row

if TYPE_CHECKING:
    import sqlite3


class SqliteStore:
    """`sqlite:`, `sqlite:///path`. Safe for threads, processes and forks.

    Durable is what `intend`, `write` and `remove` answer: it survives a power loss. Leases and notes survive the end of
    every process, and may be lost with the power: whoever had them is gone then, too.

    A damaged file is moved aside, a damaged row within it set aside, and told. What cannot be noticed is a page exchanged for an older or another whole one:
    a row may then be missing or old, never another's.
    """

    name: ClassVar[str] = "sqlite"
    schemes: ClassVar[tuple[str, ...]] = ("sqlite",)
    is_shared: ClassVar[bool] = True

    def __init__(self, path: Path, options: StoreOptions, clock: Callable[[], float] = time.time) -> None:
        # SQLite is loaded where it is used, so that commands without a store start fast
        from authweave.stores.sqlite.calls import Calls
        from authweave.stores.sqlite.file_system import check_file_system
        from authweave.stores.sqlite.lock import is_claimed
        from authweave.stores.sqlite.place import LOCK, Place
        from authweave.stores.sqlite.url import default_path

        self._clock = clock
        place = Place(path)
        is_ours = is_claimed(place.beside(LOCK)) or path == default_path()
        place.prepare_or_wait()
        check_file_system(path.parent)
        self._calls = Calls(place, options, clock)
        self._calls.open_at_once(is_ours=is_ours)

    @classmethod
    def from_url(cls, url: str, options: StoreOptions) -> Self:
        """The store in the file that a URL names; the file is made. Raises SettingsError."""
        from authweave.stores.sqlite.url import path_of

        return cls(path_of(url), options)

    @property
    def is_remote(self) -> bool:
        """It lies on this machine."""
        return False

    def read(self, key: str) -> Row:
        """What is stored under the key."""
        from authweave.stores.sqlite.rows import row_of

        return self._calls.read(lambda raw: row_of(raw, key))

    def lease(self, key: str, owner: str, seconds: float) -> bool:
        """Take the key's lease if nobody has it, or it has run out."""
        from authweave.stores.sqlite.leases import holder_of, taken

        if self._calls.read(lambda raw: holder_of(raw, key, self._clock())) not in ("", owner):
            return False  # seen without a lock: whoever asks again and again hinders no writer
        return self._write(lambda raw: taken(raw, key, owner, seconds, self._clock()), is_durable=False)

    def release(self, key: str, owner: str) -> None:
        """Give the lease back, if this owner has it."""
        from authweave.stores.sqlite.leases import release

        self._write(lambda raw: release(raw, key, owner), is_durable=False)

    def wait(self, key: str, seconds: float) -> None:
        """Look again and again, without a lock, until nobody holds the lease."""
        from authweave.stores.sqlite.leases import holder_of
        from authweave.stores.sqlite.lock import growing_pauses

        until = time.monotonic() + seconds
        pauses = growing_pauses(0.005, 0.05)
        while self._calls.read(lambda raw: holder_of(raw, key, self._clock())):
            if (left := until - time.monotonic()) <= 0:
                return
            time.sleep(min(left, next(pauses)))

    def intend(self, key: str, version: int, intent: str) -> bool:
        """Note an intent at this version."""
        from authweave.stores.sqlite.rows import intend

        return self._write(lambda raw: intend(raw, key, version, intent), is_durable=True)

    def write(self, key: str, version: int, data: bytes | None, *, keep: float | None = None) -> bool:
        """Put the data over this version."""
        from authweave.stores.sqlite.rows import write

        until = None if keep is None else self._clock() + keep
        return self._write(lambda raw: write(raw, key, version, data, until), is_durable=True)

    def remove(self, key: str) -> bool:
        """Forget the key."""
        from authweave.stores.sqlite.rows import remove

        return self._write(lambda raw: remove(raw, key), is_durable=True)

    def keys(self) -> Iterator[str]:
        """Every key with data, read in pieces so that no long look keeps the write-ahead log from ending."""
        from authweave.stores.sqlite.rows import keys_after

        last = ""
        # a damaged index may lead back, and must not lead in circles
        while found := [key for key in self._calls.read(lambda raw, after=last: keys_after(raw, after)) if key > last]:  # type: ignore[misc]  # a default binds now
            yield from found
            last = max(found)

    def note(self, name: str, data: bytes, seconds: float) -> None:
        """Leave a fact."""
        from authweave.stores.sqlite.leases import note

        self._write(lambda raw: note(raw, name, data, seconds, self._clock()), is_durable=False)

    def noted(self, name: str) -> bytes | None:
        """The fact, while it holds."""
        from authweave.stores.sqlite.leases import noted

        return self._calls.read(lambda raw: noted(raw, name, self._clock()))

    def checks(self) -> Iterator[Finding]:
        """Path, owner, file system, schema, integrity, a round trip, room, and sizes."""
        from authweave.stores.sqlite.checks import checks

        return checks(self, self._calls)

    def close(self) -> None:
        """Close the database."""
        self._calls.close()

    def __repr__(self) -> str:
        return f"<SqliteStore {self._calls.place.path}>"

    def _write(self, work: Callable[[sqlite3.Connection], bool], *, is_durable: bool) -> bool:
        from authweave.stores.sqlite.rows import purge_now_and_then

        def with_purge(raw: sqlite3.Connection) -> bool:
            answer = work(raw)
            purge_now_and_then(raw, self._clock())
            return answer

        return self._calls.write(with_purge, is_durable=is_durable)


@hookimpl
def register_stores(register: Register) -> None:
    """Add `sqlite:`."""
    register(SqliteStore)
