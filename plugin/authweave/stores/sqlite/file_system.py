"""Whether a file system can hold a database that many processes share: local, with locks."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from authweave.errors import SettingsError

MOUNTS: Final = Path("/proc/self/mountinfo")

FAR: Final = frozenset({
    "nfs", "nfs3", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "9p", "virtiofs", "vboxsf", "vmhgfs", "prl_fs",
    "afs", "kafs", "coda", "ncpfs", "ceph", "lustre", "gpfs", "beegfs", "pvfs2", "orangefs", "glusterfs", "ocfs2",
    "gfs2", "wekafs", "davfs", "davfs2", "sshfs", "s3fs", "rclone", "gcsfuse", "goofys", "blobfuse2", "juicefs",
    "mountpoint-s3", "vmhgfs-fuse", "gfarm2fs",
})  # fmt: skip
"""Types whose files another machine may write, too, or whose locks and shared memory cannot be relied on."""

FIX: Final = "choose a local disk, or Redis"

LACKING: Final = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL})


def check_file_system(directory: Path, mounts: Path = MOUNTS) -> None:
    """Refuse a network file system. Raises SettingsError."""
    kind = file_system_of(directory, mounts)
    if kind.removeprefix("fuse.").removeprefix("fuseblk.") in FAR:
        raise SettingsError(f"{directory}: lies on a network file system ({kind}), where SQLite's locks cannot be relied on; {FIX}")


def file_system_of(directory: Path, mounts: Path = MOUNTS) -> str:
    """The type of the file system that holds a directory, as proc(5) names it; empty where the system does not say."""
    try:
        lines = mounts.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return ""
    here = os.path.realpath(directory)
    best, kind = "", ""
    for line in lines:
        point, found = _mount(line)
        if len(point) >= len(best) and (here == point or here.startswith(point.rstrip("/") + "/")):  # a later mount hides an earlier one
            best, kind = point, found
    return kind


def check_locks(file: int, path: Path, lock: Callable[[int, int], None] | None = None) -> None:
    """Try the kind of lock that SQLite uses (`lock`: fcntl.lockf), on a file that is not a database.

    Raises SettingsError, and OSError for what may pass.
    """
    if os.name != "posix":
        return
    import fcntl

    try:
        (lock or fcntl.lockf)(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        (lock or fcntl.lockf)(file, fcntl.LOCK_UN)
    except OSError as error:
        if error.errno in LACKING:
            raise SettingsError(f"{path}: this file system has no working locks ({error.strerror}); {FIX}") from None
        if error.errno not in (errno.EAGAIN, errno.EACCES):
            raise


def _mount(line: str) -> tuple[str, str]:
    """Mount point and type: proc(5), /proc/pid/mountinfo."""
    before, _, after = line.partition(" - ")
    words, described = before.split(" "), after.split(" ")
    return (_unescaped(words[4]), described[0]) if len(words) > 4 else ("", "")


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
