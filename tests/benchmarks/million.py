"""How look-ups, sizes and memory grow with what is stored: `python tests/benchmarks/million.py [--million] [--check]`.

Each store is filled to 1,000, 10,000 and 100,000 tokens (with `--million`: 1,000,000; that takes some minutes, 3 GB of disk
and 2 GB of memory for Redis). At each size: microseconds of a look-up by the ledger (read, opened, verified) of random keys, bytes for each
token, seconds for `keys()`, and what filling took. It is filled in bulk, with the stores' own rows, since a durable write
waits for the disk; what one such write costs stands in `stores.py`.

Then one process looks up more tokens than an engine remembers, each through a connection of its own, and its memory is
shown as it goes: it must stay where it is once the engine remembers as many connections as it may.

`--check` ends with 1 if a look-up at the largest size takes more than 3 times what it takes at the smallest, or memory
grows by more than a tenth in the second half.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import random
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import auth_step
from _places import Place, key, p10, places, token

from authweave.connections.cache import MOST_CONNECTIONS
from authweave.engine import Engine
from authweave.stores.memory import MOST
from authweave.tokens.ledger import Ledger
from authweave.tokens.records import encoded
from authweave.values import Entry, TokenKey

SIZES = (1_000, 10_000, 100_000)
MILLION = 1_000_000
LOOKED_UP = 1000
KEPT = 7200.0
FLAT = 3.0
GROWTH = 1.1


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--million", action="store_true", help="up to a million tokens")
    parser.add_argument("--check", action="store_true", help="end with 1 if a target is missed")
    options = parser.parse_args()
    sizes = (*SIZES, MILLION) if options.million else SIZES
    with places() as found:
        print(f"{'':10}{'tokens':>10}{'look-up µs p10':>16}{'median':>8}{'B/token':>9}{'keys() s':>10}{'fill s':>8}")
        met = [_grown(place, sizes) for place in found]
    with places() as found:
        met += [_bounded(place, 10 * MOST_CONNECTIONS if options.million else 3 * MOST_CONNECTIONS) for place in found if place.name == "sqlite"]
    return 0 if all(met) or not options.check else 1


# ---- look-ups and sizes


def _grown(place: Place, sizes: tuple[int, ...]) -> bool:
    ledger, low, filled = place.ledger(), {}, 0
    for size in sizes:
        if place.name == "memory" and size > MOST:
            continue  # it keeps no more
        start = time.perf_counter()
        _fill(place, ledger, filled, size)
        took, filled = time.perf_counter() - start, size
        times = _look_ups(ledger, size)
        low[size] = p10(times)
        start = time.perf_counter()
        assert len(list(ledger.store.keys())) == size
        listed = time.perf_counter() - start
        print(f"{place.name:10}{size:10,}{low[size]:16.1f}{statistics.median(times):8.1f}{_bytes(place) / size:9.0f}{listed:10.2f}{took:8.1f}{_more(place)}", flush=True)
    ledger.close()
    ratio = low[max(low)] / low[min(low)]
    print(f"{'':10}look-up at {max(low):,} / at {min(low):,}: {ratio:.2f}  {'ok' if ratio <= FLAT else 'MISSED'}")
    return ratio <= FLAT


def _look_ups(ledger: Ledger, size: int) -> list[float]:
    times = []
    gc.disable()
    for number in random.choices(range(size), k=LOOKED_UP):
        whose = key(number)
        start = time.perf_counter_ns()
        record = ledger.read(whose)
        times.append((time.perf_counter_ns() - start) / 1000)
        assert record.token is not None
    gc.enable()
    return times


def _fill(place: Place, ledger: Ledger, first: int, end: int, whose: Callable[[int], TokenKey] = key) -> None:
    for rows in _batches(_sealed(ledger, map(whose, range(first, end))), 5_000):
        if place.name == "sqlite":
            _fill_sqlite(ledger.store, rows)
        elif place.name == "redis":
            _fill_redis(place, rows)
        else:
            for digest, data in rows:
                assert ledger.store.write(digest, 0, data, keep=KEPT)


def _sealed(ledger: Ledger, keys: Iterable[TokenKey]) -> Iterator[tuple[str, bytes]]:
    now = time.time()
    for whose in keys:
        digest = whose.digest()
        yield digest, ledger._sealer.seal(encoded(Entry(whose.facts(), token(now))), digest)


def _batches(rows: Iterator[tuple[str, bytes]], size: int) -> Iterator[list[tuple[str, bytes]]]:
    while batch := list(itertools.islice(rows, size)):
        yield batch


def _fill_sqlite(store: Any, rows: list[tuple[str, bytes]]) -> None:
    from authweave.stores.sqlite.rows import write

    until = time.time() + KEPT
    assert store._calls.write(lambda raw: all(write(raw, digest, 0, data, until) for digest, data in rows), is_durable=False)


def _fill_redis(place: Place, rows: list[tuple[str, bytes]]) -> None:
    prefix = place.url.partition("prefix=")[2]
    with place.server.client(socket_timeout=60) as client, client.pipeline(transaction=False) as pipeline:
        for digest, data in rows:
            name = f"{prefix}:{{{digest}}}:row"
            pipeline.hset(name, mapping={"version": 1, "data": data})
            pipeline.pexpire(name, int(KEPT * 1000))
        pipeline.execute()


def _bytes(place: Place) -> float:
    if place.name == "sqlite":
        return sum(path.stat().st_size for path in place.path.parent.iterdir())
    if place.name == "redis":
        with place.server.client() as client:
            return float(client.info("memory")["used_memory_dataset"])
    return float("nan")


def _more(place: Place) -> str:
    if place.name != "sqlite":
        return ""
    return f"  write-ahead log {place.path.with_name(place.path.name + '-wal').stat().st_size / 2**20:.1f} MiB"


# ---- memory


def _bounded(place: Place, number: int) -> bool:
    """Look up so many tokens through one engine; does its memory stay?"""
    engine, memory = auth_step.engine(**place.settings), []
    profile = auth_step.profile("http://127.0.0.1:9")  # nobody is there: whoever asks for a token fails
    _fill_for(auth_step.engine(**place.settings), place, profile, number)
    print(f"\n{number:,} tokens of {place.name} looked up by one engine, each through a connection of its own")
    for index in range(number):
        engine.connect(profile, tenant=f"t{index}").token().result(10)
        if (index + 1) % (number // 10) == 0:
            gc.collect()
            memory.append(_resident())
            print(f"  {index + 1:10,}: {len(engine.connections.by_key):,} connections, {len(engine._tokens):,} tokens, {memory[-1] / 2**20:.0f} MiB", flush=True)
    is_bounded = memory[-1] <= GROWTH * memory[len(memory) // 2]
    print(f"  memory at the end / in the middle: {memory[-1] / memory[len(memory) // 2]:.3f}  {'ok' if is_bounded else 'MISSED'}")
    return is_bounded


def _fill_for(engine: Engine, place: Place, profile: Any, number: int) -> None:
    """Put tokens there for as many tenants of the profile."""
    _fill(place, engine.ledger, 0, number, lambda index: _key_of(engine.connect(profile, tenant=f"t{index}")))


def _key_of(connection: Any) -> TokenKey:
    [credential] = connection.credentials
    return credential.token_key(connection.inputs())


def _resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


if __name__ == "__main__":
    sys.exit(main())
