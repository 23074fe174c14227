"""The store in Redis keeps what every store promises, at a real Redis."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from authweave.contracts import StoreOptions
from authweave.errors import StoreUnavailable
from authweave.stores.redis.calls import MOST_LISTENING
from authweave.stores.redis.store import RedisStore
from authweave.testing import StoreContract
from authweave.values import Row
from parts.redis import NewRedis, RedisServer

KEY = "a" * 64
PATIENT = StoreOptions(patience=5)


class TestRedisStore(StoreContract):
    @pytest.fixture
    def store(self, redis_server: RedisServer) -> Iterator[RedisStore]:
        made = RedisStore.from_url(redis_server.fresh_url(), PATIENT)
        yield made
        made.close()

    def test_checks(self, new_redis: NewRedis) -> None:
        """A Redis that keeps what it has on disk is in order."""
        made = RedisStore.from_url(new_redis("--appendonly", "yes").fresh_url(), PATIENT)
        super().test_checks(made)
        made.close()


@pytest.fixture
def pair(redis_server: RedisServer) -> Iterator[tuple[RedisStore, RedisStore]]:
    """Two stores on one URL, as in two processes."""
    url = redis_server.fresh_url()
    made = RedisStore.from_url(url, PATIENT), RedisStore.from_url(url, PATIENT)
    yield made
    for each in made:
        each.close()


@pytest.fixture
def store(pair: tuple[RedisStore, RedisStore]) -> RedisStore:
    return pair[0]


def test_two_clients_share(pair: tuple[RedisStore, RedisStore]) -> None:
    """What one writes, leases and notes, the other sees; two prefixes never meet."""
    mine, yours = pair

    assert mine.write(KEY, 0, b"x")
    assert not yours.write(KEY, 0, b"y")
    assert mine.lease(KEY, "me", 60)
    assert not yours.lease(KEY, "you", 60)
    yours.note("hold:x", b"1", 60)

    assert (Row(1, b"x"), b"1", [KEY]) == (yours.read(KEY), mine.noted("hold:x"), list(yours.keys()))


def test_other_prefixes_do_not_meet(redis_server: RedisServer) -> None:
    """Same server, same key, nothing in common, though one prefix begins with the other."""
    url = redis_server.fresh_url()
    mine, yours = RedisStore.from_url(url, PATIENT), RedisStore.from_url(url + ":x", PATIENT)
    mine.write(KEY, 0, b"x")
    mine.lease(KEY, "me", 60)
    mine.note("x", b"1", 60)

    assert (Row(), [], None) == (yours.read(KEY), list(yours.keys()), yours.noted("x"))
    assert yours.lease(KEY, "you", 60)
    assert [KEY] == list(mine.keys())
    mine.close()
    yours.close()


def test_one_of_many_processes(redis_server: RedisServer) -> None:
    """Of four processes that want one lease and write over one version at once, one does."""
    words = [sys.executable, "-c", CONTENDING, redis_server.fresh_url()]
    contending = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(4)]

    told = [process.communicate(timeout=60)[0].split() for process in contending]

    assert [50, 50] == [sum(int(each[column]) for each in told) for column in (0, 1)]


CONTENDING = """
import os, sys
from authweave.contracts import StoreOptions
from authweave.stores.redis.store import RedisStore
store = RedisStore.from_url(sys.argv[1], StoreOptions(patience=10))
leased = wrote = 0
for number in range(50):
    key = f"{number:064x}"
    leased += store.lease(key, str(os.getpid()), 60)
    wrote += store.write(key, 0, b"x")
print(leased, wrote)
"""


def test_all_who_wait_are_woken(pair: tuple[RedisStore, RedisStore]) -> None:
    """Many wait in two processes' worth of clients; one release wakes all of them."""
    mine, yours = pair
    mine.lease(KEY, "me", 60)
    woken: list[float] = []
    listening = [threading.Thread(target=lambda: (yours.wait(KEY, 30), woken.append(time.monotonic()))) for _ in range(20)]
    for thread in listening:
        thread.start()
    time.sleep(0.3)
    before = len(woken)
    mine.release(KEY, "me")
    for thread in listening:
        thread.join(15)

    assert (0, 20) == (before, len(woken))


def test_more_who_wait_than_connections(pair: tuple[RedisStore, RedisStore]) -> None:
    """Who finds no connection to listen on comes back a little later: all are gone soon after the release."""
    mine, yours = pair
    mine.lease(KEY, "me", 60)

    def get_it() -> None:
        while not yours.lease(KEY, "you", 60):
            yours.wait(KEY, 30)
        yours.release(KEY, "you")  # who came to wait only now waits for this one

    waiting = [threading.Thread(target=get_it) for _ in range(MOST_LISTENING + 20)]
    for thread in waiting:
        thread.start()
    time.sleep(0.3)
    mine.release(KEY, "me")
    for thread in waiting:
        thread.join(15)

    assert not any(thread.is_alive() for thread in waiting)


def test_no_release_is_missed(pair: tuple[RedisStore, RedisStore]) -> None:
    """Released at any moment while somebody begins to listen: nobody waits for the end of a lease that is gone."""
    mine, yours = pair
    began = time.monotonic()
    for number in range(200):
        mine.lease(KEY, "me", 60)
        releasing = threading.Timer(number % 20 / 10_000, mine.release, (KEY, "me"))
        releasing.start()
        yours.wait(KEY, 30)
        releasing.join()

    assert time.monotonic() - began < 25


def test_waiting_ends_with_the_lease(pair: tuple[RedisStore, RedisStore]) -> None:
    """Its owner died: nobody rings, and those who wait come back when the lease is over."""
    mine, yours = pair
    mine.lease(KEY, "dead", 0.5)
    began = time.monotonic()
    yours.wait(KEY, 60)

    assert time.monotonic() - began < 20
    assert yours.lease(KEY, "you", 60)


