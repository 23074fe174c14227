"""Reading a value from a file: a regular one of at most 64 KiB, UTF-8, one line end at its end taken away."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from authweave.errors import InputError

LARGEST: Final = 64 * 1024
_WANTED: Final = ("O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC", "O_BINARY")
_FLAGS: Final = os.O_RDONLY | sum(getattr(os, name, 0) for name in _WANTED)
_ATTEMPTS: Final = 3


class _Unusable(Exception):
    """Why a file cannot be read; the message never holds its content."""


def read_value(path: Path, name: str, *, within: Path | None = None, binary: bool = False) -> str | bytes | None:
    """The content of a file for the input `name`, or None if there is none. Raises InputError, which names the file.

    `within` is the folder that no link may lead out of. `binary`: what is not UTF-8 comes as bytes.
    """
    wrong = ""
    try:
        raw = _bytes(path, within)
        return None if raw is None else _value(raw, binary)
    except _Unusable as unusable:
        wrong = str(unusable)
    except OSError as error:
        wrong = f"cannot be read: {error.strerror}"
    raise InputError(name, f"{name}: file {path} {wrong}")


def _bytes(path: Path, within: Path | None) -> bytes | None:
    for attempt in range(_ATTEMPTS):
        try:
            return _read(path.resolve(strict=True), within)
        except (FileNotFoundError, NotADirectoryError):
            if not os.path.lexists(path):
                return None
            if attempt + 1 == _ATTEMPTS:  # Kubernetes swaps a link while the files behind it change
                raise _Unusable("is a link that leads nowhere") from None
        except RuntimeError:
            raise _Unusable("is a link that leads to itself") from None
    return None


def _read(path: Path, within: Path | None) -> bytes:
    if within is not None and not path.is_relative_to(within.resolve()):
        raise _Unusable(f"leads out of {within}")
    if not stat.S_ISREG(path.stat().st_mode):
        raise _Unusable("is not a regular file")
    with open(os.open(path, _FLAGS), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise _Unusable("is not a regular file")
        raw = file.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise _Unusable(f"is larger than {LARGEST // 1024} KiB")
    return raw


def _value(raw: bytes, binary: bool) -> str | bytes:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        if binary:
            return raw
        offset = error.start
    else:
        return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text
    raise _Unusable(f"is not UTF-8 at byte {offset}")
