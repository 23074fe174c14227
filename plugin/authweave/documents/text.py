"""The text of a document: from a file that may be anything, through bytes that may be anything."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

from authweave.values import Mark

MAX_BYTES: Final = 256 * 1024

_OPEN_FLAGS: Final = (
    os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
)
_WIDE_MARKS: Final = (b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")
_REASONS: Final = {
    errno.ENOENT: ("there is no such file", "check the path"),
    errno.EISDIR: ("is a directory", "name a file in it"),
    errno.EACCES: ("may not be read by this user", "check the file's permissions"),
}


class RefusedText(Exception):
    """There is no text to read; carries the rule, the place and the words for people."""

    def __init__(self, rule: str, message: str, fix: str, mark: Mark | None = None) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.fix = fix
        self.mark = mark


def bytes_of_file(path: Path) -> bytes:
    """The bytes of a regular file, one more than allowed at the most. Never waits for a pipe or a device."""
    try:
        _expect_regular(os.stat(path))
        descriptor = os.open(path, _OPEN_FLAGS)
        with open(descriptor, "rb") as file:
            _expect_regular(os.fstat(descriptor))
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, (f"cannot be read ({error.strerror})", "check the path"))
    except ValueError:
        reason = ("is no name that a file can have", "check the path")
    raise RefusedText("document.unreadable", *reason)


def text_of(raw: bytes | str) -> str:
    """The text that UTF-8 bytes stand for, without a byte order mark; RefusedText if it is too large or not UTF-8."""
    if len(raw) > MAX_BYTES or (isinstance(raw, str) and len(raw.encode(errors="surrogatepass")) > MAX_BYTES):
        raise RefusedText("document.too_large", f"is larger than {MAX_BYTES // 1024} KiB", "split it", Mark(1, 1))
    return (raw if isinstance(raw, str) else _decoded(raw)).removeprefix("\ufeff")


def _decoded(raw: bytes) -> str:
    if raw.startswith(_WIDE_MARKS) or _has_wide_start(raw[:4]):
        message = "is UTF-16 or UTF-32, as byte 0 and those after it show"
        raise RefusedText("document.encoding", message, "save the file as UTF-8", Mark(1, 1))
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        message = f"is not UTF-8: byte {error.start} (counted from 0) begins no character"
        mark = _mark_after(raw[: error.start].decode())
    raise RefusedText("document.encoding", message, "save the file as UTF-8", mark)


def _has_wide_start(start: bytes) -> bool:
    """Are the first bytes those of an ASCII character and more in UTF-16 or UTF-32?"""
    if len(start) < 4:
        return len(start) >= 2 and 0 in (start[0], start[1])
    return start[0] == start[2] == 0 or start[1] == start[3] == 0 or start[:3] == b"\0\0\0" or start[1:] == b"\0\0\0"


def _mark_after(text: str) -> Mark:
    last_line = text.removeprefix("\ufeff").rpartition("\n")[2]
    return Mark(text.count("\n") + 1, len(last_line) + 1)


def _expect_regular(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is a pipe, a socket or a device, not a file")
