"""A Redis that is down, frozen, restarted, emptied, full, cut off or somebody else's: each call ends in time, typed."""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis_gate import Gate

from authweave.contracts import Store, StoreOptions
from authweave.errors import StoreUnavailable
from authweave.stores.redis.calls import MOST_LINES
from authweave.stores.redis.keys import PIECE_PATIENCE
from authweave.stores.redis.store import RedisStore
from authweave.values import Row
from parts.redis import NewRedis, RedisServer

KEY, OTHER = "a" * 64, "b" * 64
QUICK, PATIENT = StoreOptions(patience=0.2), StoreOptions(patience=5)
SOON = 2.0
"""Seconds in which a call of 0.2 s has ended on the busiest machine."""

CALLS: dict[str, Callable[[Store], object]] = {
    "read": lambda store: store.read(KEY), "lease": lambda store: store.lease(KEY, "me", 60),
    "release": lambda store: store.release(KEY, "me"), "wait": lambda store: store.wait(KEY, 0.1),
    "intend": lambda store: store.intend(KEY, 1, "x"), "write": lambda store: store.write(KEY, 1, b"x"),
    "remove": lambda store: store.remove(KEY), "keys": lambda store: list(store.keys()),
    "note": lambda store: store.note("x", b"x", 60), "noted": lambda store: store.noted("x"),
}  # fmt: skip


@pytest.fixture
def make() -> Iterator[Callable[..., RedisStore]]:
    """Stores that are closed after the test."""
    made: list[RedisStore] = []

    def of(url: str, options: StoreOptions = QUICK) -> RedisStore:
        made.append(RedisStore.from_url(url, options))
        return made[-1]

    yield of
    for store in made:
        store.close()


Make = Callable[..., RedisStore]


def failure(call: Callable[[], object]) -> StoreUnavailable:
    """What it raises, soon."""
    began = time.monotonic()
    with pytest.raises(StoreUnavailable) as raised:
        call()
    assert time.monotonic() - began < SOON + PIECE_PATIENCE  # a list may take its time for each piece, everything else ends at once
    return raised.value


