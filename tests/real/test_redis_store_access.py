"""Who may in, over what, and what `checks` says of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from authweave.contracts import Finding, StoreOptions
from authweave.errors import StoreUnavailable
from authweave.stores.redis.store import RedisStore
from authweave.values import Row
from parts.certificates import Authority
from parts.redis import NewRedis, RedisServer

KEY = "a" * 64
PASSWORD = "p:w/@%ü #?&+"
PATIENT = StoreOptions(patience=5)
Make = Callable[..., RedisStore]


@pytest.fixture
def make() -> Iterator[Make]:
    """Stores that are closed after the test."""
    made: list[RedisStore] = []

    def of(url: str, options: StoreOptions = PATIENT) -> RedisStore:
        made.append(RedisStore.from_url(url, options))
        return made[-1]

    yield of
    for store in made:
        store.close()


def refusal(store: RedisStore) -> StoreUnavailable:
    """What reading raises; it holds no password, and nothing of the library's errors."""
    with pytest.raises(StoreUnavailable) as raised:
        store.read(KEY)
    assert PASSWORD not in str(raised.value)
    assert raised.value.__cause__ is raised.value.__context__ is None
    return raised.value


def test_password(new_redis: NewRedis, make: Make) -> None:
    """Percent-decoded once; without it, or with another one, it is typed."""
    server = new_redis(password=PASSWORD)

    assert make(server.url).write(KEY, 0, b"x")
    assert Row(1, b"x") == make(server.url.replace("redis://:", "redis://default:")).read(KEY)
    for url in (f"redis://{server.address}", f"redis://:wrong@{server.address}", f"redis://who:wrong@{server.address}"):
        assert "credentials" == refusal(make(url)).reason


def test_a_password_where_none_is_set(new_redis: NewRedis, make: Make) -> None:
    """Redis lets nobody in who shows a password that it does not have; the store does not try without."""
    assert "credentials" == refusal(make(f"redis://:wrong@{new_redis().address}")).reason


def test_a_user_with_few_rights(new_redis: NewRedis, make: Make) -> None:
    """What a user needs, and no more: the keys of the prefix, and these commands."""
    server = new_redis()
    _user(server, "~mine:*", *NEEDED)
    store = make(f"redis://bot:s3cret@{server.address}?prefix=mine")

    assert store.write(KEY, 0, b"x")
    assert store.intend(KEY, 1, "i")
    assert store.lease(KEY, "me", 60)
    assert not store.lease(KEY, "you", 60)
    store.wait(KEY, 0.01)
    store.release(KEY, "me")
    store.note("x", b"1", 60)
    assert (b"1", [KEY], True) == (store.noted("x"), list(store.keys()), store.remove(KEY))
    findings = {finding.subject: finding for finding in store.checks()}
    assert "may not ask" in findings["eviction"].words
    assert "may not ask" in findings["version"].words
    assert findings["round trip"].is_good
    other = make(f"redis://bot:s3cret@{server.address}?prefix=theirs")
    assert "credentials" == refusal(other).reason


NEEDED = (
    "+ping", "+hmget", "+evalsha", "+eval", "+hget", "+hset", "+hdel", "+hexists", "+exists", "+persist", "+pexpire",
    "+get", "+set", "+del", "+pttl", "+xadd", "+xrevrange", "+xread", "+scan",
)  # fmt: skip


def _user(server: RedisServer, *rights: str) -> None:
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "bot", "on", ">s3cret", *rights)


def test_tls(new_redis: NewRedis, make: Make, authority: Authority) -> None:
    """With our authority named, and password."""
    server = new_redis(tls=True, password=PASSWORD)
    store = make(server.url, StoreOptions(5, authority.ca))

    assert store.write(KEY, 0, b"x")
    assert Row(1, b"x") == store.read(KEY)
    assert "TLS" in {finding.subject: finding for finding in store.checks()}["transport"].words


