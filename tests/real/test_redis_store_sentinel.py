"""A Redis under Sentinel: the master is found, and found again after a failover."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from authweave.contracts import StoreOptions
from authweave.errors import StoreUnavailable
from authweave.stores.redis.store import RedisStore
from authweave.values import Row
from parts.certificates import Authority
from parts.redis import MASTER, NewRedis, RedisGroup

KEY = "a" * 64
PASSWORD = "p:w/@%ü"
SOON = 2.0
Make = Callable[..., RedisStore]


class Reports:
    """What a store reports."""

    def __init__(self) -> None:
        self.kinds: list[str] = []

    def __call__(self, kind: str, detail: str) -> None:
        self.kinds.append(kind)
        assert detail


@pytest.fixture
def make() -> Iterator[Make]:
    """Stores that are closed after the test."""
    made: list[RedisStore] = []

    def of(url: str, patience: float = 5, report: Callable[[str, str], None] = lambda kind, detail: None) -> RedisStore:
        made.append(RedisStore.from_url(url, StoreOptions(patience=patience, report=report)))
        return made[-1]

    yield of
    for store in made:
        store.close()


def test_the_master_is_found(redis_sentinel: RedisGroup, make: Make) -> None:
    """Through any sentinel that answers: the first may be down, the second frozen. A write reaches a replica first."""
    reports = Reports()
    store = make(redis_sentinel.fresh_url(), report=reports)
    assert store.write(KEY, 0, b"x")
    assert store.intend(KEY, 1, "i")
    assert "the master" in {finding.subject: finding for finding in store.checks()}["role"].words
    redis_sentinel.sentinels[0].stop()
    redis_sentinel.sentinels[1].freeze()
    try:
        other = make(store_url(redis_sentinel, store))
        assert Row(1, b"x", "i") == other.read(KEY)
    finally:
        redis_sentinel.sentinels[1].thaw()
    assert [] == reports.kinds


def test_behind_passwords_and_tls(new_redis_group: Callable[..., RedisGroup], authority: Authority) -> None:
    """Servers have one password, sentinels another, and all speak TLS; wrong ones are typed. It fails over, too."""
    group = new_redis_group(password=PASSWORD, sentinel_password="other" + PASSWORD, tls=True)
    trusting = StoreOptions(5, authority.ca)
    store = RedisStore.from_url(group.url, trusting)
    assert store.write(KEY, 0, b"x")

    for wrong in (group.url.replace("://:", "://:x"), group.url.replace("_password=", "_password=x")):
        with contextlib.closing(RedisStore.from_url(wrong, trusting)) as refused:
            with pytest.raises(StoreUnavailable) as raised:
                refused.read(KEY)
            assert "credentials" == raised.value.reason
            assert PASSWORD not in str(raised.value)
    suspicious = RedisStore.from_url(group.url, StoreOptions(5))
    with pytest.raises(StoreUnavailable, match="certificate that is not believed"):
        suspicious.read(KEY)
    suspicious.close()
    group.master().kill()
    group.after_failover()
    assert Row(1, b"x") == store.read(KEY)
    store.close()


def test_nobody_knows_a_master(redis_sentinel: RedisGroup, make: Make) -> None:
    """Another name, no sentinel at all, sentinels that are no sentinels: typed, in time."""
    unknown = make(redis_sentinel.url.replace(f"/{MASTER}", "/other"))
    no_sentinel = make(f"redis+sentinel://{redis_sentinel.servers[0].address}/{MASTER}")

    with pytest.raises(StoreUnavailable, match="no sentinel knows one of that name") as raised:
        unknown.read(KEY)
    assert "other" == raised.value.reason
    with pytest.raises(StoreUnavailable):
        no_sentinel.read(KEY)
    for sentinel in redis_sentinel.sentinels:
        sentinel.stop()
    began = time.monotonic()
    with pytest.raises(StoreUnavailable) as raised:
        make(redis_sentinel.url, 0.2).read(KEY)
    assert ("refused", True) == (raised.value.reason, time.monotonic() - began < SOON)


def test_a_sentinel_that_is_behind(new_redis: NewRedis, make: Make) -> None:
    """It names a server that is a replica by now: that one is asked itself, not used, and the sentinel asked again."""
    master = new_redis()
    replica = new_redis(replica_of=master)
    with told([replica.port, master.port]) as url:
        assert make(url).write(KEY, 0, b"x")
    with told([replica.port, replica.port]) as url, pytest.raises(StoreUnavailable, match="not the master") as raised:
        make(url).read(KEY)
    assert "read_only" == raised.value.reason


@contextlib.contextmanager
def told(ports: list[int]) -> Iterator[str]:
    """The URL of a sentinel that names these ports one after the other."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        for port in ports:
            with contextlib.suppress(OSError), listener.accept()[0] as asking:
                asking.recv(4096)
                asking.sendall(b"*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%d\r\n" % (len(str(port)), port))

    answering = threading.Thread(target=answer)
    answering.start()
    try:
        yield f"redis+sentinel://127.0.0.1:{listener.getsockname()[1]}/{MASTER}"
    finally:
        answering.join(10)
        listener.close()


@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_failover_under_load(redis_sentinel: RedisGroup, make: Make, how: str) -> None:
    """The master dies or freezes while four owners contend: what was acknowledged belongs to one owner per version,
    each call ends in time, and writing goes on with the new master."""
    url = redis_sentinel.fresh_url()
    reports = Reports()
    stores = [make(url, 0.5, reports) for _ in range(4)]
    acknowledged: list[tuple[int, int]] = []
    took: list[float] = []
    after = threading.Event()
    over = threading.Event()
    late: list[int] = []

    def contend(number: int) -> None:
        store = stores[number]
        while not over.is_set():
            began = time.monotonic()
            try:
                row = store.read(KEY)
                if store.write(KEY, row.version, f"{number}".encode()):
                    (late if after.is_set() else acknowledged).append((row.version, number))
            except StoreUnavailable:
                time.sleep(0.02)
            took.append(time.monotonic() - began)

    threads = [threading.Thread(target=contend, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    old = redis_sentinel.master()
    getattr(old, how)()
    try:
        redis_sentinel.after_failover()
        after.set()
        end = time.monotonic() + 20
        while len(late) < 40 and time.monotonic() < end:
            time.sleep(0.05)
    finally:
        over.set()
        for thread in threads:
            thread.join()
        if how == "freeze":
            old.thaw()

    assert len(late) >= 40
    assert len(acknowledged) > 0
    assert len({version for version, _ in late}) == len(late)
    versions = [version for version, _ in acknowledged]
    assert len(versions) == len(set(versions)) or reports.kinds  # what no replica had may be lost, and that was reported
    assert max(took) < 2 * 0.5 + SOON


def test_without_replicas(redis_sentinel: RedisGroup, make: Make) -> None:
    """A refresh token that no replica has is written, and reported, once; one that may be had again is not reported."""
    reports = Reports()
    store = make(redis_sentinel.fresh_url(), report=reports)
    replicas = redis_sentinel.replicas()
    for replica in replicas:
        replica.freeze()
    try:
        assert store.write("b" * 64, 0, b"x", keep=60)
        before = list(reports.kinds)
        assert store.write(KEY, 0, b"x")
        assert store.write(KEY, 1, b"y")
        assert Row(2, b"y") == store.read(KEY)
    finally:
        for replica in replicas:
            replica.thaw()

    assert ([], ["store_unconfirmed"]) == (before, reports.kinds)


def store_url(group: RedisGroup, store: RedisStore) -> str:
    """The URL of the same keys."""
    return f"{group.url}?prefix={store._url.prefix}"
