"""Token traffic of many workers and tenants, as docs/traffic.md shows it: `PYTHONPATH=plugin python tests/benchmarks/traffic.py [--measure]`.

Prints the tables of the page, computed from the rules of the code and from the numbers under MEASURED. `--measure` measures those
anew on this machine (it starts a Redis server of its own) and prints them instead.
"""

from __future__ import annotations

import contextlib
import gc
import sqlite3
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from authweave.connections.cache import MOST_CONNECTIONS
from authweave.tokens.tokens import BY_KEY

WORKERS, TENANTS = 10_000, 1_000
REFRESH_BEFORE = 60.0
LIMIT = 50
"""Token requests a minute that a provider takes from one address (Nuance)."""
LIVES = {"15 minutes": 900.0, "1 hour": 3600.0}
OF_EACH = (10, 1_000)
"""How many tenants one worker acts for."""
ROLLING, AT_ONCE = 600.0, 10.0
"""Seconds in which all workers start: in a rolling restart, and all together."""

MEASURED: Mapping[str, int] = {
    "redis reads a renewal": 2, "redis notes a renewal": 2, "redis scripts a renewal": 4, "redis calls of a reuse": 1,
    "redis bytes a token": 944, "redis bytes a bell": 4_816, "sqlite bytes a token": 831, "memory bytes a token": 6_700,
    "redis reads a second": 21_777, "sqlite renewals a second": 149, "sqlite reads a second": 23_774,
}  # fmt: skip
"""On a shared virtual machine with 2 cores, Redis 7, ext4: a busy one, so that most machines do more."""
BELL_SECONDS = 30.0


class Traffic:
    """Everything that follows from the life of a token."""

    def __init__(self, life: float) -> None:
        self.window = min(REFRESH_BEFORE, life / 4)
        self.spread = self.window / 2
        self.period = life - self.window + BY_KEY * self.spread / 2
        self.alone = life - self.window + self.spread / 2

    def shared_a_minute(self) -> float:
        return TENANTS / self.period * 60

    def tenants_within_limit(self) -> float:
        return LIMIT * self.period / 60

    def alone_a_minute(self, of_each: int) -> float:
        return WORKERS * of_each / self.alone * 60

    def reads(self, of_each: int) -> float:
        """A second: each worker looks into the store once in a period, for each of its tenants."""
        return WORKERS * of_each * MEASURED["redis calls of a reuse"] / self.period

    def reads_of_one_birth(self, of_each: int) -> float:
        return WORKERS * of_each / (BY_KEY * self.spread)

    def changes(self) -> float:
        return TENANTS / self.period * MEASURED["redis scripts a renewal"]

    def pairs_within(self, calls: float) -> float:
        """Workers × tenants of each, as many as make so many reads a second."""
        return calls * self.period

    def sqlite_tokens(self) -> float:
        return MEASURED["sqlite renewals a second"] * self.period

    def bells(self) -> float:
        return TENANTS / self.period * BELL_SECONDS * MEASURED["redis bytes a bell"]


def steady() -> str:
    """A table: steady state."""
    few, many = OF_EACH
    return _table("in steady state", {
        "refresh window, seconds": lambda t: t.window,
        "renewals of different tokens are spread over, seconds": lambda t: BY_KEY * t.spread,
        "a token is renewed every … seconds": lambda t: t.period,
        "**token requests a minute**, one store": lambda t: t.shared_a_minute(),
        f"of the {LIMIT} a minute, percent": lambda t: t.shared_a_minute() / LIMIT * 100,
        f"tenants that {LIMIT} a minute are enough for": lambda t: t.tenants_within_limit(),
        "token requests a second at most, all tokens of one birth": lambda t: TENANTS / (BY_KEY * t.spread),
        f"store reads a second, {few} tenants a worker": lambda t: t.reads(few),
        f"store reads a second, {many:,} tenants a worker": lambda t: t.reads(many),
        f"… at most, all tokens of one birth, {few} tenants a worker": lambda t: t.reads_of_one_birth(few),
        f"… at most, all tokens of one birth, {many:,} tenants a worker": lambda t: t.reads_of_one_birth(many),
        "store changes a second (lease, intent, write, release)": lambda t: t.changes(),
        "bytes of bells in Redis": lambda t: t.bells(),
    })  # fmt: skip


