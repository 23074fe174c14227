"""Names to addresses, without waiting longer than there is time.

`getaddrinfo` cannot be interrupted, so it runs in a daemon thread that is left alone at the deadline. One lookup per
name is under way at a time and all who ask for it wait for that one; a bounded number of names altogether, and of those
for one tenant. So a dead resolver costs a bounded number of threads, one dead name costs one, and a name server that is made to
hang keeps up nobody but the tenant whose profile names it.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from typing import Any, Final

from authweave.errors import DnsFailure
from authweave.net.addresses import Address, literal
from authweave.net.askers import looking_for
from authweave.net.journey import Journey
from authweave.urls.shown import shown_host

Resolve = Callable[..., Sequence[tuple[Any, ...]]]
Lookup = Future[Sequence[tuple[Any, ...]]]

MOST_LOOKUPS: Final = 32
MOST_FOR_ONE: Final = 8
"""Lookups under way for one tenant."""
_NO_SUCH_NAME = {socket.EAI_NONAME}
_NO_ADDRESS = {getattr(socket, name) for name in ("EAI_NODATA", "EAI_ADDRFAMILY") if hasattr(socket, name)}


class Lookups:
    """The lookups under way in this process. Safe for threads; starts anew in a forked child."""

    def __init__(self, most: int = MOST_LOOKUPS) -> None:
        self._most = most
        self._anew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._anew)

    def _anew(self) -> None:
        self._lock = threading.Condition(threading.Lock())
        self._of: dict[str, int] = {}
        self._places = threading.BoundedSemaphore(self._most)
        self._under_way: dict[object, Lookup] = {}

    def find(self, host: str, port: int, *, resolve: Resolve, journey: Journey) -> tuple[Address, ...]:
        """The addresses of a host, in the resolver's order, each once. Raises DnsFailure by the deadline."""
        if written := literal(host, port):
            return (written,)
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
        key, tenant = (host, port, resolve), looking_for.get()
        with self._lock:
            while (known := self._under_way.get(key)) is None and tenant and self._of.get(tenant, 0) >= MOST_FOR_ONE:
                if not self._lock.wait(journey.remaining()):
                    raise journey.overdue()
            if known is not None:
                return known
            mine = self._under_way[key] = Lookup()
            self._of[tenant] = self._of.get(tenant, 0) + 1
        if self._places.acquire(timeout=journey.remaining()):
            self._start(key, mine, resolve, tenant)
        else:
            self._landed(key, tenant)
            mine.set_exception(TimeoutError())
        return mine

    def _start(self, key: tuple[str, int, Resolve], lookup: Lookup, resolve: Resolve, tenant: str) -> None:
        places = self._places  # a child that was forked meanwhile has places of its own

        def look() -> None:
            try:
                found = resolve(key[0], key[1], 0, socket.SOCK_STREAM)
            except BaseException as error:  # noqa: BLE001  handed to those who wait, whatever it is
                self._landed(key, tenant)
                lookup.set_exception(error)
            else:
                self._landed(key, tenant)
                lookup.set_result(found)
            finally:
                places.release()

        try:
            threading.Thread(target=look, name="authweave-dns", daemon=True).start()
        except RuntimeError as error:  # the process may have no more threads
            places.release()
            self._landed(key, tenant)
            lookup.set_exception(error)

    def _landed(self, key: object, tenant: str) -> None:
        with self._lock:
            self._under_way.pop(key, None)
            left = self._of[tenant] = self._of.get(tenant, 1) - 1
            if left <= 0:
                del self._of[tenant]
            self._lock.notify_all()


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
