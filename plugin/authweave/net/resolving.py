"""Names to addresses, without waiting longer than there is time.

`getaddrinfo` cannot be interrupted, so it runs in a daemon thread that is left alone at the deadline. One lookup per
name is under way at a time and all who ask for it wait for that one; a bounded number of names altogether. So a dead
resolver costs a bounded number of threads, and one dead name costs one.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from typing import Any, Final, NamedTuple

from authweave.errors import DnsFailure
from authweave.net.journey import Journey
from authweave.urls.shown import shown_host

Resolve = Callable[..., Sequence[tuple[Any, ...]]]
Lookup = Future[Sequence[tuple[Any, ...]]]

MOST_LOOKUPS: Final = 32
_NO_SUCH_NAME = {socket.EAI_NONAME}
_NO_ADDRESS = {getattr(socket, name) for name in ("EAI_NODATA", "EAI_ADDRFAMILY") if hasattr(socket, name)}


class Address(NamedTuple):
    """One address that a connection can be made to."""

    family: int
    sockaddr: tuple[Any, ...]

    @property
    def ip(self) -> str:
        """The address as text, without a zone."""
        return str(self.sockaddr[0]).partition("%")[0]

    @property
    def port(self) -> int:
        """The port."""
        return int(self.sockaddr[1])


class Lookups:
    """The lookups under way in this process. Safe for threads; starts anew in a forked child."""

    def __init__(self, most: int = MOST_LOOKUPS) -> None:
        self._most = most
        self._anew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._anew)

    def _anew(self) -> None:
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(self._most)
        self._under_way: dict[object, Lookup] = {}

    def find(self, host: str, port: int, *, resolve: Resolve, journey: Journey) -> tuple[Address, ...]:
        """The addresses of a host, in the resolver's order, each once. Raises DnsFailure by the deadline."""
        if literal := _literal(host, port):
            return (literal,)
        lookup = self._lookup(host, port, resolve, journey)
        if not wait([lookup], timeout=journey.remaining()).done:
            raise journey.overdue()
        error = lookup.exception()
        if error is not None:
            raise _failure(host, error)
        found = tuple(dict.fromkeys(Address(entry[0], entry[4]) for entry in lookup.result()))
        if not found:
            raise DnsFailure(f"{host} has no address", stage="dns", host=host, detail="no_address")
        return found

    def _lookup(self, host: str, port: int, resolve: Resolve, journey: Journey) -> Lookup:
        key = (host, port, resolve)
        with self._lock:
            known = self._under_way.get(key)
            if known is not None:
                return known
            mine = self._under_way[key] = Lookup()
        if self._places.acquire(timeout=journey.remaining()):
            self._start(key, mine, resolve)
        else:
            self._landed(key)
            mine.set_exception(TimeoutError())
        return mine

    def _start(self, key: tuple[str, int, Resolve], lookup: Lookup, resolve: Resolve) -> None:
        places = self._places  # a child that was forked meanwhile has places of its own

        def look() -> None:
            try:
                found = resolve(key[0], key[1], 0, socket.SOCK_STREAM)
            except BaseException as error:  # noqa: BLE001  handed to those who wait, whatever it is
                self._landed(key)
                lookup.set_exception(error)
            else:
                self._landed(key)
                lookup.set_result(found)
            finally:
                places.release()

        try:
            threading.Thread(target=look, name="authweave-dns", daemon=True).start()
        except RuntimeError as error:  # the process may have no more threads
            places.release()
            self._landed(key)
            lookup.set_exception(error)

    def _landed(self, key: object) -> None:
        with self._lock:
            self._under_way.pop(key, None)


def numeric(host: str) -> str | None:
    """The address that this text means to a resolver without asking anybody (`127.1`, `0x7f000001`, `::1`), or None."""
    literal = _literal(host, 0)
    if literal:
        return literal.ip
    try:
        return socket.inet_ntoa(socket.inet_aton(host.rstrip(".")))
    except OSError:
        return None


def _literal(host: str, port: int) -> Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if address.version == 4:
        return Address(socket.AF_INET, (str(address), port))
    return Address(socket.AF_INET6, (str(address), port, 0, 0))


def _failure(host: str, error: BaseException) -> DnsFailure:
    number = error.errno if isinstance(error, socket.gaierror) else None
    detail, shown = "timeout", shown_host(host)
    words = f"no resolver answered for {shown}"
    if number in _NO_SUCH_NAME or isinstance(error, UnicodeError):
        detail, words = "nxdomain", f"{shown} does not exist: the resolver knows no such name"
    elif number in _NO_ADDRESS:
        detail, words = "no_address", f"{shown} exists, but has no address"
    return DnsFailure(words, stage="dns", host=host, detail=detail)


LOOKUPS: Final = Lookups()
