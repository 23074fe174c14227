"""What `authweave store check` says of a Redis: is it there, is it safe, does it keep what it is given?"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from authweave.contracts import Finding, Store
from authweave.errors import StoreUnavailable
from authweave.stores.redis.calls import Calls
from authweave.stores.redis.keys import names
from authweave.stores.redis.url import RedisUrl

LEAST_VERSION: Final = (6,)
CLOCKS_APART: Final = 5.0
"""Seconds by which the clocks may differ; leases do not care, but whoever reads `expires_at` does."""

_PATIENCE: Final = 2.0
_COUNTING: Final = 2.0
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class _Looked:
    """What Redis says of itself; empty where its user may not ask."""

    info: Mapping[str, str]
    calls: Calls
    url: RedisUrl

    def number(self, name: str) -> int:
        """A count, 0 if unknown."""
        told = self.info.get(name, "0")
        return int(told) if told.isdigit() else 0


def findings(store: Store, calls: Calls, url: RedisUrl) -> Iterator[Finding]:
    """One after the other; nothing more once it cannot be reached."""
    try:
        yield _reached(calls)
        looked = _Looked(_info(calls), calls, url)
    except StoreUnavailable as error:
        yield Finding("reachable", False, str(error), "start it, or set the store's URL, user and password right")
        return
    for look in (_version, _transport, _password, _role, _eviction, _persistence, _clock, _count):
        try:
            yield from look(looked)
        except StoreUnavailable as error:
            yield Finding(look.__name__.strip("_"), False, str(error))
    yield _round_trip(store)


def _reached(calls: Calls) -> Finding:
    calls.do(lambda line, again: line.ask("PING"), patience=_PATIENCE)
    begun = time.monotonic()
    calls.do(lambda line, again: line.ask("PING"), patience=_PATIENCE)
    took = (time.monotonic() - begun) * 1000
    return Finding("reachable", True, f"the Redis at {calls} answers within {took:.1f} ms")


def _info(calls: Calls) -> Mapping[str, str]:
    return _allowed(calls, _pairs, "INFO") or {}


def _pairs(told: bytes) -> Mapping[str, str]:
    pairs = (line.partition(":") for line in told.decode(errors="replace").splitlines())
    return {name: value for name, colon, value in pairs if colon}


def _allowed(calls: Calls, read: Callable[[Any], Answer], *words: str) -> Answer | None:
    """What `read` makes of the answer, or None where the user may not ask."""
    try:
        return calls.do(lambda line, again: read(line.ask(*words)), patience=_PATIENCE)
    except StoreUnavailable as error:
        if error.reason not in ("credentials", "other"):
            raise
    return None


def _version(looked: _Looked) -> Iterator[Finding]:
    told = looked.info.get("redis_version", "")
    if not told:
        yield Finding("version", True, "not looked at: the user may not ask for INFO")
        return
    numbers = tuple(int(part) for part in told.split(".") if part.isdigit())
    kind = looked.info.get("server_name", "redis")
    yield Finding(
        "version",
        numbers >= LEAST_VERSION,
        f"{kind} {told}",
        "" if numbers >= LEAST_VERSION else "Redis 6 or later is needed",
    )


def _transport(looked: _Looked) -> Iterator[Finding]:
    if looked.url.is_tls:
        yield Finding("transport", True, "TLS, and the server's certificate is verified")
    elif all(node.is_loopback for node in looked.url.nodes):
        yield Finding("transport", True, "plain, and it does not leave this machine")
    else:
        yield Finding(
            "transport", False, "the password crosses the network unencrypted, and whoever is on the way can change answers",
            "let Redis listen with tls-port, and write rediss:// (or rediss+sentinel://)",
        )  # fmt: skip


def _password(looked: _Looked) -> Iterator[Finding]:
    if looked.url.password:
        yield Finding(
            "password", True, f"signed in as {'a user of its own' if looked.url.username else 'the user default'}"
        )
    elif all(node.is_loopback for node in looked.url.nodes):
        yield Finding("password", True, "none; only programs on this machine reach it")
    else:
        yield Finding(
            "password", False, "whoever reaches this Redis can read, change and delete what is in it",
            "set a password (requirepass, or a user by ACL) and put it into the store's URL",
        )  # fmt: skip


def _role(looked: _Looked) -> Iterator[Finding]:
    if not (role := looked.info.get("role", "")):
        return
    replicas = looked.number("connected_slaves")
    if role != "master":
        yield Finding(
            "role", False, "a replica: it takes no writes", "name its master, or the sentinels (redis+sentinel://)"
        )
    elif looked.url.master and not replicas:
        yield Finding(
            "role", False, "the master, and no replica follows it: a failover would lose tokens", "connect a replica"
        )
    else:
        yield Finding("role", True, f"the master; replicas that follow it: {replicas}")


def _eviction(looked: _Looked) -> Iterator[Finding]:
    policy = looked.info.get("maxmemory_policy", "")
    if not policy:
        yield Finding("eviction", True, "not looked at: the user may not ask for INFO")
    elif policy != "noeviction" and not policy.startswith("volatile-"):
        yield Finding(
            "eviction", False, f"maxmemory-policy is {policy}: refresh tokens may be thrown away when memory is short",
            "set maxmemory-policy to noeviction, or volatile-ttl",
        )  # fmt: skip
    else:
        yield Finding("eviction", True, f"maxmemory-policy is {policy}")
    if evicted := looked.number("evicted_keys"):
        yield Finding(
            "evicted",
            False,
            f"since it started, {evicted} keys were thrown away for want of memory",
            "give it more maxmemory",
        )


def _persistence(looked: _Looked) -> Iterator[Finding]:
    if looked.number("aof_enabled"):
        yield Finding("persistence", True, "appendonly")
        return
    if not looked.info:
        yield Finding("persistence", True, "not looked at: the user may not ask for INFO")
        return
    save = _allowed(looked.calls, list, "CONFIG", "GET", "save")
    if save is None:
        yield Finding(
            "persistence",
            True,
            "appendonly is off; whether snapshots are saved cannot be seen: the user may not ask for CONFIG GET",
        )
    elif len(save) == 2 and save[1]:
        yield Finding(
            "persistence",
            True,
            "snapshots: what was written since the last one is gone when it crashes; appendonly keeps more",
        )
    else:
        yield Finding(
            "persistence", False, "neither appendonly nor save: tokens are gone when Redis restarts",
            "set appendonly yes; people who signed in would have to do so again",
        )  # fmt: skip


def _clock(looked: _Looked) -> Iterator[Finding]:
    told = _allowed(looked.calls, _seconds, "TIME")
    if told is None:
        return
    apart = told - time.time()
    is_good = abs(apart) < CLOCKS_APART
    words = f"the clock of Redis is {abs(apart):.1f} s {'ahead of' if apart > 0 else 'behind'} ours"
    yield Finding("clock", is_good, words, "" if is_good else "set both clocks by NTP: one of them is wrong")


def _seconds(told: Sequence[bytes]) -> float:
    return int(told[0]) + int(told[1]) / 1e6


def _count(looked: _Looked) -> Iterator[Finding]:
    end = time.monotonic() + _COUNTING
    found = 0
    for batch in names(looked.calls, looked.url.prefix):
        found += len(batch)
        if time.monotonic() > end:
            yield Finding("keys", True, f"more than {found} under the prefix {looked.url.prefix}")
            return
    yield Finding("keys", True, f"{found} under the prefix {looked.url.prefix}")


def _round_trip(store: Store) -> Finding:
    key, data = secrets.token_hex(32), secrets.token_bytes(32)
    try:
        is_same = store.write(key, 0, data, keep=60) and store.read(key).data == data
        store.remove(key)
    except StoreUnavailable as error:
        return Finding("round trip", False, str(error))
    words = "what is written is read" if is_same else "what was written is not what is read"
    return Finding("round trip", is_same, words, "" if is_same else "something stands between that is no Redis")
