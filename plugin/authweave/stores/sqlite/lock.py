"""The lock beside a database: shared by those who open it, held alone by who begins it or moves it aside.

A file of its own, never the database: flock is per opening, so threads and processes exclude each other alike.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from authweave.machine.chance import between
from authweave.stores.sqlite.file_system import check_locks


@contextlib.contextmanager
def locked(path: Path, *, alone: bool, deadline: float) -> Iterator[int]:
    """Hold the lock; gives its open file. `deadline` is monotonic. Raises BlockingIOError when it passes, SettingsError without working locks, OSError."""
    file = _taken(path, alone, deadline)
    try:
        yield file
    finally:
        os.close(file)


def _taken(path: Path, alone: bool, deadline: float) -> int:
    while True:
        file = _opened(path)
        try:
            check_locks(file, path)
            _wait_for(file, alone, deadline)
            if _is_at(file, path):
                return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)  # deleted meanwhile: others hold another one


def _opened(path: Path) -> int:
    flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
    with contextlib.suppress(FileExistsError):
        made = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
        os.chmod(path, 0o600)
        return made
    return os.open(path, flags)


def _wait_for(file: int, alone: bool, deadline: float) -> None:
    if os.name != "posix":
        return
    import fcntl

    pauses = growing_pauses(0.001, 0.01)
    while True:
        try:
            fcntl.flock(file, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            if (left := deadline - time.monotonic()) <= 0:
                raise
        else:
            return
        time.sleep(min(left, next(pauses)))


def _is_at(file: int, path: Path) -> bool:
    here = os.fstat(file)
    with contextlib.suppress(FileNotFoundError):
        there = os.lstat(path)
        return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)
    return False


def claim(file: int) -> None:
    """Say in the lock's open file that what it guards is a token store."""
    if not os.fstat(file).st_size:
        os.write(file, b"authweave token store\n")


def is_claimed(path: Path) -> bool:
    """Was there a token store beside this lock before? Only then may what is damaged there be moved."""
    try:
        return os.lstat(path).st_size > 0
    except OSError:
        return False


def growing_pauses(first: float, most: float) -> Iterator[float]:
    """Seconds to sleep between looks, each somewhat longer, none like another process's."""
    pause = first
    while True:
        yield min(pause, most) * between(0.5, 1.0)
        pause = min(pause * 1.4, most)