def without_store() -> str:
    """A table: every worker for itself, as in a long outage or with `memory:`."""
    few, many = OF_EACH
    return _table("without a store", {
        f"tokens that exist, {few} tenants a worker": lambda t: WORKERS * few,
        f"tokens that exist, {many:,} tenants a worker": lambda t: WORKERS * many,
        f"token requests a minute, {few} tenants a worker": lambda t: t.alone_a_minute(few),
        f"token requests a minute, {many:,} tenants a worker": lambda t: t.alone_a_minute(many),
        f"times the {LIMIT} a minute, {few} tenants a worker": lambda t: t.alone_a_minute(few) / LIMIT,
    })  # fmt: skip


def restarts() -> str:
    """A table: all workers start."""
    rows = [f"| all workers start within | {ROLLING:.0f} s | {AT_ONCE:.0f} s |", "| --- | --- | --- |"]
    rows += [
        f"| store reads a second, {each:,} tenants a worker | {_n(WORKERS * each / ROLLING)} | {_n(WORKERS * each / AT_ONCE)} |"
        for each in OF_EACH
    ]  # fmt: skip
    rows.append("| token requests, with tokens in the store | 0 | 0 |")
    rows.append(f"| token requests, with an empty store | {_n(TENANTS)} | {_n(TENANTS)} |")
    rows.append(f"| minutes until all have a token, at {LIMIT} a minute | {_n(TENANTS / LIMIT)} | {_n(TENANTS / LIMIT)} |")
    rows += [f"| workers that wait for each first token, {each:,} tenants a worker | {(w := _n(WORKERS * each / TENANTS - 1))} | {w} |" for each in OF_EACH]
    return "\n".join(rows)


def ends() -> str:
    """A table: where it ends."""
    reads = MEASURED["redis reads a second"]
    return _table("where it ends", {
        f"tenants at one provider that takes {LIMIT} a minute": lambda t: t.tenants_within_limit(),
        f"workers × tenants of each, at {reads:,} reads a second": lambda t: t.pairs_within(reads),
        "… if all tokens are of one birth": lambda t: reads * BY_KEY * t.spread,
        f"tokens of one machine on SQLite, at {MEASURED['sqlite renewals a second']} renewals a second": lambda t: t.sqlite_tokens(),
        "MiB in Redis for a million tokens": lambda t: 1e6 * MEASURED["redis bytes a token"] / 2**20,
        "MiB in SQLite for a million tokens": lambda t: 1e6 * MEASURED["sqlite bytes a token"] / 2**20,
        f"MiB in a worker for {TENANTS:,} connections with their tokens": lambda t: TENANTS * MEASURED["memory bytes a token"] / 2**20,
        f"MiB in a worker at most ({MOST_CONNECTIONS:,} connections)": lambda t: MOST_CONNECTIONS * MEASURED["memory bytes a token"] / 2**20,
    })  # fmt: skip


def measured() -> str:
    """A table: what was measured."""
    return "\n".join(["| measured | |", "| --- | --- |", *(f"| {what} | {_n(value)} |" for what, value in MEASURED.items())])


def tables() -> dict[str, str]:
    """Each table of the page, by its name."""
    return {"steady": steady(), "restarts": restarts(), "without": without_store(), "ends": ends(), "measured": measured()}


def _table(title: str, rows: Mapping[str, Callable[[Traffic], float]]) -> str:
    kinds = {name: Traffic(life) for name, life in LIVES.items()}
    head = [f"| {title}; life of a token: | {' | '.join(kinds)} |", f"| --- |{' --- |' * len(kinds)}"]
    return "\n".join(head + [f"| {words} | {' | '.join(_n(value(each)) for each in kinds.values())} |" for words, value in rows.items()])


