"""Reading a small file that somebody names: links are followed to where they lead, and nothing is waited for."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

LARGEST: Final = 64 * 1024
_WANTED: Final = ("O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC", "O_BINARY")
_FLAGS: Final = os.O_RDONLY | sum(getattr(os, name, 0) for name in _WANTED)
_ATTEMPTS: Final = 3

Wrong = Callable[[Path, os.stat_result], str]
"""What is wrong with the file that a path leads to, by its place and its status; '' if nothing is."""


class Unfit(Exception):
    """Why a file cannot be used, and what would be right; the message never holds its content."""


def content(path: Path, wrong: Wrong) -> bytes | None:
    """The bytes of a regular file of at most 64 KiB, or None if nothing is there. Raises Unfit, OSError."""
    for attempt in range(_ATTEMPTS):
        try:
            return _read(path.resolve(strict=True), wrong)
        except (FileNotFoundError, NotADirectoryError):
            if not os.path.lexists(path):
                return None
            if attempt + 1 == _ATTEMPTS:  # Kubernetes swaps a link while the files behind it change
                raise Unfit("is a link that leads nowhere") from None
        except (RuntimeError, OSError) as error:  # Python 3.13 says it with ELOOP
            if isinstance(error, OSError) and error.errno != errno.ELOOP:
                raise
            raise Unfit("is a link that leads to itself") from None
    return None


def regular_bytes(path: Path, largest: int) -> bytes:
    """The bytes of a regular file, one more than `largest` at the most; a pipe or a device is never waited for. Raises Unfit, OSError."""
    _refuse(path, path.stat(), _nothing_wrong)
    with open(os.open(path, _FLAGS & ~getattr(os, "O_NOFOLLOW", 0)), "rb") as file:
        _refuse(path, os.fstat(file.fileno()), _nothing_wrong)
        return file.read(largest + 1)


def _nothing_wrong(path: Path, found: os.stat_result) -> str:
    return ""


def _read(path: Path, wrong: Wrong) -> bytes:
    _refuse(path, path.stat(), wrong)  # before it is opened: a device may do something then
    with open(os.open(path, _FLAGS), "rb") as file:
        _refuse(path, os.fstat(file.fileno()), wrong)
        raw = file.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise Unfit(f"is larger than {LARGEST // 1024} KiB")
    return raw


def _refuse(path: Path, found: os.stat_result, wrong: Wrong) -> None:
    if why := wrong(path, found) or ("" if stat.S_ISREG(found.st_mode) else "is not a regular file"):
        raise Unfit(why)