def test_removing_wakes(pair: tuple[RedisStore, RedisStore]) -> None:
    """A key that is removed has no lease any more."""
    mine, yours = pair
    mine.write(KEY, 0, b"x")
    mine.lease(KEY, "me", 60)
    threading.Timer(0.2, mine.remove, (KEY,)).start()
    began = time.monotonic()
    yours.wait(KEY, 60)

    assert time.monotonic() - began < 20


def test_waiting_costs_redis_nothing(pair: tuple[RedisStore, RedisStore], redis_server: RedisServer) -> None:
    """It looks once and listens once, however long it takes."""
    mine, yours = pair
    mine.lease(KEY, "me", 60)
    yours.read(KEY)
    with redis_server.client() as client:
        before = client.info("stats")["total_commands_processed"]
        yours.wait(KEY, 1)
        asked = client.info("stats")["total_commands_processed"] - before

    assert asked < 15


def test_what_lives_how_long(store: RedisStore, redis_server: RedisServer) -> None:
    """Only rows that are kept for good have no end: leases, bells, notes and intents before the first write have one."""
    other = "b" * 64
    store.write(KEY, 0, b"x")
    store.write(other, 0, b"x", keep=50)
    store.lease(KEY, "me", 60)
    store.release(KEY, "me")
    store.lease(KEY, "me", 60)
    store.note("hold:x", b"1", 60)
    store.intend("c" * 64, 0, "first")
    with redis_server.client() as client:
        prefix = redis_prefix(store)
        lives = {name.removeprefix(prefix).decode(): client.ttl(name) for name in client.scan_iter(prefix + b"*")}

    assert -1 == lives.pop(f":{{{KEY}}}:row")
    assert {f":{{{other}}}:row", f":{{{KEY}}}:lease", f":{{{KEY}}}:bell", ":note:hold:x", f":{{{'c' * 64}}}:row"} == set(lives)
    assert all(0 < seconds <= 24 * 3600 for seconds in lives.values())


def test_any_length_of_time(store: RedisStore) -> None:
    """For ever, no time at all, and less than that."""
    for seconds in (float("inf"), 1e300, 0, -1):
        store.write(KEY, store.read(KEY).version, b"x", keep=seconds)
        store.lease(KEY, "me", seconds)
        store.note("x", b"x", seconds)
    store.wait(KEY, -1)
    store.wait(KEY, 0)
    store.lease(KEY, "me", float("inf"))
    threading.Timer(0.2, store.release, (KEY, "me")).start()
    store.wait(KEY, float("inf"))


@pytest.mark.parametrize("part", ["row", "lease", "bell", "note"])
@pytest.mark.parametrize("kind", ["list", "string", "hash"])
def test_what_others_left_is_not_touched(store: RedisStore, redis_server: RedisServer, part: str, kind: str) -> None:
    """Under each of our names, something of another kind: a typed error, or a result; never a change."""
    name = redis_prefix(store) + (b":note:x" if part == "note" else f":{{{KEY}}}:{part}".encode())
    with redis_server.client() as client:
        {"list": client.rpush, "string": client.set, "hash": lambda name, value: client.hset(name, value, value)}[kind](name, "theirs")
        before = client.dump(name)
        calls = [
            lambda: store.write(KEY, 0, b"x"), lambda: store.write(KEY, 0, None), lambda: store.intend(KEY, 0, "x"),
            lambda: store.lease(KEY, "me", 60), lambda: store.wait(KEY, 0.1), lambda: store.release(KEY, "me"),
            lambda: store.read(KEY), lambda: store.note("y", b"x", 60), lambda: list(store.keys()), lambda: store.remove(KEY),
        ]  # fmt: skip
        if (part, kind) != ("note", "string"):
            calls.append(lambda: store.note("x", b"x", 60))
        reasons = {reason_of(call) for call in calls}

        assert reasons <= {"", "wrong_type"}
        if (part, kind) != ("lease", "string"):  # that may be an owner, and is the owner's until it ends
            assert "wrong_type" in reasons or (part, kind) == ("note", "string")
        if (part, kind) != ("lease", "string"):
            assert before == client.dump(name)


def test_the_dump_holds_what_was_handed_in(new_redis: NewRedis) -> None:
    """Nothing but sealed bytes, digests, owners and intents, each where it belongs."""
    server = new_redis()
    store = RedisStore.from_url(server.fresh_url(), PATIENT)
    store.write(KEY, 0, b"SEALED")
    store.intend(KEY, 1, "INTENT")
    store.lease(KEY, "OWNER", 60)
    store.note("hold:x", b"NOTE", 60)
    prefix = redis_prefix(store)

    found = {name.removeprefix(prefix): value for name, value in server.values().items()}

    assert found == {
        f":{{{KEY}}}:row".encode(): {b"version": b"1", b"data": b"SEALED", b"intent": b"INTENT"},
        f":{{{KEY}}}:lease".encode(): b"OWNER", b":note:hold:x": b"NOTE",
    }  # fmt: skip
    store.close()


def test_closed_is_closed(store: RedisStore) -> None:
    """Afterwards it is a typed error, and the connections are gone."""
    store.read(KEY)
    store.close()

    with pytest.raises(StoreUnavailable, match="closed") as raised:
        store.read(KEY)
    assert "other" == raised.value.reason


def redis_prefix(store: RedisStore) -> bytes:
    return store._url.prefix.encode()


def reason_of(call) -> str:
    """The reason of the StoreUnavailable that it raises, '' if none."""
    try:
        call()
    except StoreUnavailable as error:
        return error.reason
    return ""
