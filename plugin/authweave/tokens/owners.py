"""Who holds a lease: a name that tells, on the same machine, whether its process still lives."""

from __future__ import annotations

import functools
import os
import uuid
from pathlib import Path

_PROC = Path("/proc")


def new_owner() -> str:
    """A name for one renewal: this machine, this process, and something that is never said twice."""
    return f"{_here()}.{_process(os.getpid())}.{uuid.uuid4().hex}"


def is_gone(owner: str) -> bool:
    """Is it certain that the process behind this name has ended? False where nobody here can know."""
    here, _, rest = owner.partition(".")
    process = rest.rpartition(".")[0]
    pid = process.partition("-")[0]
    if here != _here() or here == "?" or not pid.isdecimal():
        return False
    now = _process(int(pid))
    return now != process and not (now == f"{pid}-?" and _is_hidden(int(pid)))


@functools.cache
def _here() -> str:
    """This boot and this space of process ids: elsewhere, the same number is another process."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip().replace("-", "")
        space = os.readlink(_PROC / "self/ns/pid")
    except OSError:
        return "?"
    return f"{boot[:16]}-{''.join(filter(str.isdigit, space))}"


def _process(pid: int) -> str:
    """The process with the moment it began, which tells it from a later one of the same number; `-?` if it cannot be seen."""
    try:
        said = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return f"{pid}-?"
    fields = said.rpartition(")")[2].split()
    return f"{pid}-{fields[19]}" if len(fields) > 19 and fields[0] not in ("Z", "X") else f"{pid}-ended"


def _is_hidden(pid: int) -> bool:
    """Is there a process that /proc does not show: one of another user, under `hidepid` or systemd's ProtectProc?"""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True
