"""Reading a file that only its owner, or root, may have written, and nobody else may read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from authweave.machine import small_files


def content(path: Path, *, is_made: bool) -> bytes | None:
    """The bytes of the file, or None if nothing is there. Raises small_files.Unfit, OSError.

    A link is followed; what counts is the file it leads to: owned by us or root, and not open to others. `is_made`
    says that it was made here, and so for us alone; one that an operator put there may be root's and readable by a
    group, as mounted secrets are.
    """
    return small_files.content(path, lambda _, found: _wrong(found, is_made))


def _wrong(found: os.stat_result, is_made: bool) -> str:
    if not stat.S_ISREG(found.st_mode) or not hasattr(os, "geteuid"):
        return ""  # of another kind: refused whoever owns it
    if found.st_uid not in (os.geteuid(), 0):
        return "belongs to another user; use a file of your own, or of root"
    if found.st_mode & 0o022:
        return "can be written by others, so its keys may be theirs; make a new one with mode 0600"
    if found.st_mode & 0o007:
        return "is open to every user of this machine; give it mode 0600 (as a mounted secret: 0440)"
    if found.st_mode & 0o070 and (is_made or found.st_uid != 0):
        return "is open to its group; give it mode 0600"
    return ""
