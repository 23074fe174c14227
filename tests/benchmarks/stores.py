"""What each store costs one process: `python tests/benchmarks/stores.py [--rounds 200] [--check]`.

- The auth step with a warm token, with an engine on each store: the store is not looked at, so it must be the same.
- A token that is in the store and not in memory: µs for the bare read with the library of the store, for the store's own
  `read`, opened and verified (ledger), handed out by a worker (tokens), and from `connect` to the token (connection).
- A whole renewal: lease, read, intent, write, release; the token call answers at once. µs, calls of the store, commands
  that Redis gets, and fsyncs (with strace installed).

All of a table take turns in one process. `--check` ends with 1 if the auth step differs between stores by more than a tenth.
"""

from __future__ import annotations

import argparse
import collections
import gc
import hashlib
import os
import random
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import auth_step
import httpx
from _places import Instant, Place, key, p10, places, token, tokens, told

from authweave.tokens.flights import Flights
from authweave.values import Entry

STORED = 1000
BEGUN, END = "renewals:begin", "renewals:end"
SAME = 1.1
"""By how much the auth step may differ between stores."""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="rounds of each table (default: 200)")
    parser.add_argument("--check", action="store_true", help="end with 1 if a target is missed")
    parser.add_argument("--renew", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.renew:
        return _renewed_once(int(options.renew))
    with places() as found:
        is_same = _warm_steps(found, options.rounds)
        _look_ups(found)
        _renewals(found, options.rounds)
    return 0 if is_same or not options.check else 1


# ---- the auth step


def _warm_steps(found: list[Place], rounds: int) -> bool:
    with auth_step.loopback() as server:
        client = httpx.Client(trust_env=False)
        auths = {auth_step.MINIMAL: auth_step.Minimal()}
        auths |= {f"authweave, {place.name}": auth_step.connection(server, **place.settings).auth for place in found}
        everybody = []
        for name, auth in auths.items():
            client.get(f"{server.url}/warm", auth=auth).raise_for_status()
            one = auth_step.Contestant(name, auth_step.sync_steps(auth), auth_step.pairs_of(client, server), auth_step.sync_bearer(auth))
            auth_step.warmed(one)
            everybody.append(one)
        given = server.tokens_given
        auth_step.measure(everybody, rounds)
        if server.tokens_given != given:
            raise SystemExit("somebody got a token while the clock ran: that was no warm step")
    print(f"\nauth step with a warm token, µs{'':12}{'p10':>8}{'median':>8}{'ratio':>8}")
    low = {one.name: p10(one.times) for one in everybody}
    for one in everybody:
        print(f"  {one.name:40}{low[one.name]:8.2f}{statistics.median(one.times):8.2f}{low[one.name] / low[auth_step.MINIMAL]:8.2f}")
    ours = [value for name, value in low.items() if name != auth_step.MINIMAL]
    is_same = max(ours) <= SAME * min(ours)
    print(f"  target: the same for every store, within a tenth: {max(ours) / min(ours):.2f}  {'ok' if is_same else 'MISSED'}")
    return is_same


# ---- a token that only the store has


def _look_ups(found: list[Place]) -> None:
    for place in found:
        _fill(place)
    print(f"\n{'a token in the store, not at hand, µs':49}{'p10':>3}{'median':>10}{'p99':>10}{'ratio':>8}")
    with auth_step.loopback() as server:
        for place in found:
            ways = _ways(place, server)
            times: dict[str, list[float]] = {name: [] for name in ways}
            gc.disable()
            for number in random.sample(range(STORED), STORED):
                for name in random.sample(list(ways), len(ways)):
                    start = time.perf_counter_ns()
                    ways[name](number)
                    times[name].append((time.perf_counter_ns() - start) / 1000)
            gc.enable()
            base = p10(next(iter(times.values())))
            for name, measured in times.items():
                print(f"{told(f'{place.name}: {name}', measured)}{p10(measured) / base:8.1f}")


def _fill(place: Place) -> None:
    if place.name == "memory":
        return
    ledger = place.ledger()
    for number in range(STORED):
        assert ledger.write(key(number), 0, Entry(key(number).facts(), token(time.time())), keep=7200.0)
    ledger.close()


def _ways(place: Place, server: auth_step.Loopback) -> dict[str, Callable[[int], Any]]:
    """Ways to get the token of the how-manieth key, the barest first."""
    ledger, flights, way = place.ledger(), Flights(4), Instant(time.time)
    if place.name == "memory":
        for number in range(STORED):
            ledger.write(key(number), 0, Entry(key(number).facts(), token(time.time())), keep=None)
    digests = [key(number).digest() for number in range(STORED)]
    first = auth_step.engine(**place.settings)
    profile = auth_step.profile(server.url)
    for number in range(STORED):
        first.connect(profile, tenant=f"t{number}").token().result(10)
    second = auth_step.engine(**place.settings) if place.name != "memory" else _emptied(first)
    given = server.tokens_given

    def from_connection(number: int) -> None:
        second.connect(profile, tenant=f"t{number}").token().result(10)
        assert server.tokens_given == given

    def from_tokens(number: int) -> None:
        tokens(ledger, key(number), way, flights, time.time).renewed().result(10)
        assert not way.asked

    return {
        **_bare(place, digests),
        "store.read": lambda number: ledger.store.read(digests[number]),
        "ledger.read": lambda number: ledger.read(key(number)),
        "tokens, by a worker": from_tokens,
        "connect(…).token()": from_connection,
    }


def _emptied(engine: Any) -> Any:
    """The engine with its store, and no token or connection at hand."""
    engine.connections.by_key.clear()
    gc.collect()
    assert not engine._tokens
    return engine


def _bare(place: Place, digests: list[str]) -> dict[str, Callable[[int], Any]]:
    """The read that anybody who uses the library of the store would have to make."""
    if place.name == "sqlite":
        raw = sqlite3.connect(place.path)
        return {"bare SELECT": lambda number: raw.execute("SELECT version, data, intent FROM rows WHERE key = ?", (digests[number],)).fetchone()}
    if place.name == "redis":
        client, prefix = place.server.client(), place.url.partition("prefix=")[2]
        return {"bare HMGET": lambda number: client.hmget(f"{prefix}:{{{digests[number]}}}:row", "version", "data", "intent")}
    return {}


# ---- a whole renewal


def _renewals(found: list[Place], rounds: int) -> None:
    print(f"\n{'a renewal, the token call at once, µs':49}{'p10':>3}{'median':>10}{'p99':>10}")
    for place in found:
        times, asked = _renewed(place, rounds)
        print(told(place.name, times))
        print(f"    calls of the store: {', '.join(f'{name} {count / rounds:g}' for name, count in asked.items())}")
        if place.name == "redis":
            print(f"    commands for a token, through a connection: {_commands(place)}")
        if place.name == "sqlite":
            print(f"    {_fsyncs(place)}")
            print(told("write and fsync of 4 KiB, alone", _bare_fsyncs(place.path.parent, rounds)))


class Counted:
    """A store, with its calls counted."""

    def __init__(self, store: Any, asked: collections.Counter[str]) -> None:
        self._store = store
        self._asked = asked

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if not callable(found):
            return found

        def counted(*arguments: Any, **named: Any) -> Any:
            self._asked[name] += 1
            return found(*arguments, **named)

        return counted


def _renewed(place: Place, rounds: int) -> tuple[list[float], collections.Counter[str]]:
    """Microseconds for each renewal of a token that has ended, and the calls of the store."""
    now = [time.time()]
    ledger, flights, asked = place.ledger(), Flights(4), collections.Counter[str]()
    way = Instant(lambda: now[0])
    one = tokens(ledger, key(random.getrandbits(60)), way, flights, lambda: now[0])
    one.renewed().result(10)
    ledger.store = Counted(ledger.store, asked)  # type: ignore[assignment]  # it is one, seen from outside
    times = []
    for _ in range(rounds):
        now[0] += 4000
        start = time.perf_counter_ns()
        one.renewed().result(10)
        times.append((time.perf_counter_ns() - start) / 1000)
    assert way.asked == rounds + 1
    found = asked.copy()
    ledger.close()
    return times, found


def _commands(place: Place) -> str:
    """What the server is told when connections get tokens of a real endpoint; what scripts do is not counted."""
    seen: list[str] = []
    with auth_step.loopback() as server, place.server.client() as client, client.monitor() as monitor:
        engine, profile = auth_step.engine(**place.settings), auth_step.profile(server.url)
        engine.connect(profile, tenant="first").token().result(10)
        heard = threading.Thread(target=lambda: seen.extend(_until_end(monitor)))
        heard.start()
        place.server.client().echo(BEGUN)
        for number in range(10):
            engine.connect(profile, tenant=f"next {number}").token().result(10)
        place.server.client().echo(END)
        heard.join()
    counted = collections.Counter(line.partition(" ")[0] for line in seen[1 + seen.index(f"ECHO {BEGUN}") :])
    return ", ".join(f"{name} {count / 10:g}" for name, count in counted.items())


def _until_end(monitor: Any) -> Any:
    for said in monitor.listen():
        if END in said["command"]:
            return
        if said["client_type"] != "lua":
            yield said["command"]


def _fsyncs(place: Place) -> str:
    """How often one renewal waits for the disk."""
    if not (strace := shutil.which("strace")):
        return "fsyncs: not measured (no strace)"
    counts = []
    for rounds in ("0", "20"):
        env = os.environ | {"AUTHWEAVE_BENCH": f"{place.url} {place.store_key}"}
        command = [strace, "-f", "-e", "trace=fsync,fdatasync", sys.executable, __file__, "--renew", rounds]
        done = subprocess.run(command, env=env, stderr=subprocess.PIPE, text=True, check=True)
        counts.append(len(re.findall(r"\b(?:fsync|fdatasync)\(", done.stderr)))
    return f"fsyncs: {(counts[1] - counts[0]) / 20:g}"


def _renewed_once(rounds: int) -> int:
    url, store_key = os.environ["AUTHWEAVE_BENCH"].split(" ", 1)
    _renewed(Place("sqlite", url, store_key), rounds)
    return 0


def _bare_fsyncs(folder: Path, rounds: int) -> list[float]:
    """What the disk itself takes: a page appended and synced."""
    page, times = hashlib.sha512().digest() * 64, []
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(rounds):
            start = time.perf_counter_ns()
            file.write(page)
            os.fdatasync(file.fileno())
            times.append((time.perf_counter_ns() - start) / 1000)
    return times


if __name__ == "__main__":
    sys.exit(main())
