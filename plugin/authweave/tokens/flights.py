"""Work done once for everybody who waits: coalescing in one process, in bounded lanes of worker threads.

A caller only ever waits for a Future. Cancelling it, closing its loop or losing interest never touches the work.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import time
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from authweave.errors import AuthweaveError, EngineClosed, UnexpectedFailure
from authweave.machine.forks import begin_anew_in_child

if TYPE_CHECKING:
    import asyncio

EXIT_PATIENCE: Final = 5.0
"""Seconds that the end of the process waits for work under way."""
MOST_RESTING: Final = 32
"""Workers of one lane that may sleep without holding a place in it."""
MOST_OF_OWNER: Final = 256
"""Threads that work for one owner, at work or resting; what is more waits in one more lane, which all other lanes of the owner then share."""
OWNERS_AT_PLACE: Final = 8
"""How many owners may have all of a lane's workers at one place. Then it is crowded: an owner who has some keeps one, and who has none gets one,
until there are twice as many workers; whoever comes then shares one more lane, where the owners take turns."""


@dataclass(frozen=True, slots=True)
class Lane:
    """Where work waits for a worker: nobody's work waits behind another owner's (a tenant), whatever both of them call."""

    owner: str
    place: Hashable


class _Queue:
    """Work that waits: the owners take turns, so that nobody's waits behind all that another has."""

    def __init__(self) -> None:
        self._of: OrderedDict[str, deque[Callable[[], None]]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._of)

    def add(self, owner: str, step: Callable[[], None]) -> None:
        self._of.setdefault(owner, deque()).append(step)

    def take_back(self, owner: str) -> None:
        """Drop what was added last."""
        self._of[owner].pop()
        if not self._of[owner]:
            del self._of[owner]

    def next(self) -> Callable[[], None]:
        owner, steps = self._of.popitem(last=False)
        step = steps.popleft()
        if steps:
            self._of[owner] = steps
        return step


@dataclass(slots=True)
class _Lane:
    """The work that waits, and the threads: at work, and resting."""

    name: Hashable
    waiting: _Queue = field(default_factory=_Queue)
    busy: int = 0
    resting: int = 0


