"""Real Redis servers on loopback: one for everybody, others of one's own to break, and a group under Sentinel.

    def test_something(redis_server):            one server per session, without a password; never stop this one
        store = RedisStore.from_url(redis_server.fresh_url(), StoreOptions())    # keys of its own: a prefix nobody else has

    def test_faults(new_redis):                  as many as you like, gone after the test
        server = new_redis("--maxmemory", "3mb", password="s3cret", tls=True)
        server.freeze(); server.thaw()           SIGSTOP, SIGCONT
        server.stop(); server.kill(); server.start()      the same port again; `start` waits until it answers
        server.client().flushall()               a redis-py client: everything else one may want to do to it
        new_redis(replica_of=server)

    def test_failover(redis_sentinel):           1 master, 2 replicas, 3 sentinels of the test's own
        redis_sentinel.url                       redis+sentinel://…
        redis_sentinel.master().kill()           in about two seconds another is it:
        redis_sentinel.after_failover()          waits for it, gives the new master
        new_redis_group(password=…, sentinel_password=…, tls=True)      the same, with a lock on every door

`url` holds the password, percent-encoded; `address` is host:port. With `tls=True` the server speaks TLS only, with a
certificate of the fixture `authority`; `authority.ca` is what a client has to believe. Nothing is kept on disk unless
options say so (`"--appendonly", "yes"`). On Linux a server ends with the thread that started it.
"""

from __future__ import annotations

import itertools
import os
import secrets
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from parts.catalogue import PARTS, REDIS
from parts.certificates import Authority
from parts.not_run import need
from parts.process import PartFailed, started

if TYPE_CHECKING:
    import redis

HOST = "127.0.0.1"
MASTER = "tokens"
PATIENCE = 20.0
NOTHING_ON_DISK = ("--save", "", "--appendonly", "no", "--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0")
WATCHING = {"down-after-milliseconds": 500, "failover-timeout": 3000, "parallel-syncs": 2}

NewRedis = Callable[..., "RedisServer"]


