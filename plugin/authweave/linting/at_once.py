"""A few workers for many jobs, that nobody has to wait for: who presses Ctrl-C does not wait for a server that is silent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final, TypeVar

WORKERS: Final = 8

Job = TypeVar("Job")
Result = TypeVar("Result")


def at_once(work: Callable[[Job], Result], jobs: Sequence[Job], workers: int = WORKERS) -> Iterator[Result]:
    """What `work` answers for each job, in the order in which they are done. Raises what `work` raises; the rest is then left.

    `work` runs in threads that end with the process, whatever they wait for.
    """
    waiting: SimpleQueue[Job] = SimpleQueue()
    done: SimpleQueue[tuple[Result | None, BaseException | None]] = SimpleQueue()
    for job in jobs:
        waiting.put(job)

    def loop() -> None:
        while True:
            try:
                job = waiting.get_nowait()
            except Empty:
                return
            try:
                done.put((work(job), None))
            except BaseException as error:  # noqa: BLE001 - whoever asked gets it
                done.put((None, error))

    for number in range(min(workers, len(jobs))):
        Thread(target=loop, name=f"authweave-lint-{number}", daemon=True).start()
    try:
        for _ in jobs:
            result, error = done.get()
            if error is not None:
                raise error
            yield result  # type: ignore[misc]  # there is a result where there is no error
    finally:
        while not waiting.empty():
            _drop(waiting)


def _drop(waiting: SimpleQueue[Job]) -> None:
    try:
        waiting.get_nowait()
    except Empty:
        return
