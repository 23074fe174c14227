"""Tokens in Redis: many processes on many machines share them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Final, Self

from authweave.contracts import Finding, StoreOptions
from authweave.errors import SettingsError
from authweave.hookspecs import Register, hookimpl
from authweave.stores.redis import scripts
from authweave.stores.redis.url import SCHEMES, RedisUrl, read
from authweave.values import Row

if TYPE_CHECKING:
    import ssl

    from authweave.stores.redis.calls import Calls
    from authweave.stores.redis.line import Line

_LONGEST: Final = 10 * 365 * 24 * 3600.0
_LONGEST_VERSION: Final = 18
_CONFIRMING_MS: Final = 100
_REPORTED_EVERY: Final = 60.0


class RedisStore:
    """`redis://[user:password@]host[:port][/db]`, `rediss://` with TLS, `redis+sentinel://host,host/master[/db]`.

    Redis 6 or later. Safe for threads; a forked child makes connections of its own. Time is Redis's own. The user of
    an ACL needs the keys `~<prefix>:*`; the commands hmget, evalsha, eval, hget, hset, hdel, hexists, exists, persist,
    pexpire, get, set, del, pttl, xadd, xrevrange, xread; for keys and checks scan, ping; under Sentinel role, wait.

    Under Sentinel, writes without an end (those of refresh tokens) and intents are confirmed by a replica, since what
    no replica has is gone after a failover. One that is not is reported as `store_unconfirmed`, and counts as written.
    """

    name: ClassVar[str] = "redis"
    schemes: ClassVar[tuple[str, ...]] = SCHEMES
    is_shared: ClassVar[bool] = True

    def __init__(self, url: RedisUrl, calls: Calls, options: StoreOptions) -> None:
        self._url = url
        self._calls = calls
        self._options = options
        self._reported_at = -_REPORTED_EVERY

    @classmethod
    def from_url(cls, url: str, options: StoreOptions) -> Self:
        """The store at a URL; asks nobody yet. Raises SettingsError for a URL that is wrong, for an authority that
        cannot be read, and where the package `redis` is missing."""
        parsed = read(url)
        try:
            from authweave.stores.redis.calls import Calls
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "redis":
                raise
            missing = True
        else:
            missing = False
        if missing:
            raise SettingsError("a store in Redis needs the package redis: install authweave[redis]")
        return cls(parsed, Calls(parsed, _tls(parsed, options), options.patience), options)

    def __repr__(self) -> str:
        return f"RedisStore({str(self._url)!r})"

    @property
    def is_remote(self) -> bool:
        """Is it reached over a network?"""
        return not all(node.is_loopback for node in self._url.nodes)

    def read(self, key: str) -> Row:
        """What is stored under the key."""
        row = self._name(key, "row")
        return self._calls.do(lambda line, again: _row(line.ask("HMGET", row, "version", "data", "intent")))

    def lease(self, key: str, owner: str, seconds: float) -> bool:
        """Take the key's lease if nobody has it, or extend it."""
        lease = self._name(key, "lease")
        return self._calls.do(lambda line, again: _is_one(line.run(scripts.LEASE, (lease,), owner, _ms(seconds))))

    def release(self, key: str, owner: str) -> None:
        """Give the lease back, and ring for those who wait."""
        names = self._name(key, "lease"), self._name(key, "bell")
        self._calls.do(lambda line, again: line.run(scripts.RELEASE, names, owner))

    def wait(self, key: str, seconds: float) -> None:
        """Wait for the bell. Where Redis does not answer, it ends at most `patience` later than asked."""
        self._calls.until_free(self._name(key, "lease"), self._name(key, "bell"), min(seconds, _LONGEST))

    def intend(self, key: str, version: int, intent: str) -> bool:
        """Note an intent at this version."""
        row = self._name(key, "row")

        def noting(line: Line, again: bool) -> bool:
            is_noted = _is_one(line.run(scripts.INTEND, (row,), version, intent))
            if is_noted and version:
                self._confirm(line)
            return is_noted

        return self._calls.do(noting)

    def write(self, key: str, version: int, data: bytes | None, *, keep: float | None = None) -> bool:
        """Put the data over this version.

        A second try after a broken connection knows its own first one by what it wrote.
        """
        row = self._name(key, "row")
        kept = "" if keep is None else _ms(keep)
        has_data = "0" if data is None else "1"

        def writing(line: Line, again: bool) -> bool:
            arguments = version, data or b"", kept, int(again), version + 1, has_data
            is_written = _is_one(line.run(scripts.WRITE, (row,), *arguments))
            if is_written and keep is None:
                self._confirm(line)
            return is_written

        return self._calls.do(writing)

    def remove(self, key: str) -> bool:
        """Forget the key, and wake those who wait. (True may be False after a broken connection.)"""
        names = tuple(self._name(key, part) for part in ("row", "bell", "lease"))
        return self._calls.do(lambda line, again: _is_one(line.run(scripts.REMOVE, names)))

    def keys(self) -> Iterator[str]:
        """Every key with data, each once; some hundred at a time. Of a cluster, those of one node."""
        from authweave.stores.redis.keys import keys

        return keys(self._calls, self._url.prefix)

    def note(self, name: str, data: bytes, seconds: float) -> None:
        """Leave a fact."""
        self._calls.do(lambda line, again: line.run(scripts.NOTE, (self._note(name),), data, _ms(seconds)))

    def noted(self, name: str) -> bytes | None:
        """The fact, while it holds."""
        return self._calls.do(lambda line, again: _bytes(line.ask("GET", self._note(name))))

    def checks(self) -> Iterator[Finding]:
        """Is it there, is it safe, does it keep what it is given?"""
        from authweave.stores.redis.checks import findings

        return findings(self, self._calls, self._url)

    def close(self) -> None:
        """Hang up. What is asked afterwards ends with StoreUnavailable."""
        self._calls.close()

    def _name(self, key: str, part: str) -> str:
        return f"{self._url.prefix}:{{{key}}}:{part}"

    def _note(self, name: str) -> str:
        return f"{self._url.prefix}:note:{name}"

    def _confirm(self, line: Line) -> None:
        """Under Sentinel, wait a little until a replica has what was written on this connection.

        Should the connection break off meanwhile, the master is gone, and perhaps what was written with it: that is
        for a second try to find out.
        """
        if not self._url.master:
            return
        from redis.exceptions import ResponseError

        patience = max(1, min(_CONFIRMING_MS, int(line.budget.left() * 500)))
        try:
            replicas = line.ask("WAIT", 1, patience)
        except ResponseError:  # the user may not ask
            replicas = 0
        if not replicas:
            self._report_unconfirmed()

    def _report_unconfirmed(self) -> None:
        if (now := time.monotonic()) - self._reported_at < _REPORTED_EVERY:
            return
        self._reported_at = now
        self._calls.start_anew()  # a master that nobody follows may be one that is cut off, and deposed
        self._options.report(
            "store_unconfirmed",
            f"no replica of the Redis at {self._calls} has confirmed a write in time: a failover now would lose it",
        )