@dataclass
class RedisServer:
    """A redis-server process that can be stopped and started again on its port. `pid` is 0 while it is stopped."""

    folder: Path
    options: tuple[str, ...] = ()
    password: str = field(default="", repr=False)
    authority: Authority | None = None
    port: int = 0
    pid: int = 0
    _running: ExitStack = field(default_factory=ExitStack, repr=False)

    @property
    def address(self) -> str:
        """host:port, as messages name it."""
        return f"{HOST}:{self.port}"

    @property
    def url(self) -> str:
        """As a store is told of it, with the password."""
        user = f":{quote(self.password, safe='')}@" if self.password else ""
        return f"{'rediss' if self.authority else 'redis'}://{user}{self.address}"

    def fresh_url(self) -> str:
        """The URL with a prefix that nobody else has."""
        return f"{self.url}?prefix=t{secrets.token_hex(6)}"

    def client(self, **options: Any) -> redis.Redis:
        """A client of redis-py, as the server's administrator. Close it, or let it go."""
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        usual = {"password": self.password or None, "socket_timeout": 5, "retry": Retry(NoBackoff(), 0)}
        if self.authority:
            usual |= {"ssl": True, "ssl_ca_certs": str(self.authority.ca)}
        return redis.Redis(HOST, self.port, **{**usual, **options})

    def start(self) -> None:
        """Start it, on the port it had before if it had one, and wait until it answers."""
        port = self.port or _free_port()
        command = [str(REDIS.path()), *self._where(port), *NOTHING_ON_DISK, *self.options]
        command += ["--masterauth", self.password] if self.password else []
        self.port, before = port, self.port
        try:
            facts = self._running.enter_context(started(command, self.folder, answered=self._answer))
        except PartFailed:
            self.port = before
            raise
        self.pid = facts["pid"]

    def stop(self) -> None:
        """Let it end as it wants to; by force if it does not within some seconds (frozen, say)."""
        self.pid = 0
        self._running.close()

    def kill(self) -> None:
        """SIGKILL: no good-bye, nothing saved."""
        os.kill(self.pid, signal.SIGKILL)
        self.stop()

    def freeze(self) -> None:
        """SIGSTOP: connections stay, the kernel accepts new ones, and nobody answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def values(self) -> dict[bytes, Any]:
        """Everything that is in its database 0: all bytes, by key."""
        readers = {
            b"string": "get", b"hash": "hgetall", b"stream": "xrange", b"list": "lrange", b"set": "smembers",
        }  # fmt: skip
        with self.client() as client:
            return {key: getattr(client, readers[client.type(key)])(key) for key in client.scan_iter(count=1000)}

    def _where(self, port: int) -> list[str]:
        words = ["--bind", HOST, "--dir", str(self.folder), "--daemonize", "no", "--loglevel", "notice"]
        if self.password:
            words += ["--requirepass", self.password]
        if not self.authority:
            return [*words, "--port", str(port)]
        shown = self.authority.issue()
        files = ["--tls-cert-file", str(shown.certificate), "--tls-key-file", str(shown.key)]
        return [*words, "--port", "0", "--tls-port", str(port), *files, "--tls-auth-clients", "no"]

    def _answer(self) -> dict[str, Any] | None:
        import redis

        with suppress(redis.RedisError), self.client() as client:
            told = client.info("server")
            if not client.info("persistence")["loading"]:
                return {"pid": int(told["process_id"])}
        return None


@dataclass
class RedisGroup:
    """A master and its replicas, watched by sentinels. Any of them may be frozen, stopped and started."""

    servers: list[RedisServer]
    sentinels: list[RedisServer]
    password: str = field(default="", repr=False)
    last: int = 0

    @property
    def url(self) -> str:
        """As a store is told of it."""
        user = f":{quote(self.password, safe='')}@" if self.password else ""
        guard = self.sentinels[0].password
        where = f"{user}{','.join(each.address for each in self.sentinels)}/{MASTER}"
        scheme = "rediss+sentinel" if self.sentinels[0].authority else "redis+sentinel"
        options = f"?sentinel_password={quote(guard, safe='')}" if guard else ""
        return f"{scheme}://{where}{options}"

    def fresh_url(self) -> str:
        """The URL with a prefix that nobody else has."""
        return f"{self.url}{'&' if '?' in self.url else '?'}prefix=t{secrets.token_hex(6)}"

    def master(self) -> RedisServer:
        """The one that most sentinels hold for the master."""
        ports = [port for each in self.sentinels if (port := _master_port(each))]
        chosen = max(set(ports), key=ports.count)
        return next(server for server in self.servers if server.port == chosen)

    def replicas(self) -> list[RedisServer]:
        """The others."""
        master = self.master()
        return [server for server in self.servers if server is not master]

    def after_failover(self) -> RedisServer:
        """Wait until all sentinels agree on a master other than the last one that was found so, and it is one."""
        found: RedisServer = _wait_for(self._new_master, "a new master")
        self.last = found.port
        return found

    def ready(self) -> None:
        """Wait until every sentinel knows the replicas and the other sentinels, and the replicas have caught up."""
        self.last = self.servers[0].port
        _wait_for(lambda: all(_knows_all(each, self) for each in self.sentinels), "sentinels that know each other")

    def _new_master(self) -> RedisServer | None:
        ports = {_master_port(each) for each in self.sentinels if each.pid}
        if len(ports) != 1 or self.last in ports:
            return None
        port = ports.pop()
        server = next((server for server in self.servers if server.port == port and server.pid), None)
        return server if server and _role(server) == "master" else None


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis for everybody. Use `fresh_url()`, and never stop, freeze or flush it: `new_redis` is for that."""
    need(PARTS["redis"])
    server = _started(RedisServer(tmp_path_factory.mktemp("redis")))
    yield server
    server.stop()


