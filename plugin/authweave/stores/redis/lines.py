"""The connections of one process to a Redis: a bounded number, kept while they rest, all forgotten in a forked child."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from authweave.machine.forks import begin_anew_in_child
from authweave.stores.redis.failures import Busy
from authweave.stores.redis.line import Budget, Line

MOST_RESTING: Final = 32


class Lines:
    """At most `most` connections in use. `connect(budget)` opens one. Safe for threads.

    A forked child never touches the parent's: it lets go of its copies of the sockets without a word to the server.
    """

    def __init__(self, connect: Callable[[Budget], Line], most: int) -> None:
        self._connect = connect
        self._most = most
        self.in_child()
        begin_anew_in_child(self)

    def in_child(self) -> None:
        """Begin with none."""
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(self._most)
        self._resting: list[Line] = []
        self._age = 0

    @contextmanager
    def line(self, budget: Budget, *, fresh: bool = False, patient: bool = True) -> Iterator[Line]:
        """A connection for one call; `fresh`: not one that has been in use. It is closed if the call raises anything.

        Raises Busy when none becomes free in time, or (not `patient`) at once.
        """
        places = self._places
        if not places.acquire(timeout=budget.left() if patient else 0):
            raise Busy
        try:
            age = self._age
            line = (None if fresh else self._rested()) or self._connect(budget)
            try:
                line.budget = budget
                yield line
            except BaseException:
                line.close()
                raise
            self._keep(line, age)
        finally:
            places.release()

    def drop(self) -> None:
        """Close those that rest, and those in use when they are given back."""
        with self._lock:
            resting, self._resting = self._resting, []
            self._age += 1
        for line in resting:
            line.close()

    def _rested(self) -> Line | None:
        while True:
            with self._lock:
                line = self._resting.pop() if self._resting else None
            if line is None or line.is_fit():
                return line
            line.close()

    def _keep(self, line: Line, age: int) -> None:
        line.rest()
        with self._lock:
            is_kept = age == self._age and len(self._resting) < MOST_RESTING
            if is_kept:
                self._resting.append(line)
        if not is_kept:
            line.close()
