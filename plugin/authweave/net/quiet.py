"""httpcore logs what it reads, header values included; for authweave's own calls it stays silent.

Only records made by a thread that is in one of our calls are dropped: a host's own use of httpcore logs as before.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_here = threading.local()


@contextmanager
def unlogged() -> Iterator[None]:
    """Nothing that httpcore does in this thread is logged meanwhile."""
    before = getattr(_here, "silent", False)
    _here.silent = True
    try:
        yield
    finally:
        _here.silent = before


def _loud(record: logging.LogRecord) -> bool:
    return not getattr(_here, "silent", False)


for _name in ("httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy", "httpcore.socks"):
    logging.getLogger(_name).addFilter(_loud)