def _row(answer: Sequence[object]) -> Row:
    version, data, intent = map(_bytes, answer)
    if version is not None and not (version.isdigit() and len(version) <= _LONGEST_VERSION):
        from authweave.stores.redis.failures import Foreign

        raise Foreign
    return Row(int(version or 0), data, (intent or b"").decode(errors="replace"))


def _bytes(answer: object) -> bytes | None:
    if answer is None or isinstance(answer, bytes):
        return answer
    raise TypeError


def _is_one(answer: object) -> bool:
    return answer == 1


def _ms(seconds: float) -> int:
    return int(max(0.001, min(seconds, _LONGEST)) * 1000)


def _tls(url: RedisUrl, options: StoreOptions) -> ssl.SSLContext | None:
    """Verified against the system's authorities and `ca`."""
    if not url.is_tls:
        return None
    import ssl

    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if options.ca is None or _is_believed(context, str(options.ca)):
        return context
    raise SettingsError(f"ca: {options.ca} cannot be read as PEM certificates")


def _is_believed(context: ssl.SSLContext, path: str) -> bool:
    try:
        context.load_verify_locations(cafile=path)
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        return False
    return True


@hookimpl
def register_stores(register: Register) -> None:
    """Add `redis:` and its sisters."""
    register(RedisStore)
