"""The stage that has just ended, shown on a terminal and wiped away."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from authweave.report import Stage


@contextmanager
def progress() -> Iterator[Callable[[Stage], None]]:
    """Hears of each stage; shows nothing where standard error is no terminal, or the report goes elsewhere."""
    if not (sys.stderr.isatty() and sys.stdout.isatty()):
        yield lambda _: None
        return
    try:
        yield lambda stage: print(f"\r\x1b[2K{stage.title}: {stage.status}", end="", file=sys.stderr, flush=True)
    finally:
        wipe()


def wipe() -> None:
    """Leave the line empty."""
    print("\r\x1b[2K", end="", file=sys.stderr, flush=True)
