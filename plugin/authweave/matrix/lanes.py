"""Who goes next: runs in their order, but never more than a few at once against one host. Nobody waits where others could go on."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable

Hosts = frozenset[str]


class Lanes:
    """Deals out numbers of runs to workers. Safe for threads.

    `hosts` says which hosts a run concerns; it may take long and is asked once for each run, by a worker, with nothing
    held. `at_most` is how many runs may concern one host at once.
    """

    def __init__(self, count: int, hosts: Callable[[int], Hosts], *, at_most: int) -> None:
        self._hosts = hosts
        self._at_most = at_most
        self._unplaced = deque(range(count))
        self._placed: dict[int, Hosts] = {}
        self._under_way: dict[int, Hosts] = {}
        self._busy: Counter[str] = Counter()
        self._placing = 0
        self._stopped = False
        self._changed = threading.Condition()

    def next(self) -> int | None:
        """The number of a run that may begin now; waits for one. None if there are no more."""
        while True:
            with self._changed:
                number = self._free()
                if number is not None:
                    return self._begun(number)
                if self._stopped or not (self._unplaced or self._placed or self._placing):
                    return None
                if not self._unplaced:
                    self._changed.wait()
                    continue
                number = self._unplaced.popleft()
                self._placing += 1
            self._place(number)

    def ended(self, number: int) -> None:
        """A run is over: another may have its place."""
        with self._changed:
            self._busy.subtract(self._under_way.pop(number))
            self._changed.notify_all()

    def stop(self) -> None:
        """Deal out no more."""
        with self._changed:
            self._stopped = True
            self._unplaced.clear()
            self._placed.clear()
            self._changed.notify_all()

    def _place(self, number: int) -> None:
        hosts: Hosts = frozenset()
        try:
            hosts = self._hosts(number)
        finally:
            with self._changed:
                self._placing -= 1
                if not self._stopped:
                    self._placed[number] = hosts
                self._changed.notify_all()

    def _free(self) -> int | None:
        """The first run, in order, all of whose hosts have room."""
        return next((number for number in sorted(self._placed) if self._has_room(self._placed[number])), None)

    def _has_room(self, hosts: Hosts) -> bool:
        return all(self._busy[host] < self._at_most for host in hosts)

    def _begun(self, number: int) -> int:
        hosts = self._under_way[number] = self._placed.pop(number)
        self._busy.update(hosts)
        return number
