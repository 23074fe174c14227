"""One process (and thread) at a time, by a lock on a file. The system lets go of it when its holder dies."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_PAUSE: Final = 0.02
_FLAGS: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


@contextmanager
def exclusively(path: Path, seconds: float = 10.0) -> Iterator[None]:
    """Hold the lock `path`, a file that is made and stays. Raises TimeoutError after so many seconds, OSError."""
    file = os.open(path, _FLAGS, 0o600)
    try:
        _lock(file, time.monotonic() + seconds)
        try:
            yield
        finally:
            _unlock(file)  # closing alone would leave it to a child that was forked meanwhile
    finally:
        os.close(file)


def _lock(file: int, until: float) -> None:
    while not _is_locked(file):
        if time.monotonic() > until:
            raise TimeoutError
        time.sleep(_PAUSE)


if sys.platform == "win32":

    def _is_locked(file: int) -> bool:
        import msvcrt

        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

    def _unlock(file: int) -> None:
        import msvcrt

        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)

else:

    def _is_locked(file: int) -> bool:
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(file: int) -> None:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_UN)
