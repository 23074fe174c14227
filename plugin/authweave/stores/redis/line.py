"""One connection to a Redis, through redis-py, with one budget of time for everything that a call does on it.

redis-py's own timeouts count anew for each address, each handshake step and each piece that is read. Here every
operation on the socket, name resolution and TLS handshake included, gets what is left of the call.
"""

from __future__ import annotations

import inspect
import select
import socket
import ssl
import time
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError
from redis.retry import Retry

from authweave.net.dialing import dial
from authweave.net.journey import Journey
from authweave.net.resolving import LOOKUPS
from authweave.stores.redis.failures import TlsBroken
from authweave.stores.redis.scripts import Script
from authweave.stores.redis.url import Node

RESTED: Final = 60.0
"""Seconds after which an idle connection is not trusted: what stands between may have forgotten it without a word."""


class Budget:
    """The time that one call has in all."""

    __slots__ = ("_until",)

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left. Raises TimeoutError when there are none."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def share(self, part: float) -> Budget:
        """A budget of this part of what is left."""
        return Budget(self.left() * part)


class Line:
    """A connection, made when it is first used. Belongs to one thread at a time. Raises FAILURES."""

    def __init__(self, node: Node, db: int, tls: ssl.SSLContext | None) -> None:
        self._way = _Way(node, tls)
        self._rested_at = 0.0
        self._connection: Any = _Connection(self._way, db)

    def open(self, budget: Budget) -> None:
        """Connect, say who we are, choose the database."""
        self._way.budget = budget
        self._connection.connect()

    @property
    def budget(self) -> Budget:
        """What the present call has left."""
        return self._way.budget

    @budget.setter
    def budget(self, budget: Budget) -> None:
        self._way.budget = budget

    def ask(self, *words: object) -> Any:
        """Send a command and read its answer, bytes where it is text."""
        self._connection.send_command(*words)
        return self._connection.read_response()

    def ask_all(self, commands: list[tuple[object, ...]]) -> list[Any]:
        """Send several commands at once and read their answers."""
        self._connection.send_packed_command(self._connection.pack_commands(commands))
        return [self._connection.read_response() for _ in commands]

    def run(self, script: Script, keys: tuple[str, ...], *arguments: object) -> Any:
        """Run a script: by its digest, or whole where Redis does not know it yet (restarted, SCRIPT FLUSH)."""
        try:
            return self.ask("EVALSHA", script.digest, len(keys), *keys, *arguments)
        except NoScriptError:
            pass
        return self.ask("EVAL", script.text, len(keys), *keys, *arguments)

    def rest(self) -> None:
        """Nobody needs it for now."""
        self._rested_at = time.monotonic()

    def is_fit(self) -> bool:
        """May it be used again? Not if the server hung up meanwhile, sent what nobody asked for, or it rested long."""
        raw = self._way.raw
        if raw is None or raw.fileno() < 0 or time.monotonic() - self._rested_at > RESTED:
            return False
        return not _has_something(raw)

    def close(self) -> None:
        """Hang up."""
        self._connection.disconnect()


class _Way:
    """From here to one server: its address, the socket, the time. Knows nothing of who uses it, so that a connection
    that nobody holds any more is closed at once."""

    def __init__(self, node: Node, tls: ssl.SSLContext | None) -> None:
        self.node = node
        self.budget = Budget(0)
        self.raw: socket.socket | None = None
        self._tls = tls

    def dial(self) -> _Hurried:
        """A socket that is connected, and through the TLS handshake if there is one."""
        host = self.node.host
        journey = Journey(host, limit=self.budget.left(), clock=time.monotonic)
        addresses = LOOKUPS.find(host, self.node.port, resolve=socket.getaddrinfo, journey=journey)
        raw, _ = dial(addresses, journey)
        try:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if self._tls is not None:
                raw.settimeout(self.budget.left())
                raw = _shaken_hands(raw, self._tls, host)
        except BaseException:
            raw.close()
            raise
        self.raw = raw
        return _Hurried(raw, self)


def _shaken_hands(raw: socket.socket, tls: ssl.SSLContext, host: str) -> ssl.SSLSocket:
    """TLS failures keep their type, which redis-py would hide."""
    try:
        return tls.wrap_socket(raw, server_hostname=host)
    except (ssl.SSLError, TimeoutError) as error:
        raise TlsBroken(error) from None


class _Connection(redis.Connection):
    """redis-py's connection: its handshake, its way to write and read the protocol, over our socket."""

    def __init__(self, way: _Way, db: int) -> None:
        self._way = way
        node = way.node
        super().__init__(  # type: ignore[no-untyped-call]  # redis-py has not typed it
            host=node.host, port=node.port, db=db, username=node.username or None, password=node.password or None,
            protocol=2, retry=Retry(NoBackoff(), 0), health_check_interval=0, **_not_telling_who_we_are(),
        )  # fmt: skip

    def _connect(self) -> Any:
        """What redis-py's kinds of connections differ in."""
        return self._way.dial()


class _Hurried:
    """A socket on which everything ends within the budget of its way, whatever timeouts redis-py sets."""

    def __init__(self, raw: socket.socket, way: _Way) -> None:
        self._raw = raw
        self._way = way

    def recv(self, size: int) -> bytes:
        """As a socket's."""
        self._raw.settimeout(self._way.budget.left())
        return self._raw.recv(size)

    def recv_into(self, buffer: Any, size: int = 0) -> int:
        """As a socket's."""
        self._raw.settimeout(self._way.budget.left())
        return self._raw.recv_into(buffer, size)

    def sendall(self, data: bytes) -> None:
        """As a socket's."""
        self._raw.settimeout(self._way.budget.left())
        self._raw.sendall(data)

    def settimeout(self, seconds: float | None) -> None:
        """The budget rules."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)


def _not_telling_who_we_are() -> dict[str, None]:
    """Two round trips per connection (CLIENT SETINFO) that would be for nothing but the server's list of clients."""
    known = inspect.signature(redis.connection.AbstractConnection.__init__).parameters
    return {"driver_info": None} if "driver_info" in known else {"lib_name": None, "lib_version": None}


def _has_something(raw: socket.socket) -> bool:
    """Is there anything to read, the end included?"""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(raw.fileno(), select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([raw], [], [], 0)[0])