@pytest.mark.parametrize("warm", [True, False], ids=["used before", "never used"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_frozen(new_redis: NewRedis, make: Make, warm: bool, tls: bool) -> None:
    """The kernel still takes connections, and nobody answers: every call ends, and works again afterwards."""
    server = new_redis(tls=tls)
    store = make(server.url, StoreOptions(0.2, server.authority and server.authority.ca))
    if warm:
        _patiently(lambda: store.write(KEY, 0, b"x"))
    server.freeze()
    try:
        reasons = {name: failure(lambda call=call: call(store)).reason for name, call in CALLS.items()}
    finally:
        server.thaw()

    assert dict.fromkeys(CALLS, "timeout") == reasons
    assert Row(1, b"x") if warm else Row() == _patiently(lambda: store.read(KEY))


def test_frozen_while_somebody_waits(new_redis: NewRedis, make: Make) -> None:
    """Redis cannot say that the time is over: the wait ends by itself, little later than asked."""
    server = new_redis()
    store, other = make(server.url), make(server.url, PATIENT)
    other.lease(KEY, "you", 60)
    _patiently(lambda: store.read(KEY))
    threading.Timer(0.3, server.freeze).start()
    began = time.monotonic()
    try:
        with pytest.raises(StoreUnavailable):
            store.wait(KEY, 1)
        took = time.monotonic() - began
    finally:
        server.thaw()

    assert took < 1 + SOON


def test_down(new_redis: NewRedis, make: Make) -> None:
    """Nobody listens: said at once, with the address; and it works as soon as somebody does."""
    server = new_redis()
    store = make(server.url)
    server.stop()

    failures = {name: failure(lambda call=call: call(store)) for name, call in CALLS.items()}

    assert dict.fromkeys(CALLS, "refused") == {name: error.reason for name, error in failures.items()}
    assert all(server.address in str(error) for error in failures.values())
    assert all(error.__cause__ is error.__context__ is None for error in failures.values())
    server.start()
    assert _patiently(lambda: store.write(KEY, 0, b"x"))


def test_stopped_while_somebody_waits(new_redis: NewRedis, make: Make) -> None:
    """The connection ends, and so does the wait."""
    server = new_redis()
    store = make(server.url, PATIENT)
    store.lease(KEY, "you", 60)
    threading.Timer(0.3, server.kill).start()
    began = time.monotonic()
    store.wait(KEY, 60)

    assert time.monotonic() - began < 30


def test_restarted(new_redis: NewRedis, make: Make) -> None:
    """Connections from before are stale; nobody notices, for any call, even where many rested."""
    server = new_redis("--appendonly", "yes", "--appendfsync", "always")
    store = make(server.url, PATIENT)
    store.write(KEY, 0, b"x")
    for call in CALLS.values():
        _at_once(6, lambda: store.read(KEY))
        server.kill()
        server.start()
        call(store)


def test_the_server_hung_up(new_redis: NewRedis, make: Make) -> None:
    """An idle timeout, or an administrator, ended the connections: the next call makes a new one."""
    server = new_redis()
    store = make(server.url, PATIENT)
    store.write(KEY, 0, b"x")
    with server.client() as client:
        client.client_kill_filter(_type="normal", skipme=True)

    assert Row(1, b"x") == store.read(KEY)


def test_an_answer_is_lost(redis_server: RedisServer, make: Make) -> None:
    """Cut off after Redis did what was asked: the second try tells the same as the first would have."""
    with Gate(redis_server) as gate:
        store = make(f"{gate.url}?{redis_server.fresh_url().partition('?')[2]}", PATIENT)
        answers = []
        for call in (
            lambda: store.write(KEY, 0, b"x"), lambda: store.intend(KEY, 1, "i"), lambda: store.write(KEY, 1, b"y"),
            lambda: store.write(KEY, 1, b"late"), lambda: store.write(KEY, 2, None), lambda: store.lease(KEY, "me", 60),
            lambda: store.lease(KEY, "you", 60), lambda: store.release(KEY, "me"), lambda: store.lease(KEY, "you", 60),
        ):  # fmt: skip
            store.read(KEY)
            gate.cut(1)
            answers.append(call())

    assert [True, True, True, False, True, True, False, None, True] == answers


def test_cut_off_again_and_again(redis_server: RedisServer, make: Make) -> None:
    """There is one more try, not an endless number."""
    with Gate(redis_server) as gate:
        store = make(gate.url, PATIENT)
        store.read(KEY)
        gate.cut(1000)

        error = failure(lambda: store.read(KEY))

        assert ("refused", True) == (error.reason, gate.opened <= 2)


def test_drop_by_drop(redis_server: RedisServer, make: Make) -> None:
    """An answer that arrives byte by byte does not stretch the time: the call has one budget for all of it."""
    with Gate(redis_server) as gate:
        name = redis_server.fresh_url().partition("?")[2]
        make(f"{gate.url}?{name}", PATIENT).write(KEY, 0, b"x" * 1000)
        gate.drip = 0.05

        assert "timeout" == failure(lambda: make(f"{gate.url}?{name}").read(KEY)).reason


def test_no_such_host(make: Make) -> None:
    """A name without an address is typed, and told."""
    error = failure(lambda: make("redis://nowhere.invalid").read(KEY))

    assert error.reason in ("refused", "timeout")
    assert "nowhere.invalid:6379" in str(error)


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b":x\r\n", b"$x\r\n", b"*3\r\n:1\r\n", b"+OK\r\n", b"*1\r\n$-1\r\n", b""],
    ids=["http", "number", "length", "less", "ok", "short", "nothing"],
)  # fmt: skip
def test_something_else_listens_there(make: Make, answer: bytes) -> None:
    """Whatever it answers, each call is typed, or has a harmless result."""
    with Saying(answer) as url:
        store = make(url)
        for name, call in CALLS.items():
            began = time.monotonic()
            with contextlib.suppress(StoreUnavailable):
                assert call(store) in (False, None, b"OK"), name
            assert time.monotonic() - began < SOON + PIECE_PATIENCE
        with contextlib.suppress(StoreUnavailable):
            assert not all(finding.is_good for finding in store.checks())


