"""Start a foreign process, wait until it answers, stop it by its id."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE = 60.0
GRACE = 3.0
Answered = Callable[[], dict[str, Any] | None]


class PartFailed(Exception):
    """A part is installed but does not start; the message holds the end of its log."""


@contextmanager
def running(
    command: Sequence[str | Path], folder: Path, *, config: Mapping[str, Any], patience: float = PATIENCE
) -> Iterator[dict[str, Any]]:
    """A server that takes PART_CONFIG and says in the file PART_READY where it listens; yields what it said."""
    ready = folder / "ready.json"
    environment = {"PART_CONFIG": json.dumps(config), "PART_READY": str(ready)}

    def said() -> dict[str, Any] | None:
        written = ready.read_text() if ready.exists() else ""
        return json.loads(written) if written else None  # it may just be written

    with started(command, folder, answered=said, environment=environment, patience=patience) as facts:
        yield facts


@contextmanager
def started(
    command: Sequence[str | Path], folder: Path, *, answered: Answered, environment: Mapping[str, str] | None = None,
    patience: float = PATIENCE, own_group: bool = False,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """A process whose output goes to `folder`/log; yields the first thing `answered` gives, then stops the process.

    `own_group`: for a server that ends by ending its whole process group, which would be ours.
    """
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*_dying_with_us(), *command], cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            env={**os.environ, **(environment or {})}, process_group=0 if own_group else None,
        )  # fmt: skip
    try:
        yield _first_answer(process, answered, log, patience)
    finally:
        _stop(process)


def _first_answer(process: subprocess.Popen[bytes], answered: Answered, log: Path, patience: float) -> dict[str, Any]:
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if (answer := answered()) is not None:
            return answer
        if process.poll() is not None:
            break
        time.sleep(0.01)
    raise PartFailed(f"{process.args!r} (exit code {process.poll()}) does not answer; its log ends:\n{_end_of(log)}")


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _dying_with_us() -> list[str]:
    """On Linux the kernel ends the process even if the test run itself is killed."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM"] if setpriv else []
