"""Reading a file that only its owner, or root, may have written, and nobody else may read."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

LARGEST: Final = 64 * 1024
_WANTED: Final = ("O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC", "O_BINARY")
_FLAGS: Final = os.O_RDONLY | sum(getattr(os, name, 0) for name in _WANTED)
_ATTEMPTS: Final = 3


class Unfit(Exception):
    """Why a file cannot be used, and what would be right; the message never holds its content."""


def content(path: Path, *, is_made: bool) -> bytes | None:
    """The bytes of the file, or None if nothing is there. Raises Unfit, OSError.

    A link is followed; what counts is the file it leads to: owned by us or root, and not open to others. `is_made`
    says that it was made here, and so for us alone; one that an operator put there may be root's and readable by a
    group, as mounted secrets are.
    """
    for attempt in range(_ATTEMPTS):
        try:
            return _read(path.resolve(strict=True), is_made)
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


def _read(path: Path, is_made: bool) -> bytes:
    if not stat.S_ISREG(path.stat().st_mode):
        raise Unfit("is not a regular file")
    with open(os.open(path, _FLAGS), "rb") as file:
        found = os.fstat(file.fileno())
        if wrong := _wrong(found, is_made):
            raise Unfit(wrong)
        raw = file.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise Unfit(f"is larger than {LARGEST // 1024} KiB")
    return raw


def _wrong(found: os.stat_result, is_made: bool) -> str:
    if not stat.S_ISREG(found.st_mode):
        return "is not a regular file"
    if not hasattr(os, "geteuid"):
        return ""
    if found.st_uid not in (os.geteuid(), 0):
        return "belongs to another user; use a file of your own, or of root"
    if found.st_mode & 0o022:
        return "can be written by others, so its keys may be theirs; make a new one with mode 0600"
    if found.st_mode & 0o007:
        return "is open to every user of this machine; give it mode 0600 (as a mounted secret: 0440)"
    if found.st_mode & 0o070 and (is_made or found.st_uid != 0):
        return "is open to its group; give it mode 0600"
    return ""
