"""Files that appear whole and durably, or not at all, and that nobody else may read."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class Foreign(Exception):
    """A folder belongs to somebody else."""


def add(path: Path, data: bytes) -> bool:
    """Let the file appear; False if there is one already, which is left as it is. Raises OSError."""
    with _beside(path, data) as temporary:
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        finally:
            _keep_folder(path.parent)
    return True


def exchange(path: Path, data: bytes) -> None:
    """Put another file in the place of the one that is there, with its mode, and as root its owner. Raises OSError."""
    found = path.stat()
    with _beside(path, data) as temporary:
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            os.chown(temporary, found.st_uid, found.st_gid)
            os.chmod(temporary, found.st_mode & 0o777)
        os.replace(temporary, path)
        _keep_folder(path.parent)


def own_folder(folder: Path) -> None:
    """Have the folder: made for us alone (0700), or there already and ours (or root's); then others lose the right to
    write into it. Raises Foreign, OSError."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        with contextlib.suppress(FileExistsError):
            one.mkdir(0o700)
            one.chmod(0o700)  # whatever the umask takes away
        _keep_folder(one.parent)
    if hasattr(os, "geteuid"):
        _close_to_others(folder)


def _close_to_others(folder: Path) -> None:
    found = folder.stat()
    if found.st_uid not in (os.geteuid(), 0):
        raise Foreign(f"its folder {folder} belongs to another user")
    if found.st_mode & 0o022 and found.st_uid == os.geteuid():
        folder.chmod(found.st_mode & 0o7755)


@contextmanager
def _beside(path: Path, data: bytes) -> Iterator[Path]:
    """The data in a file of its own in the same folder, written to the disk; it is gone at the end, unless moved."""
    temporary = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    try:
        with open(os.open(temporary, _NEW, 0o600), "wb") as file:
            if hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), 0o600)  # whatever the umask takes away
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _keep_folder(folder: Path) -> None:
    """Have the folder's entries on the disk, where that can be asked for: some may be passed, but not read."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    with contextlib.suppress(PermissionError):
        folder_file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder_file)
        finally:
            os.close(folder_file)
