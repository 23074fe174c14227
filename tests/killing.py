"""A renewal that is killed, or stopped for a while, at a step of its protocol.

The steps are found from outside: something stands around the store, and listens to the stages of the call.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

from authweave.engine import Engine
from authweave.net.values import Call
from authweave.values import TaskResponse
from workers import Place, asked

BEFORE_LEASE, AFTER_LEASE, AFTER_READ = "before the lease", "after the lease", "after the read"
AFTER_INTENT, CONNECTED, ACTED = "after the intent", "in the call, nothing sent", "in the call, the server acted"
ANSWERED, WRITTEN, RELEASED = "after the answer, before the write", "after the write", "after the release"
STEPS = (BEFORE_LEASE, AFTER_LEASE, AFTER_READ, AFTER_INTENT, CONNECTED, ACTED, ANSWERED, WRITTEN, RELEASED)

LEASED_WITHOUT_INTENT = (AFTER_LEASE, AFTER_READ, WRITTEN)
"""Where nobody can know who has the lease: it has to run out before somebody else renews."""
IN_DOUBT = (ACTED, ANSWERED)
"""Where the refresh token is spent, and only the dead know what came of it."""


class Halt:
    """Sends its own process a signal, once, when it comes to the step."""

    def __init__(self, step: str, which: signal.Signals) -> None:
        self.step, self.which, self.is_over = step, which, False

    def at(self, step: str) -> None:
        if step == self.step and not self.is_over:
            self.is_over = True
            signal.pthread_kill(threading.get_ident(), self.which)  # sent to the process, another thread might take it, and this one go on


class Watched:
    """A store around a store."""

    def __init__(self, store: Any, halt: Halt) -> None:
        self._store, self._halt, self._has_lease = store, halt, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def lease(self, key: str, owner: str, seconds: float) -> bool:
        self._halt.at(BEFORE_LEASE)
        self._has_lease = self._store.lease(key, owner, seconds)
        if self._has_lease:
            self._halt.at(AFTER_LEASE)
        return self._has_lease

    def read(self, key: str) -> Any:
        row = self._store.read(key)
        if self._has_lease:
            self._halt.at(AFTER_READ)
        return row

    def intend(self, key: str, version: int, intent: str) -> bool:
        is_noted: bool = self._store.intend(key, version, intent)
        self._halt.at(AFTER_INTENT)
        return is_noted

    def write(self, key: str, version: int, data: bytes | None, *, keep: float | None = None) -> bool:
        self._halt.at(ANSWERED)
        is_written: bool = self._store.write(key, version, data, keep=keep)
        self._halt.at(WRITTEN)
        return is_written

    def release(self, key: str, owner: str) -> None:
        self._store.release(key, owner)
        if self._has_lease:
            self._has_lease = False
            self._halt.at(RELEASED)


def watch_call(run: Engine, place: Place, halt: Halt) -> None:
    """Let the engine's calls halt when they are connected, and when the server has acted."""
    before = place.provider.counts(place.client)["token"]

    def passed(event: Any) -> None:
        if event.stage == "connect":
            halt.at(CONNECTED)
        if event.stage == "sent" and halt.step == ACTED and not halt.is_over:
            while place.provider.counts(place.client)["token"] == before:
                time.sleep(0.005)
            halt.at(ACTED)

    def exchange(request: Any, seconds: float, _: Any) -> TaskResponse:
        sent = Call(request.method, request.url, request.headers, request.body)
        reply = run.wire.send(sent, deadline=seconds, events=passed)
        return TaskResponse(reply.status, reply.headers, reply.body)

    run.exchange = exchange


def renew_and_halt(place: Place, step: str, which: signal.Signals, pipe: Pipe) -> None:
    """Renew, and come to an end (or a stop) at the step. Only who goes on afterwards tells what it was told."""
    halt, told = Halt(step, which), []
    with place.engine(told, around=partial(Watched, halt=halt)) as run:
        watch_call(run, place, halt)
        pipe.send(asked(place, run, told))


def until_stopped(pid: int, seconds: float = 60.0) -> None:
    """Wait until the process has been stopped by a signal."""
    _until(lambda: _state(pid) == "T", seconds, "it does not stop")


def _until(is_so: Callable[[], bool], seconds: float, otherwise: str) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, otherwise
        time.sleep(0.01)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