def test_tls_that_is_not_believed(new_redis: NewRedis, make: Make, tmp_path: Path) -> None:
    """Another authority, none, another name: typed, with the way out, and no password was sent."""
    server = new_redis(tls=True, password=PASSWORD)
    stranger = Authority(tmp_path)

    for options in (StoreOptions(5, stranger.ca), StoreOptions(5)):
        error = refusal(make(server.url, options))
        assert "other" == error.reason
        assert "certificate that is not believed" in str(error)
        assert "name its authority" in str(error)


def test_a_certificate_for_another_name(new_redis: NewRedis, make: Make, authority: Authority) -> None:
    """Our authority vouches for it, but it is somebody else's."""
    server = new_redis(tls=True)
    shown = authority.issue("other.example")
    with server.client() as client:
        client.config_set("tls-cert-file", str(shown.certificate), "tls-key-file", str(shown.key))

    error = refusal(make(server.url, StoreOptions(5, authority.ca)))

    assert ("other", True) == (error.reason, "for another name" in str(error))


def test_tls_and_plain_do_not_meet(new_redis: NewRedis, make: Make) -> None:
    """TLS spoken to a plain port (which Redis takes for a long command) and plain to a TLS port: typed, with a hint."""
    plain, tls = new_redis(), new_redis(tls=True)

    assert "does that port speak TLS?" in str(refusal(make(plain.url.replace("redis://", "rediss://"), StoreOptions(0.5))))
    assert refusal(make(tls.url.replace("rediss://", "redis://"))).reason in ("refused", "other")


def test_another_database(redis_server: RedisServer, make: Make) -> None:
    """The database of the URL is used; one that is not there is typed."""
    prefix = redis_server.fresh_url().partition("?")[2]
    make(f"{redis_server.url}/3?{prefix}").write(KEY, 0, b"x")

    assert Row() == make(f"{redis_server.url}/0?{prefix}").read(KEY)
    assert Row(1, b"x") == make(f"{redis_server.url}/3?{prefix}").read(KEY)
    assert "other" == refusal(make(f"{redis_server.url}/999999?{prefix}")).reason


def found(store: RedisStore) -> dict[str, Finding]:
    return {finding.subject: finding for finding in store.checks()}


def test_what_checks_find(new_redis: NewRedis, make: Make) -> None:
    """Nothing is kept on disk, and what is needed may be thrown away: each with its fix."""
    store = make(new_redis("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru").url)
    store.write(KEY, 0, b"x")

    findings = found(store)

    bad = {subject for subject, finding in findings.items() if not finding.is_good}
    assert {"persistence", "eviction"} == bad
    assert all(findings[subject].fix for subject in bad)
    assert "gone when Redis restarts" in findings["persistence"].words
    assert "refresh tokens may be thrown away" in findings["eviction"].words
    assert "1 under the prefix authweave" == findings["keys"].words
    assert [KEY] == list(store.keys())


def test_what_checks_find_elsewhere(make: Make) -> None:
    """A Redis on another machine, without TLS and password: the store is not reached, and that ends it."""
    findings = found(make("redis://192.0.2.1", StoreOptions(patience=0.2)))

    assert ["reachable"] == list(findings)
    assert not findings["reachable"].is_good


def test_plain_to_another_machine(new_redis: NewRedis, make: Make) -> None:
    """Reached under an address that is not loopback: TLS and a password are asked for."""
    server = new_redis("--bind", "0.0.0.0", "--protected-mode", "no")
    if (address := _own_address()) is None:
        pytest.skip("this machine has no address but loopback")

    findings = found(make(f"redis://{address}:{server.port}"))

    assert {"transport", "password", "persistence"} == {name for name, finding in findings.items() if not finding.is_good}
    assert "rediss://" in findings["transport"].fix


def _own_address() -> str | None:
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return None
        address: str = asking.getsockname()[0]
    return None if address.startswith("127.") else address
