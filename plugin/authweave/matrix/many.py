"""Many runs in a few threads. What one does never touches another; the order in which they were asked for is kept."""

# ruff: noqa: PT028 - test_profiles is a function of the product, not a test

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from authweave.errors import AuthweaveError, UnexpectedFailure
from authweave.matrix.hosts import hosts_of
from authweave.matrix.lanes import Lanes
from authweave.matrix.run import Run, not_possible, not_run, probed
from authweave.report import Report

if TYPE_CHECKING:
    from authweave.engine import Engine

JOBS: Final = 8
"""Runs at once, if nobody says otherwise."""
AT_ONE_HOST: Final = 2
"""Runs at once that try secrets at one host: more of them look like an attack, and lock accounts."""
LOOKING: Final = 0.25
"""Seconds of one wait for the end of a run: Ctrl-C that comes just before a wait is heard after it, not by it."""
NOT_REACHED: Final = "not run: the tests were stopped before its turn"
CUT_SHORT: Final = "stopped before its end: what it had found out is lost"

Make = Callable[["Engine", Run], Report]


@dataclass(frozen=True, slots=True)
class Done:
    """A run that has ended. `number` is its place among those that were asked for, from 0."""

    number: int
    run: Run
    report: Report


@dataclass(frozen=True, slots=True)
class Event:
    """A run `begun` (without a report) or ended, as `events` hears of it, in the worker's thread."""

    number: int
    run: Run
    report: Report | None = None


def test_profiles(
    engine: Engine, runs: Iterable[Run], *, jobs: int = JOBS, events: Callable[[Event], None] | None = None, make: Make = probed,
    at_one_host: int = AT_ONE_HOST, gently: bool = True,
) -> Results:  # fmt: skip
    """Test many profiles, each as `probe.test_profile` does, `jobs` at once; begins at once and returns at once.

    Never more than `at_one_host` of them try secrets at one host, unless not `gently` (where nothing leaves this machine).
    `make` makes one run; it is called from several threads, and what it raises becomes the report of that run alone.
    `events` hears of each that begins and ends; what it raises is let go. Every report is kept until the Results are let go of.
    """
    return Results(engine, tuple(runs), jobs, events or _unheard, make, at_one_host if gently else 0)


test_profiles.__test__ = False  # type: ignore[attr-defined]  # pytest shall not take it for a test


class Results:
    """Iterate to get each run as it ends. Not for several threads at once.

    `stop` begins no others, and so does the end of a `with` statement; `reports` answers those of all runs, in the order in which
    they were asked for.
    """

    def __init__(
        self, engine: Engine, runs: tuple[Run, ...], jobs: int, events: Callable[[Event], None], make: Make, at_one_host: int
    ) -> None:
        self.runs = runs
        self._engine, self._make, self._events = engine, make, events
        self._lanes = Lanes(len(runs), self._hosts if at_one_host else _hosts_of_none, at_most=at_one_host)
        self._ended: queue.SimpleQueue[Done | None] = queue.SimpleQueue()
        self._reports: dict[int, Report] = {}
        self._begun: set[int] = set()
        workers = [threading.Thread(target=self._work, name="authweave test", daemon=True) for _ in range(min(max(jobs, 1), len(runs)))]
        self._working = len(workers)
        for worker in workers:
            worker.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __iter__(self) -> Iterator[Done]:
        while self._working:
            try:
                done = self._ended.get(timeout=LOOKING)
            except queue.Empty:
                continue
            if done is not None:
                yield done
            else:
                self._working -= 1

    def stop(self) -> None:
        """Begin no other run. Those under way go on, and may be iterated over."""
        self._lanes.stop()

    def wait(self, seconds: float) -> None:
        """Give runs under way this long to end; what ends later is not waited for."""
        end = time.monotonic() + seconds
        while self._working and (left := end - time.monotonic()) > 0:
            try:
                done = self._ended.get(timeout=left)
            except queue.Empty:
                return
            self._working -= done is None

    def reports(self) -> tuple[Report, ...]:
        """One report a run, in the order in which they were asked for; of a run that did not end, one that says so."""
        return tuple(self._reports.get(number) or self._missing(number) for number in range(len(self.runs)))

    @property
    def unfinished(self) -> tuple[Run, ...]:
        """The runs that have no report of their own."""
        return tuple(run for number, run in enumerate(self.runs) if number not in self._reports)

    def _missing(self, number: int) -> Report:
        return not_run(self.runs[number], CUT_SHORT if number in self._begun else NOT_REACHED)

    def _work(self) -> None:
        try:
            while (number := self._lanes.next()) is not None:
                self._begun.add(number)
                run = self.runs[number]
                self._tell(Event(number, run))
                report = self._reports[number] = self._made(run)
                self._lanes.ended(number)
                self._tell(Event(number, run, report))
                self._ended.put(Done(number, run, report))
        finally:
            self._ended.put(None)

    def _made(self, run: Run) -> Report:
        try:
            return self._make(self._engine, run)
        except AuthweaveError as error:
            return not_possible(run, str(error))
        except Exception as error:  # noqa: BLE001 - a mistake in one run is told there, without what its words may quote
            return not_possible(run, str(UnexpectedFailure.of(error)))

    def _tell(self, event: Event) -> None:
        with suppress(Exception):
            self._events(event)

    def _hosts(self, number: int) -> frozenset[str]:
        try:
            return hosts_of(self._engine, self.runs[number])
        except Exception:  # noqa: BLE001 - a stranger's source, say: the run itself meets it again and tells
            return frozenset()


def _hosts_of_none(_: int) -> frozenset[str]:
    return frozenset()


def _unheard(_: Event) -> None:
    """Nobody listens."""