class Saying:
    """A server that says one thing to whatever is sent."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []

    def __enter__(self) -> str:
        threading.Thread(target=self._accept, daemon=True).start()
        return f"redis://127.0.0.1:{self._listener.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        for each in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._open.append(self._listener.accept()[0])
                threading.Thread(target=self._say, args=(self._open[-1],), daemon=True).start()

    def _say(self, asking: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while asking.recv(65536):
                if not self._answer:
                    asking.shutdown(socket.SHUT_RDWR)
                asking.sendall(self._answer)


def test_emptied(new_redis: NewRedis, make: Make) -> None:
    """FLUSHALL: everything is as at first, and who held a lease lets others know when it is done."""
    server = new_redis()
    store, other = make(server.url, PATIENT), make(server.url, PATIENT)
    store.write(KEY, 0, b"x")
    store.lease(KEY, "me", 60)
    waiting = threading.Thread(target=other.wait, args=(KEY, 60))
    waiting.start()
    time.sleep(0.3)
    with server.client() as client:
        client.flushall()

    assert Row() == store.read(KEY)
    assert not store.write(KEY, 1, b"late")
    store.release(KEY, "me")
    waiting.join(30)
    assert not waiting.is_alive()
    assert store.write(KEY, 0, b"x")


def test_scripts_forgotten(new_redis: NewRedis, make: Make) -> None:
    """SCRIPT FLUSH between any two calls changes nothing."""
    server = new_redis()
    store = make(server.url, PATIENT)
    store.write(KEY, 0, b"x")
    with server.client() as client:
        for call in CALLS.values():
            client.script_flush()
            call(store)


def test_full(new_redis: NewRedis, make: Make) -> None:
    """Redis has no memory left and evicts nothing: writing is typed, reading goes on."""
    server = new_redis("--maxmemory-policy", "noeviction")
    store = make(server.url, PATIENT)
    store.write(KEY, 0, b"x")
    store.lease(OTHER, "me", 60)
    with server.client() as client:
        client.config_set("maxmemory", "1mb")
    store.release(OTHER, "me")

    assert f"authweave:{{{OTHER}}}:lease".encode() not in server.values(), "a lease can be given back all the same"
    assert "full" == failure(lambda: store.write(KEY, 1, b"y")).reason
    assert "full" == failure(lambda: store.lease(KEY, "me", 60)).reason
    assert Row(1, b"x") == store.read(KEY)
    with server.client() as client:
        client.config_set("maxmemory", "0")
    assert store.write(KEY, 1, b"y")


def test_a_replica(new_redis: NewRedis, make: Make) -> None:
    """It is read, and takes no writes."""
    master = new_redis()
    replica = new_redis(replica_of=master)
    make(master.url, PATIENT).write(KEY, 0, b"x")
    store = make(replica.url, PATIENT)
    _until(lambda: store.read(KEY) == Row(1, b"x"))

    error = failure(lambda: store.write(KEY, 1, b"y"))

    assert "read_only" == error.reason
    assert "replica" in str(error)
    assert "read_only" == failure(lambda: store.lease(KEY, "me", 60)).reason
    assert not {finding.subject: finding.is_good for finding in store.checks()}["role"]


def test_it_cannot_save(new_redis: NewRedis, make: Make) -> None:
    """A Redis whose snapshots fail takes no writes (stop-writes-on-bgsave-error)."""
    server = new_redis()
    store = make(server.url, PATIENT)
    store.write(KEY, 0, b"x")
    with server.client() as client:
        blocking = server.folder / "dump.rdb"
        blocking.mkdir()
        client.config_set("save", "3600 1000")
        client.bgsave()
        _until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err")

    error = failure(lambda: store.write(KEY, 1, b"y"))

    with server.client() as client:
        client.config_set("save", "")  # it would not end without saving
    assert "read_only" == error.reason
    assert "disk" in str(error)


def test_loading(new_redis: NewRedis, make: Make) -> None:
    """A Redis that reads its data after a start says so, and the store says it on."""
    server = new_redis("--appendonly", "no", "--save", "3600 1000", "--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024")
    store = make(server.url, PATIENT)
    with server.client() as client:
        client.eval("for i = 1, 1500 do redis.call('SET', 'filler' .. i, string.rep('x', 100)) end", 0)
        client.save()
    restarting = threading.Thread(target=lambda: (server.kill(), server.start()))
    restarting.start()
    seen = set()
    while restarting.is_alive():
        try:
            store.read(KEY)
        except StoreUnavailable as error:
            seen.add((error.reason, "loading" in str(error)))
        time.sleep(0.05)
    restarting.join()

    assert ("other", True) in seen


def test_a_cluster(new_redis: NewRedis, make: Make) -> None:
    """All that belongs to one token lies on one node: a cluster carries out every call. While it has no
    node for a slot, that is typed."""
    server = new_redis("--cluster-enabled", "yes")
    store = make(server.url, PATIENT)
    assert "other" == failure(lambda: store.read(KEY)).reason
    with server.client() as client:
        client.execute_command("CLUSTER", "ADDSLOTS", *range(16384))
        _until(lambda: client.execute_command("CLUSTER INFO")["cluster_state"] == "ok")

    store.write(KEY, 0, b"x")
    for call in CALLS.values():
        call(store)

    assert Row() == store.read(KEY)


def test_many_at_once(redis_server: RedisServer, make: Make) -> None:
    """More threads than connections: all are served, and the server sees no more connections than were allowed."""
    with Gate(redis_server) as gate:
        store = make(gate.url, PATIENT)
        _at_once(3 * MOST_LINES, lambda: [store.read(KEY) for _ in range(5)])

        assert gate.opened <= MOST_LINES


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors as Linux shows them")
def test_no_descriptor_stays_open(new_redis: NewRedis) -> None:
    """Failures of every kind, stores that are closed and stores that are let go: nothing stays open."""
    server = new_redis()

    def everything() -> None:
        for is_closed in (True, False):
            store = RedisStore.from_url(server.url, QUICK)
            _at_once(4, lambda store=store: _quietly(lambda: store.read(KEY)))
            server.freeze()
            _quietly(lambda store=store: store.read(KEY))
            server.thaw()
            _quietly(lambda store=store: store.wait(KEY, 0.01))
            if is_closed:
                store.close()
        refused = RedisStore.from_url(server.url.replace("redis://", "redis://:wrong@"), QUICK)
        _quietly(lambda: refused.read(KEY))
        garbled = RedisStore.from_url(server.url.replace("redis://", "rediss://"), QUICK)
        _quietly(lambda: garbled.read(KEY))
        gc.collect()

    everything()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        everything()

    assert len(os.listdir("/proc/self/fd")) <= before + 2


def test_a_child_leaves_its_parents_connections_alone(redis_server: RedisServer, make: Make) -> None:
    """Parent and child use their stores at once, after a fork of a store with connections: no answer is mixed up."""
    store = make(redis_server.fresh_url(), PATIENT)
    keys = [f"{number:064x}" for number in range(20)]
    for key in keys:
        store.write(key, 0, key.encode())
    _at_once(4, lambda: store.read(KEY))
    children = [_forked(lambda: _all_right(store, keys)) for _ in range(3)]
    is_right = _all_right(store, keys)

    assert [0, 0, 0] == [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert is_right


def _all_right(store: RedisStore, keys: list[str]) -> bool:
    return all(store.read(key) == Row(1, key.encode()) for _ in range(20) for key in keys)


def _forked(work: Callable[[], bool]) -> int:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if work() else 2
        finally:
            os._exit(code)
    return child


def _at_once(many: int, work: Callable[[], object]) -> None:
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it fails the test
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == errors


def _quietly(call: Callable[[], object]) -> None:
    with contextlib.suppress(StoreUnavailable):
        call()


def _patiently(call: Callable[[], object]) -> object:
    """The answer of a store with little patience, on a machine that may be busy."""
    end = time.monotonic() + 20
    while True:
        try:
            return call()
        except StoreUnavailable:
            if time.monotonic() > end:
                raise


def _until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)
