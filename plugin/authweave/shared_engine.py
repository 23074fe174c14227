"""The one engine of a process, for doors that have no place to keep one: entry points, command lines, worker pools."""

from __future__ import annotations

import atexit
import dataclasses
from typing import Final

from authweave.engine import Engine
from authweave.machine.forks import Lock
from authweave.settings import Settings

KEPT: Final = "sqlite:"

_lock: Final = Lock()
_shared: list[Engine] = []


def shared_engine(*, keeps_tokens: bool = False) -> Engine:
    """The engine that was shared, or one made from the settings (AUTHWEAVE_*, authweave.toml) at first need. Raises SettingsError.

    `keeps_tokens`: for commands that end after each request, tokens are kept in the SQLite store, as the command line keeps
    them, unless a setting names another store. It counts where the engine is made; later calls get the same one.
    """
    for engine in _shared:  # at every call of a platform: without the lock
        return engine
    with _lock:
        if not _shared:
            _shared.append(Engine(settings=_settings(keeps_tokens)))
        return _shared[0]


def share_engine(engine: Engine | None) -> None:
    """Let every door of this process use this engine; the one before is closed. None: make one from the settings at next need."""
    with _lock:
        before = _shared[:]
        _shared[:] = [engine] if engine is not None else []
    for other in before:
        if other is not engine:
            other.close()


def _settings(keeps_tokens: bool) -> Settings:
    settings = Settings.load()
    if not keeps_tokens or settings.origins["store"] != "default":
        return settings
    return dataclasses.replace(settings, store=KEPT, origins={**settings.origins, "store": "default of commands"})


@atexit.register
def _close() -> None:
    share_engine(None)
