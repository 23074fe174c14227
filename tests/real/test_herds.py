"""Many workers, many tokens, one moment: what arrives at the provider is counted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from load_workers import TESTS
from parts.redis import RedisServer
from services import Api, Clock, Identity, connect, engine, oauth, serving
from store_bench import new_key

ENGINES, PROCESSES = 100, 5

RESTARTED = """
import json, sys, threading, time
from services import connect, engine, oauth
order = json.loads(sys.argv[1])
offset = order["offset"]
auth = oauth(order["token_url"])
made = []
for number in range(order["engines"]):
    run = engine(settings={"store": order["store"], "store_key": order["key"], "store_patience": 10}, clock=lambda: time.time() + offset)
    made.append((run, connect(auth, order["api"], run=run)))
print("ready", flush=True)
sys.stdin.readline()
pending = [connection.token() for _, connection in made]
tokens = [each.result(60).access_token.reveal() for each in pending]
for _, connection in made: connection.token().result(60)  # a second request: it is in the refresh window
time.sleep(1)
for run, _ in made: run.flights.wait(30)
print(json.dumps(tokens))
"""


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return new_key(tmp_path)


@pytest.fixture
def stores(redis_server: RedisServer, tmp_path: Path) -> dict[str, str]:
    return {"redis": redis_server.fresh_url(), "sqlite": f"sqlite://{tmp_path / 'store' / 'tokens.db'}"}


@pytest.mark.parametrize("offset", [550, 595])
@pytest.mark.parametrize("kind", ["redis", "sqlite"])
def test_500_workers_restart_on_a_token_in_its_refresh_window(stores: dict[str, str], key: Path, kind: str, offset: int, counted: list[str]) -> None:
    """500 engines in 5 processes come up at once; the stored token lives 600 s and is 550 s old (or 595). Every one of
    them uses a good token at once, and the provider gets at most one request."""
    engines = ENGINES if kind == "redis" else ENGINES // 5
    with serving(Identity()) as identity, serving(Api()) as api:
        run = engine(settings={"store": stores[kind], "store_key": str(key)})
        assert connect(oauth(identity), api, run=run).token().result(30)
        run.close()
        order = {
            "token_url": f"{identity.url}/token", "api": api.url, "store": stores[kind], "key": str(key), "engines": engines, "offset": offset,
        }  # fmt: skip
        environment = os.environ | {"PYTHONPATH": f"{TESTS.parent / 'plugin'}{os.pathsep}{TESTS}"}
        command = [sys.executable, "-c", RESTARTED, json.dumps(order)]
        children = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True) for _ in range(PROCESSES)]
        assert all(child.stdout.readline() == "ready\n" for child in children)
        for child in children:
            child.stdin.write("go\n")
            child.stdin.flush()
        used = [name for child in children for name in json.loads(child.communicate(timeout=120)[0])]
    counted.append(f"{kind}: {len(used)} workers restart {600 - offset} s before the end of their token: {identity.count - 1} token requests")

    assert engines * PROCESSES == len(used)
    assert set(used) <= {"T1", "T2"}
    assert identity.count - 1 <= 2


def test_a_thousand_tokens_of_one_birth(counted: list[str]) -> None:
    """Their renewals are spread over half of the refresh window: 30 s of 60. Each second gets its share, and no second a herd."""
    clock, tenants = Clock(), 1000
    with serving(Identity(expires_in=900)) as identity, serving(Api()) as api:
        run = engine(clock=clock, settings={"workers_per_endpoint": 8})
        connections = [connect(oauth(identity), api, run=run, tenant=str(number)) for number in range(tenants)]
        born = {connection.token().result(60).issued_at for connection in connections}
        assert tenants == identity.count
        moments = [connection.single.tokens.renew_at for connection in connections]
        opens = [connection.single.tokens.current.renew_at for connection in connections]
        waits = [moment - begin for moment, begin in zip(moments, opens, strict=True)]
        per_second: Counter[int] = Counter()
        clock.ahead += max(opens) - clock() - 1
        for second in range(35):
            before = identity.count
            for connection in connections:
                assert connection.token().result(60)
            run.flights.wait(60)
            per_second[second] = identity.count - before
            clock.ahead += 1
    counted.append(f"1,000 tokens of one birth: renewals in each second of the window {[per_second[second] for second in range(35)]}")

    assert max(born) - min(born) < 60
    assert 0 <= min(waits) < 2
    assert 28 < max(waits) <= 30
    assert 2 * tenants == identity.count
    assert max(Counter(map(int, waits)).values()) <= 90  # a herd would be a thousand; the mean is 33
