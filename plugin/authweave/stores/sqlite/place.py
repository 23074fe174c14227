"""The files of a database, and whether they may be used: path, owner and modes."""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from authweave.errors import SettingsError

Identity = tuple[int, int]
"""Device and inode: which file it is, whatever its name."""

WRITE_AHEAD: Final = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database."""

LOCK: Final = ".lock"
"""What excludes those who open, begin or move a database."""

READ_ONLY_FOR_OTHERS: Final = 0o022


@dataclass(frozen=True, slots=True)
class Place:
    """A database's path. Nothing here opens the database: closing it would drop the locks that SQLite holds for the
    whole process (POSIX; sqlite.org/howtocorrupt.html §2.2)."""

    path: Path

    def beside(self, suffix: str) -> Path:
        """A file of the database: `-wal`, `-shm`, `.lock`."""
        return self.path.with_name(self.path.name + suffix)

    def identity(self) -> Identity | None:
        """Which file is there now; None if none."""
        try:
            found = os.lstat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found.st_dev, found.st_ino

    def prepare(self) -> None:
        """Make the directory if it is missing, and check everything. Raises SettingsError, and OSError for what may pass."""
        _make_directory(self.path.parent)
        self.check()

    def prepare_or_wait(self) -> None:
        """`prepare`, but what may pass is left for later: a disk that is full or read-only. Raises SettingsError."""
        with contextlib.suppress(OSError):
            self.prepare()

    def check(self) -> None:
        """Refuse what is not safe, and close to others what is ours. Raises SettingsError."""
        _check_directory(self.path.parent)
        for path in (self.path, *(self.beside(suffix) for suffix in (*WRITE_AHEAD, LOCK))):
            with contextlib.suppress(FileNotFoundError):  # SQLite takes its -wal away when the last one leaves
                _check_file(path)

    def create(self) -> None:
        """Make the file, empty and for its owner only. Raises FileExistsError. Only while nobody can have it open."""
        made = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0), 0o600)
        os.close(made)
        os.chmod(self.path, 0o600)  # a umask may have taken from the owner, too


def _make_directory(directory: Path) -> None:
    missing: list[Path] = []
    while not os.path.lexists(directory):
        missing.append(directory)
        directory = directory.parent
    for path in reversed(missing):
        try:
            os.mkdir(path, 0o700)
            os.chmod(path, 0o700)
        except FileExistsError:
            pass
        except (PermissionError, NotADirectoryError) as error:
            raise SettingsError(f"{path}: the directory of the token store cannot be made ({error.strerror}); choose another place for the store") from None


def _check_directory(directory: Path) -> None:
    try:
        found = os.lstat(directory)
    except NotADirectoryError:
        raise SettingsError(f"{directory}: a part of this path is not a directory; choose another place for the store") from None
    except PermissionError:
        raise SettingsError(f"{directory}: this process may not look there; choose another place for the store, or run as its owner") from None
    if stat.S_ISLNK(found.st_mode):
        raise SettingsError(f"{directory}: is a symbolic link; name the directory itself: {os.path.realpath(directory)}")
    if not stat.S_ISDIR(found.st_mode):
        raise SettingsError(f"{directory}: is not a directory; choose another place for the store")
    if os.name != "posix":
        return
    if found.st_uid not in (os.geteuid(), 0):
        raise SettingsError(f"{directory}: belongs to another user (uid {found.st_uid}), who could exchange the file; {_own(directory)}")
    if found.st_mode & READ_ONLY_FOR_OTHERS and not found.st_mode & stat.S_ISVTX:
        raise SettingsError(f"{directory}: others may write there (mode {_mode(found)}), and so exchange the file; chmod 700 {directory}")


def _check_file(path: Path) -> None:
    found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode):
        raise SettingsError(f"{path}: is a symbolic link; name the file itself: {os.path.realpath(path)}")
    if not stat.S_ISREG(found.st_mode):
        raise SettingsError(f"{path}: is {_kind(found)}, not a file; choose another place for the store")
    if os.name != "posix":
        return
    if found.st_uid != os.geteuid():
        raise SettingsError(f"{path}: belongs to another user (uid {found.st_uid}); {_own(path)}")
    if found.st_nlink > 1:
        raise SettingsError(f"{path}: has {found.st_nlink} names (hard links), and SQLite would mix up what it keeps beside them; remove the others")
    if stat.S_IMODE(found.st_mode) != 0o600:
        _close_to_others(path)


def _close_to_others(path: Path) -> None:
    with contextlib.suppress(PermissionError):
        os.chmod(path, 0o600)
    found = os.lstat(path)
    if found.st_mode & 0o077:
        raise SettingsError(f"{path}: others may read it (mode {_mode(found)}), and this file system does not keep them out; choose a file system with modes")


def _own(path: Path) -> str:
    return f"run as that user, choose another place, or: chown {os.geteuid()} {path}"


def _mode(found: os.stat_result) -> str:
    return f"{stat.S_IMODE(found.st_mode):04o}"


def _kind(found: os.stat_result) -> str:
    kinds = {stat.S_IFDIR: "a directory", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}
    return kinds.get(stat.S_IFMT(found.st_mode), "something else")