def _n(value: float) -> str:
    return f"{value:,.1f}" if value < 100 and value != int(value) else f"{value:,.0f}"


# ---- measuring


def measure() -> None:
    """Print MEASURED as it is on this machine, as far as one engine tells it."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from parts.redis import RedisServer

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "redis").mkdir()
        server = RedisServer(Path(folder) / "redis")
        server.start()
        try:
            print(redis_calls(server, Path(folder)))
            print(sqlite_costs(Path(folder)))
        finally:
            server.stop()


def redis_calls(server: Any, folder: Path) -> dict[str, Any]:
    """What Redis counts (INFO commandstats) for one renewal and for one token taken from the store, and bytes of both keys."""
    from services import Api, Clock, Identity, connect, engine, oauth, serving
    from store_bench import new_key

    clock, settings = Clock(), {"store": server.url, "store_key": str(new_key(folder))}
    with serving(Identity()) as identity, serving(Api()) as api, server.client() as client:

        def counted(work: Callable[[], object], run: Any) -> dict[str, int]:
            def calls() -> dict[str, int]:
                return {name.removeprefix("cmdstat_"): told["calls"] for name, told in client.info("commandstats").items()}

            before = calls()
            work()
            run.flights.wait(10)
            return {name: count - before.get(name, 0) for name, count in calls().items() if count != before.get(name, 0) and name != "info"}

        one, other = (engine(settings=settings, clock=clock) for _ in range(2))
        connect(oauth(identity), api, run=one).token().result(30)
        clock.ahead = 601
        renewal = counted(lambda: connect(oauth(identity), api, run=one).token().result(30), one)
        reuse = counted(lambda: connect(oauth(identity), api, run=other).token().result(30), other)
        sizes = {name.rsplit(b":", 1)[1].decode(): client.memory_usage(name) for name in client.scan_iter()}
        for run in (one, other):
            run.close()
    return {"renewal": renewal, "reuse": reuse, "bytes": sizes}


def sqlite_costs(folder: Path, tokens: int = 1000) -> dict[str, float]:
    """Bytes of a token in the file and in a worker, renewals and reads a second by one thread."""
    from services import Api, Identity, engine, oauth, profile, serving
    from store_bench import new_key

    path = folder / "store" / "tokens.db"
    (folder / "key").mkdir()
    with serving(Identity(expires_in=100_000)) as identity, serving(Api()) as api:
        run = engine(settings={"store": f"sqlite://{path}", "store_key": str(new_key(folder / "key"))})
        made = profile(oauth(identity), api.url)
        run.connect(made).token().result(30)
        gc.collect()
        tracemalloc.start()
        for number in range(tokens):
            run.connect(made, tenant=str(number)).token().result(30)
        identity.asked.clear()
        run.flights.wait(10)
        gc.collect()
        kept = tracemalloc.get_traced_memory()[0] / tokens
        tracemalloc.stop()
        store = run.ledger.store
        with contextlib.closing(sqlite3.connect(path)) as raw:
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        size = path.stat().st_size / tokens

        def renewal(number: int) -> None:
            key = f"{number % tokens:064x}"
            store.lease(key, "owner", 45)
            version = store.read(key).version
            store.intend(key, version, "intent")
            store.lease(key, "owner", 45)
            store.write(key, version, b"x" * 572)
            store.release(key, "owner")

        rates = {"renewals": _rate(renewal), "reads": _rate(lambda number: store.read(f"{number % tokens:064x}"))}
        run.close()
    return {"bytes in memory": kept, "bytes in the file": size, **rates}


def _rate(work: Callable[[int], object], seconds: float = 2.0) -> float:
    began, number = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        work(number)
        number += 1
    return number / seconds


if __name__ == "__main__":
    if "--measure" in sys.argv[1:]:
        measure()
    else:
        print("\n\n".join(tables().values()))
