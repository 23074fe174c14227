"""The connections of one process to a database: each used by one thread at a time, kept for the next, never by a fork.

A pool rather than one per thread: its size follows how many call at once, and not how many threads ever did.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable
from typing import Final

from authweave.stores.sqlite.failures import Carried, Closed
from authweave.stores.sqlite.opening import Connection
from authweave.stores.sqlite.place import Identity

SPARE: Final = 8
"""Connections kept while nobody uses them."""

FORK_WAIT: Final = 1.0
"""Seconds that a fork waits for calls under way; then they are interrupted, and it waits as long again."""

_pools: Final[weakref.WeakSet[Connections]] = weakref.WeakSet()
_inherited: Final[list[sqlite3.Connection]] = []
_spoiled: Final[set[Identity]] = set()


class Connections:
    """Connections made by `make` (which gets a monotonic deadline). Safe for threads.

    SQLite must not be carried over a fork: the child would believe to hold its parent's locks (sqlite.org/howtocorrupt.html
    §2.6). So before a fork, calls under way are waited for and all connections closed.
    """

    def __init__(self, make: Callable[[float], Connection]) -> None:
        self._make = make
        self._spare: list[Connection] = []
        self._used: list[Connection] = []
        self._under_way = 0
        self._is_closed = self._is_forking = False
        self._changed = threading.Condition()
        weakref.finalize(self, _close_all, self._spare)
        _pools.add(self)

    def take(self, identity: Identity | None, deadline: float) -> Connection:
        """A connection to this file, which nobody else uses until it is given back. Raises as `make` does.

        BlockingIOError: a fork took all the time. Closed, Carried.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: not self._is_forking, max(0.0, deadline - time.monotonic())):
                raise BlockingIOError(errno.EAGAIN, "a fork is under way")
            if self._is_closed:
                raise Closed
            self._under_way += 1
            stale = [one for one in self._spare if one.identity != identity]
            self._spare[:] = [one for one in self._spare if one.identity == identity]
            found = self._spare.pop() if self._spare else None
        connection = None
        try:
            _close_all(stale)
            _refuse_carried(identity)
            connection = found or self._make(deadline)
        finally:
            with self._changed:
                if connection is None:
                    self._under_way -= 1
                    self._changed.notify_all()
                else:
                    self._used.append(connection)
        return connection

    def give_back(self, connection: Connection, *, is_sound: bool) -> None:
        """Keep the connection for the next, unless something was wrong with it."""
        try:
            if not is_sound:
                connection.raw.close()
        finally:
            with self._changed:
                self._used.remove(connection)
                self._under_way -= 1
                is_kept = is_sound and not self._is_closed and not self._is_forking and len(self._spare) < SPARE
                if is_kept:
                    self._spare.append(connection)
                elif is_sound:
                    connection.raw.close()
                self._changed.notify_all()

    def forget(self) -> None:
        """Close those that nobody uses."""
        with self._changed:
            spare, self._spare[:] = list(self._spare), []
        _close_all(spare)

    def close(self) -> None:
        """Close all, those in use when they are given back."""
        with self._changed:
            self._is_closed = True
        self.forget()

    def before_fork(self) -> None:
        """Let calls end, and begin none until the fork is done."""
        with self._changed:
            self._is_forking = True
            if not self._changed.wait_for(lambda: not self._under_way, FORK_WAIT):
                for connection in self._used:
                    connection.raw.interrupt()
                self._changed.wait_for(lambda: not self._under_way, FORK_WAIT)
        self.forget()

    def after_fork(self) -> None:
        """Go on, in the parent."""
        with self._changed:
            self._is_forking = False
            self._changed.notify_all()

    def in_child(self) -> None:
        """Begin anew. What could not be closed is kept for good: closing it here might break it for the parent."""
        for connection in (*self._spare, *self._used):
            _inherited.append(connection.raw)
            _spoiled.add(connection.identity)
        self._changed = threading.Condition()
        self._spare[:], self._used, self._under_way = [], [], 0
        self._is_forking = False


def _refuse_carried(identity: Identity | None) -> None:
    """Before SQLite touches the file: what it knows of its locks is the parent's."""
    if identity in _spoiled:
        raise Carried


def _close_all(connections: list[Connection]) -> None:
    while connections:
        connections.pop().raw.close()


def _before_fork() -> None:
    for pool in list(_pools):
        pool.before_fork()


def _after_fork() -> None:
    for pool in list(_pools):
        pool.after_fork()


def _in_child() -> None:
    for pool in list(_pools):
        pool.in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_in_child)
