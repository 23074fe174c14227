"""What an API asked of one call (to be left alone for a while) holds for the other calls with the same credential, too.

Each connection has its own: what one tenant's API asks never holds up another tenant. In this process alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from authweave.machine.chance import between
from authweave.machine.forks import Lock
from authweave.urls import Origin

if TYPE_CHECKING:
    from authweave.connections.connection import Connection

SPREAD: Final = 0.2
"""What is added to a wait at most, as a part of it: of many calls that were told the same, not all come back at once."""

_lock: Final = Lock()
_until: Final[WeakKeyDictionary[Connection, dict[Origin, float]]] = WeakKeyDictionary()


def asked_for(connection: Connection, url: str, seconds: float) -> None:
    """The server of this URL asked to be left alone for so long; of two wishes the longer one counts."""
    origin, until = Origin.of(url), time.monotonic() + seconds
    with _lock:
        untils = _until.setdefault(connection, {})
        untils[origin] = max(until, untils.get(origin, 0.0))


def left_alone(connection: Connection, url: str, patience: float, end: float | None) -> float:
    """Seconds that a call waits before it is made; 0 where it is not to wait: longer than its patience, or than it may last
    (`end`, monotonic seconds). Then the server itself says so."""
    with _lock:
        until = _until.get(connection, {}).get(Origin.of(url), 0.0)
    left = until - time.monotonic()
    latest = left * (1 + SPREAD)
    if left <= 0 or left > patience or (end is not None and time.monotonic() + latest >= end):
        return 0.0
    return between(left, latest)


def after(seconds: float, work: Callable[[], None]) -> None:
    """Do it then, in a thread that keeps no process alive."""
    timer = threading.Timer(seconds, work)
    timer.daemon = True
    timer.start()