class Flights:
    """One worker per key; threads, tasks and event loops wait for the same Future. Safe for threads and forks.

    A lane (an endpoint's origin, for one tenant) has at most `workers` threads at work: a dead endpoint fills its own lane and no
    other. All lanes of an owner together have at most `most` threads, and `workers` more in the one for what is left. Every failure
    that is not ours becomes an UnexpectedFailure, so that no waiter gets a frame of a worker.
    """

    def __init__(self, workers: int = 4, most: int = MOST_OF_OWNER) -> None:
        self._workers = workers
        self._most = most
        self._is_closed = False
        self.in_child()
        _flights.add(self)
        begin_anew_in_child(self)

    def in_child(self) -> None:
        """Begin anew: what a parent had under way is not the child's."""
        self._lock = threading.Lock()
        self._flying: dict[Hashable, Future[Any]] = {}
        self._lanes: dict[Hashable, _Lane] = {}
        self._threads_of: dict[str, int] = {}
        self._threads_at: dict[Hashable, int] = {}
        self._threads: set[threading.Thread] = set()
        self._here = threading.local()

    def close(self) -> None:
        """Begin nothing any more: who asks gets EngineClosed."""
        self._is_closed = True

    def run(self, key: Hashable, lane: Hashable, work: Callable[[], Any]) -> Future[Any]:
        """The flight of this key: the one under way, or a new one that does `work` in the lane."""
        with self._lock:
            if flying := self._flying.get(key):
                return flying
            if self._is_closed:
                return failed(EngineClosed())
            flight: Future[Any] = Future()
            flight.set_running_or_notify_cancel()
            self._flying[key] = flight
            owner = lane.owner if isinstance(lane, Lane) else ""
            lane = self._lane_with_room(lane)
            way = self._lanes.get(lane) or self._lanes.setdefault(lane, _Lane(lane))
            way.waiting.add(owner, lambda: self._fly(key, flight, work))
            if self._is_staffed(way):
                return flight
            way.waiting.take_back(owner)
            self._close(way)
            del self._flying[key]
        flight.set_exception(UnexpectedFailure("no thread can be started for this: the process has too many, or is ending"))
        return flight

    def is_flying(self, key: Hashable) -> bool:
        """Is there a flight of this key under way, which `run` would give?"""
        return key in self._flying

    @contextlib.contextmanager
    def resting(self) -> Iterator[None]:
        """While waiting for something, a worker gives up its place in the lane, so that others' work goes on."""
        way: _Lane | None = getattr(self._here, "lane", None)
        if way is None or not self._may_rest(way):
            yield
            return
        try:
            yield
        finally:
            with self._lock:
                way.busy += 1
                way.resting -= 1

    def rest(self, seconds: float) -> None:
        """Sleep, resting."""
        with self.resting():
            time.sleep(seconds)

    def wait(self, seconds: float) -> None:
        """Give work under way a bounded time to end, and what it begins meanwhile: a token may still have to be saved."""
        end = time.monotonic() + seconds
        while (others := self._others()) and (left := end - time.monotonic()) > 0:
            others[0].join(left)

    def _others(self) -> list[threading.Thread]:
        """The workers, but for the one that asks: who waited for itself would wait in vain."""
        with self._lock:
            return [thread for thread in self._threads if thread is not threading.current_thread()]

    @property
    def is_under_way(self) -> bool:
        """Is there work that is not done yet?"""
        return bool(self._threads)

    def _lane_with_room(self, lane: Hashable) -> Hashable:
        """The lane, or one that many share: those of an owner with very many threads, or of a place where very many are at work."""
        if not isinstance(lane, Lane) or lane in self._lanes:
            return lane
        if self._is_full(lane):
            return Lane(lane.owner, None)
        return ("shared", lane.place) if self._threads_at.get(lane.place, 0) >= 2 * OWNERS_AT_PLACE * self._workers else lane

    def _most_in(self, lane: Hashable, coming: int) -> int:
        """How many may be at work in a lane: one, where with those who are `coming` its owner has too many threads, or its place is crowded."""
        is_crowded = isinstance(lane, Lane) and self._threads_at.get(lane.place, 0) + coming > OWNERS_AT_PLACE * self._workers
        return 1 if is_crowded or self._is_full(lane, coming) else self._workers

    def _is_full(self, lane: Hashable, coming: int = 1) -> bool:
        return isinstance(lane, Lane) and lane.place is not None and self._threads_of.get(lane.owner, 0) + coming > self._most

    def _count(self, lane: Hashable, change: int) -> None:
        """Count a thread that begins or ends; called with the lock held."""
        if isinstance(lane, Lane) and lane.place is not None:
            for counted, name in ((self._threads_of, lane.owner), (self._threads_at, lane.place)):
                _add(counted, name, change)

    def _may_rest(self, way: _Lane) -> bool:
        """Give up a worker's place, unless very many rest already."""
        with self._lock:
            if way.resting >= MOST_RESTING or self._is_full(way.name):
                return False
            way.busy -= 1
            way.resting += 1
            self._is_staffed(way)
            return True

    def _is_staffed(self, way: _Lane) -> bool:
        """See to it that somebody does what waits; called with the lock held."""
        if way.waiting and way.busy < self._most_in(way.name, 1):
            thread = threading.Thread(target=self._drain, args=(way,), name="authweave", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                return way.busy > 0  # one that rests may rest for very long
            self._threads.add(thread)
            self._count(way.name, 1)
            way.busy += 1
            _heed_multiprocessing()
        return True

    def _drain(self, way: _Lane) -> None:
        self._here.lane = way
        while True:
            with self._lock:
                if not way.waiting or way.busy > self._most_in(way.name, 0):
                    way.busy -= 1
                    self._count(way.name, -1)
                    self._close(way)
                    self._threads.discard(threading.current_thread())
                    return
                step = way.waiting.next()
            step()
            del step

    def _close(self, way: _Lane) -> None:
        if not (way.waiting or way.busy or way.resting):
            self._lanes.pop(way.name, None)

    def _fly(self, key: Hashable, flight: Future[Any], work: Callable[[], Any]) -> None:
        result, failure = None, None
        try:
            result = work()
        except AuthweaveError as error:
            failure = error.fresh()
        except BaseException as error:  # noqa: BLE001 - whatever ends the work, its waiters must hear of it
            failure = UnexpectedFailure.of(error)
        with self._lock:  # landed: whoever comes now starts a flight that looks into the store first
            self._flying.pop(key, None)
        if failure is None:
            flight.set_result(result)
        else:
            flight.set_exception(failure)


def _add(counted: dict[Any, int], name: Hashable, change: int) -> None:
    counted[name] = counted.get(name, 0) + change
    if not counted[name]:
        del counted[name]


_flights: weakref.WeakSet[Flights] = weakref.WeakSet()


def is_any_under_way() -> bool:
    """Is work of this process not done yet?"""
    return any(flights.is_under_way for flights in list(_flights))


def is_leaving() -> bool:
    """Is this process about to end? What would take minutes ends now."""
    return _leaving.is_set()


@atexit.register
def _at_exit() -> None:
    _leaving.set()
    end = time.monotonic() + EXIT_PATIENCE
    for flights in list(_flights):
        flights.wait(max(0.0, end - time.monotonic()))


_leaving = threading.Event()
_heeded_in: set[int] = set()


def _heed_multiprocessing() -> None:
    """A process that `multiprocessing` started (a worker of a pool, say) ends without `atexit`, by finalizers of its own.

    They are forgotten when it starts, so they are registered in the process that has work under way.
    """
    process, util = sys.modules.get("multiprocessing.process"), sys.modules.get("multiprocessing.util")
    if process is None or util is None or process.parent_process() is None or os.getpid() in _heeded_in:
        return
    _heeded_in.add(os.getpid())
    util.Finalize(None, _at_exit, exitpriority=100)


def failed(error: AuthweaveError) -> Future[Any]:
    """A flight that has ended in this error."""
    flight: Future[Any] = Future()
    flight.set_exception(error.fresh())
    return flight


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
        import asyncio  # whoever awaits has it; everybody else starts without

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
