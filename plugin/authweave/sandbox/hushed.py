"""oauthlib logs the tokens that it issues, at level debug; for the sandbox's own it stays silent.

Only records made by a thread that is inside the sandbox are dropped: a host's own use of oauthlib logs as before.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import oauthlib.oauth2  # type: ignore[import-untyped]  # noqa: F401 - its loggers are there once it is imported

_here = threading.local()


@contextmanager
def hushed() -> Iterator[None]:
    """Nothing that oauthlib does in this thread is logged meanwhile."""
    _here.silent = True
    try:
        yield
    finally:
        _here.silent = False


def _loud(record: logging.LogRecord) -> bool:
    return not getattr(_here, "silent", False)


for _name in tuple(logging.root.manager.loggerDict):
    if _name.startswith("oauthlib."):
        logging.getLogger(_name).addFilter(_loud)
