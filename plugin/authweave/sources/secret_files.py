"""Reading a value from a file: a regular one of at most 64 KiB, UTF-8, one line end at its end taken away."""

from __future__ import annotations

from pathlib import Path

from authweave.errors import InputError
from authweave.machine.small_files import LARGEST, Unfit, content


def read_value(path: Path, name: str, *, within: Path | None = None, binary: bool = False) -> str | bytes | None:
    """The content of a file for the input `name`, or None if there is none. Raises InputError, which names the file.

    `within` is the folder that no link may lead out of. `binary`: what is not UTF-8 comes as bytes.
    """
    wrong = ""
    try:
        raw = content(path, lambda leads_to, _: _outside(leads_to, within))
        return None if raw is None else _value(raw, binary)
    except Unfit as unusable:
        wrong = str(unusable)
    except OSError as error:
        wrong = f"cannot be read: {error.strerror}"
    raise InputError(name, f"{name}: file {path} {wrong}")


def without_line_end(text: str) -> str:
    """The one rule for what editors and `echo` leave behind: one line end (LF or CRLF) at the very end is none of the value's."""
    return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text


def value_of(raw: bytes, name: str, called: str, *, binary: bool = False) -> str | bytes:
    """What was read of something that is no file (`called`), by the same rule. Raises InputError."""
    wrong = f"is larger than {LARGEST // 1024} KiB" if len(raw) > LARGEST else ""
    try:
        if not wrong:
            return _value(raw, binary)
    except Unfit as unusable:
        wrong = str(unusable)
    raise InputError(name, f"{name}: {called} {wrong}")


def _outside(path: Path, within: Path | None) -> str:
    return f"leads out of {within}" if within is not None and not path.is_relative_to(within.resolve()) else ""


def _value(raw: bytes, binary: bool) -> str | bytes:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        if binary:
            return raw
        offset = error.start
    else:
        return without_line_end(text)
    raise Unfit(f"is not UTF-8 at byte {offset}")
