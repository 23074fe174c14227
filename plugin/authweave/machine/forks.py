"""What a fork breaks is mended in the child: locks that a thread of the parent held, work that it had under way."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any, Final, Protocol

_members: Final[weakref.WeakSet[Any]] = weakref.WeakSet()


class ForkAware(Protocol):
    """Something that has to begin anew in a forked child."""

    def in_child(self) -> None:
        """Forget what only threads of the parent could end. Called before anything else runs in the child."""
        ...


def begin_anew_in_child(member: ForkAware) -> None:
    """Call `in_child` after every fork, as long as the member lives."""
    _members.add(member)


class Lock:
    """A lock that is free in a forked child, whoever held it in the parent."""

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        begin_anew_in_child(self)

    def in_child(self) -> None:
        """Be free."""
        self._lock = threading.Lock()

    def is_taken_at_once(self) -> bool:
        """Take it, if nobody has it: it is given back as after `with`."""
        return self._lock.acquire(blocking=False)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _in_child() -> None:
    for member in list(_members):
        member.in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
