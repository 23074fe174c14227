"""How long others wait for a token that one of them gets: `python tests/benchmarks/waiting.py [--rounds 15] [--check]`.

- Behind a renewal: one owner has the lease for 200 ms; 8 other processes with 4 threads each (for memory: 32 threads of the
  owner's process) ask meanwhile. Milliseconds from the moment that the token is durable until each of them has it.
- At once: 8 processes with an engine and a connection pass a barrier and ask for one token of a loopback endpoint, `cold`
  (the first token of their life: they load what gets and keeps tokens, and connect) and `warmed up` (they have had a token
  of another tenant). Milliseconds from the barrier until the last one has it, and the token requests that were counted.

`--check` ends with 1 if there was more than one token request for a key, or a median at once is above 200 ms.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import auth_step
from _places import Instant, Place, key, p99, places, run_with_bytecode, tokens

from authweave.tokens.flights import Flights

PROCESSES = 8
THREADS = 4
HELD = 0.2
TARGET = 200.0


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="rounds of each table (default: 15)")
    parser.add_argument("--check", action="store_true", help="end with 1 if a target is missed")
    options = parser.parse_args()
    run_with_bytecode()
    with places() as found:
        print(f"behind a renewal of {HELD * 1000:.0f} ms, ms until a waiter has the token{'median':>10}{'p99':>8}{'longest':>9}")
        for place in found:
            waited = _behind_threads(place, options.rounds) if place.name == "memory" else _behind_processes(place, options.rounds)
            print(f"  {place.name:52}{statistics.median(waited):12.1f}{p99(waited):8.1f}{max(waited):9.1f}")
        print(f"\n{PROCESSES} processes at once, one key, ms until all have the token: least, median, longest")
        met = [is_met for place in found if place.name != "memory" for is_met in _at_once(place, options.rounds)]
    return 0 if all(met) or not options.check else 1


# ---- behind a renewal


class Written:
    """The owner's store; remembers when the token was durable."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.at = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def write(self, *arguments: Any, **named: Any) -> Any:
        """Write, and look at the clock."""
        answer = self._store.write(*arguments, **named)
        self.at = time.monotonic()  # one clock for all processes of a machine
        return answer


def _behind_threads(place: Place, rounds: int) -> list[float]:
    ledger, waited = place.ledger(), []
    ledger.store = written = Written(ledger.store)  # type: ignore[assignment]  # it is one, seen from outside
    for number in range(rounds):
        one = tokens(ledger, key(number), Instant(time.time, lambda: time.sleep(HELD)), Flights(4), time.time)
        waited += [(moment - written.at) * 1000 for moment in _together(lambda one=one: one.renewed().result(20), PROCESSES * THREADS)]  # type: ignore[misc]
    return waited


def _behind_processes(place: Place, rounds: int) -> list[float]:
    """The owner is in this process."""
    start = multiprocessing.get_context("spawn")
    barrier, queue = start.Barrier(PROCESSES + 1), start.Queue()
    others = [start.Process(target=_wait, args=(place.alone(), rounds, barrier, queue), daemon=True) for _ in range(PROCESSES)]
    for other in others:
        other.start()
    ledger, waited = place.ledger(), []
    ledger.store = written = Written(ledger.store)  # type: ignore[assignment]  # it is one, seen from outside
    for number in range(rounds + 1):
        is_leased = threading.Event()
        way = Instant(time.time, lambda is_leased=is_leased: (is_leased.set(), time.sleep(HELD)))  # type: ignore[misc]
        barrier.wait(60)  # all are there
        renewal = tokens(ledger, key(number), way, Flights(4), time.time).renewed()
        assert is_leased.wait(20)
        barrier.wait(60)  # now they may ask
        renewal.result(20)
        for _ in others:
            asked, moments = queue.get(timeout=60)
            assert not asked, "a waiter asked the endpoint, too"
            if number:  # in the first round they load what waits; that is in the second table
                waited += [(moment - written.at) * 1000 for moment in moments]
    for other in others:
        other.join()
    return waited


def _wait(place: Place, rounds: int, barrier: Any, queue: Any) -> None:
    """One of the other processes."""
    ledger = place.ledger()
    for number in range(rounds + 1):
        way = Instant(time.time)
        one = tokens(ledger, key(number), way, Flights(4), time.time)
        ledger.read(key(-1))  # a program that runs has its connection
        barrier.wait(60)
        barrier.wait(60)
        queue.put((way.asked, _together(lambda one=one: one.renewed().result(20), THREADS)))  # type: ignore[misc]


def _together(work: Callable[[], object], number: int) -> list[float]:
    """When each of so many threads had done it."""
    moments: list[float] = []

    def run() -> None:
        work()
        moments.append(time.monotonic())

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(moments) == number
    return moments


# ---- at once


def _at_once(place: Place, rounds: int) -> list[bool]:
    """Measure and print; are the targets met?"""
    took: dict[str, list[float]] = {"cold": [], "warmed up": []}
    given = set()
    start = multiprocessing.get_context("spawn")
    with auth_step.loopback() as server:
        for number in range(rounds):
            barrier, queue = start.Barrier(PROCESSES), start.Queue()
            everybody = [start.Process(target=_ask, args=(place.alone(), server.url, number, barrier, queue), daemon=True) for _ in range(PROCESSES)]
            before = server.tokens_given
            for one in everybody:
                one.start()
            told = [queue.get(timeout=60) for _ in everybody]
            for one in everybody:
                one.join()
            for name, times in took.items():
                times.append((max(end for _, end in (moments[name] for moments in told)) - min(moments[name][0] for moments in told)) * 1000)
            given.add((server.tokens_given - before) / len(took))
    return [_told(place, name, times, given) for name, times in took.items()]


def _told(place: Place, name: str, times: list[float], given: set[float]) -> bool:
    is_met = statistics.median(times) <= TARGET and given == {1}
    requests = ", ".join(f"{one:g}" for one in sorted(given))
    verdict = f"target {TARGET:.0f}, 1: {'ok' if is_met else 'MISSED'}"
    print(f"  {f'{place.name}, {name}':36}{min(times):8.0f}{statistics.median(times):8.0f}{max(times):8.0f}   token requests for each key: {requests}; {verdict}")
    return is_met


def _ask(place: Place, url: str, number: int, barrier: Any, queue: Any) -> None:
    engine, profile = auth_step.engine(**place.settings), auth_step.profile(url)
    moments = {}
    for name in ("cold", "warmed up"):
        connection = engine.connect(profile, tenant=f"{name} {number}")
        barrier.wait(60)
        begin = time.monotonic()
        connection.token().result(20)
        moments[name] = (begin, time.monotonic())
    queue.put(moments)


if __name__ == "__main__":
    sys.exit(main())
