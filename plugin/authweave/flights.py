"""Work done once for everybody who waits: coalescing in one process, in bounded lanes of worker threads.

A caller only ever waits for a Future. Cancelling it, closing its loop or losing interest never touches the work.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, Final

from authweave.errors import AuthweaveError

EXIT_PATIENCE: Final = 5.0
"""Seconds that the end of the process waits for work under way."""


class Flights:
    """One worker per key; threads, tasks and event loops wait for the same Future. Safe for threads and forks.

    A lane (an endpoint's origin) has at most `workers` threads: a dead endpoint fills its own lane and no other.
    """

    def __init__(self, workers: int = 4) -> None:
        self._workers = workers
        self._reset()
        _flights.add(self)

    def _reset(self) -> None:
        """Begin anew: what a parent had under way is not the child's."""
        self._lock = threading.Lock()
        self._flying: dict[Hashable, Future[Any]] = {}
        self._lanes: dict[Hashable, deque[Callable[[], None]]] = {}
        self._busy: dict[Hashable, int] = {}
        self._threads: set[threading.Thread] = set()

    def run(self, key: Hashable, lane: Hashable, work: Callable[[], Any]) -> Future[Any]:
        """The flight of this key: the one under way, or a new one that does `work` in the lane."""
        with self._lock:
            if flying := self._flying.get(key):
                return flying
            flight: Future[Any] = Future()
            flight.set_running_or_notify_cancel()
            self._flying[key] = flight
            self._lanes.setdefault(lane, deque()).append(lambda: self._fly(key, flight, work))
            if self._busy.get(lane, 0) < self._workers:
                self._busy[lane] = self._busy.get(lane, 0) + 1
                thread = threading.Thread(target=self._drain, args=(lane,), name="authweave", daemon=True)
                self._threads.add(thread)
                thread.start()
            return flight

    def _fly(self, key: Hashable, flight: Future[Any], work: Callable[[], Any]) -> None:
        result, failure = None, None
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - whatever ends the work, its waiters must hear of it
            failure = error.fresh() if isinstance(error, AuthweaveError) else error
        with self._lock:  # landed: whoever comes now starts a flight that looks into the store first
            self._flying.pop(key, None)
        if failure is None:
            flight.set_result(result)
        else:
            flight.set_exception(failure)

    def _drain(self, lane: Hashable) -> None:
        while True:
            with self._lock:
                waiting = self._lanes.get(lane)
                if not waiting:
                    self._busy[lane] -= 1
                    if not self._busy[lane]:
                        del self._busy[lane]
                        self._lanes.pop(lane, None)
                    self._threads.discard(threading.current_thread())
                    return
                step = waiting.popleft()
            step()
            del step

    def wait(self, seconds: float) -> None:
        """Give work under way a bounded time to end."""
        for thread in list(self._threads):
            thread.join(seconds)


_flights: weakref.WeakSet[Flights] = weakref.WeakSet()


def _in_child() -> None:
    for flights in list(_flights):
        flights._reset()


@atexit.register
def _at_exit() -> None:
    for flights in list(_flights):
        flights.wait(EXIT_PATIENCE)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


def outcome(flight: Future[Any]) -> Any:
    """The result of a flight that has landed (or will: this waits). Each waiter raises its own copy of an error."""
    error = flight.exception()
    if error is None:
        return flight.result()
    raise error.fresh() if isinstance(error, AuthweaveError) else error


def _finish(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


async def landed(flight: Future[Any]) -> Any:
    """Wait in any event loop; cancelling the waiter, or closing its loop, leaves the flight alone."""
    if not flight.done():
        loop = asyncio.get_running_loop()
        mine = loop.create_future()

        def wake(_: object) -> None:
            try:
                loop.call_soon_threadsafe(_finish, mine)
            except RuntimeError:
                return  # that loop is closed: nobody waits there any more

        flight.add_done_callback(wake)
        await mine
    return outcome(flight)
