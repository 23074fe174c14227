"""The connections of an engine that are at hand: who asks twice for the same gets the same one."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from authweave.machine.forks import Lock

if TYPE_CHECKING:
    from authweave.connections.connection import Connection
    from authweave.limits import Within
    from authweave.profile import Profile
    from authweave.profile_files import Change
    from authweave.tokens.tokens import Tokens

MOST_CONNECTIONS: Final = 10_000
"""Connections remembered; of more, the least recently asked for is made anew when somebody does. Its tokens stay in the store."""


class ConnectionCache:
    """Connections by what they were made from. Safe for threads and forks."""

    def __init__(self) -> None:
        self.by_key: OrderedDict[tuple[Any, ...], Connection] = OrderedDict()
        self._tokens_of_old: dict[str, deque[list[Tokens]]] = {}
        self._lock = Lock()

    def of(self, key: tuple[Any, ...], make: Callable[[], Connection]) -> Connection:
        """The connection of this key; of two that are made at once, the first."""
        with self._lock:
            if (found := self.by_key.get(key)) is not None:
                self.by_key.move_to_end(key)
                return found
        made = make()
        with self._lock:
            found = self.by_key.setdefault(key, made)
            if len(self.by_key) > MOST_CONNECTIONS:
                self.by_key.popitem(last=False)
        return found

    def all(self) -> list[Connection]:
        """All of them, the least recently asked for first."""
        with self._lock:
            return list(self.by_key.values())

    def let_go(self, change: Change, within: Within | None) -> None:
        """Forget those of what is not served any more within these limits.

        Their tokens stay in memory until the next but one change of the file: the connections that come after take them over.
        """
        with self._lock:
            old = [key for key, one in self.by_key.items() if one.within == within and _is_outdated(one.profile, change)]
            tokens = [tokens for key in old for tokens in self.by_key.pop(key).tokens_at_hand]
            if tokens:
                self._tokens_of_old.setdefault(change.source, deque(maxlen=2)).append(tokens)


def _is_outdated(profile: Profile, change: Change) -> bool:
    """Was it served until this change, or before?"""
    return profile is change.before or (profile.merged.document.source == change.source and profile is not change.now)