@pytest.fixture
def new_redis(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[NewRedis]:
    """A function that starts a Redis of the test's own: options of redis-server, `password`, `tls`, `replica_of`."""
    need(PARTS["redis"])
    made: list[RedisServer] = []

    def new(*options: str, password: str = "", tls: bool = False, replica_of: RedisServer | None = None) -> RedisServer:
        if replica_of:
            options = (*options, "--replicaof", HOST, str(replica_of.port))
            password = password or replica_of.password
        folder = tmp_path_factory.mktemp("redis")
        made.append(_started(RedisServer(folder, options, password, authority if tls else None)))
        return made[-1]

    yield new
    for server in made:
        server.stop()


@pytest.fixture
def new_redis_group(
    new_redis: NewRedis, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., RedisGroup]]:
    """A function that starts a group of the test's own: `password`, `sentinel_password`, `tls`."""
    sentinels: list[RedisServer] = []

    def new(*, password: str = "", sentinel_password: str = "", tls: bool = False) -> RedisGroup:
        options = ("--tls-replication", "yes", "--tls-ca-cert-file", str(authority.ca)) if tls else ()
        master = new_redis(*options, password=password, tls=tls)
        servers = [master, *(new_redis(*options, replica_of=master, tls=tls) for _ in range(2))]
        for number in range(3):
            folder = tmp_path_factory.mktemp(f"sentinel{number}")
            sentinel = Sentinel(folder, options, sentinel_password, authority if tls else None)
            sentinel.watch(master)
            sentinels.append(_started(sentinel))
        group = RedisGroup(servers, sentinels[-3:], password)
        group.ready()
        return group

    yield new
    for sentinel in sentinels:
        sentinel.stop()


@pytest.fixture
def redis_sentinel(new_redis_group: Callable[..., RedisGroup]) -> RedisGroup:
    """One master, two replicas and three sentinels, all the test's own: see RedisGroup."""
    return new_redis_group()


class Sentinel(RedisServer):
    """A redis-server that watches others. What it learns, it keeps in its configuration."""

    def watch(self, master: RedisServer) -> None:
        """Write the configuration; before the first start."""
        lines = [f"sentinel monitor {MASTER} {HOST} {master.port} 2"]
        lines += [f"sentinel auth-pass {MASTER} {_quoted(master.password)}"] if master.password else []
        lines += [f"sentinel sentinel-pass {_quoted(self.password)}"] if self.password else []
        lines += [f"sentinel {name} {MASTER} {value}" for name, value in WATCHING.items()]
        (self.folder / "sentinel.conf").write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        """Start it, or start it again."""
        port = self.port = self.port or _free_port()
        command = [
            str(REDIS.path()),
            str(self.folder / "sentinel.conf"),
            "--sentinel",
            *self._where(port),
            *self.options,
        ]
        self.pid = self._running.enter_context(started(command, self.folder, answered=self._answer))["pid"]

    def _answer(self) -> dict[str, Any] | None:
        import redis

        with suppress(redis.RedisError), self.client() as client:
            return {"pid": int(client.info("server")["process_id"])}
        return None


def _quoted(text: str) -> str:
    return '"' + "".join(f"\\x{byte:02x}" for byte in text.encode()) + '"'


def _started(server: RedisServer, *, tries: int = 3) -> RedisServer:
    """A server has to be told its port; should somebody take the free one first, take another."""
    for left in itertools.count(tries - 1, -1):
        try:
            server.start()
        except PartFailed:
            server.port = 0
            if not left:
                raise
        else:
            break
    return server


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _master_port(sentinel: RedisServer) -> int | None:
    import redis

    with suppress(redis.RedisError), sentinel.client(socket_timeout=1) as client:
        found = client.execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", MASTER)
        return int(found[1]) if found else None
    return None


def _role(server: RedisServer) -> str:
    import redis

    with suppress(redis.RedisError), server.client(socket_timeout=1) as client:
        return str(client.info("replication")["role"])
    return ""


def _knows_all(sentinel: RedisServer, group: RedisGroup) -> bool:
    import redis

    with suppress(redis.RedisError, ValueError, KeyError), sentinel.client(socket_timeout=1) as client:
        told = client.sentinel_master(MASTER)
        replicas = client.sentinel_slaves(MASTER)
        is_synced = all(each["master-link-status"] == "ok" for each in replicas)
        known = (int(told["num-slaves"]), int(told["num-other-sentinels"]), len(replicas))
        return is_synced and known == (len(group.servers) - 1, len(group.sentinels) - 1, len(group.servers) - 1)
    return False


def _wait_for(found: Callable[[], Any], what: str) -> Any:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if answer := found():
            return answer
        time.sleep(0.02)
    raise PartFailed(f"no {what} within {PATIENCE:g} s")
