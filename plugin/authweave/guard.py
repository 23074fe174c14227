"""A store that fails is left alone for a while: one caller in a while finds out, everybody else goes on at once."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from authweave.errors import StoreUnavailable
from authweave.forks import begin_anew_in_child

Value = TypeVar("Value")
Tell = Callable[..., None]
"""Tells an event: its kind, and its fields by name (see `events.Events.tell`)."""

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 10.0
"""Seconds a store is left alone after a failure: from the first, doubling, to the longest; then one call is tried."""
SILENCE: Final = 60.0
"""Seconds between two words about a store that answers and cannot write."""
_ANSWERING: Final = frozenset({"full", "read_only", "wrong_type"})
"""Reasons of a store that is there: they cost no time, so nobody has to be kept from it."""


class Guard:
    """Calls a store. Safe for threads and forks. Raises StoreUnavailable and nothing else."""

    def __init__(self, tell: Tell, patience: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._patience = patience
        self._clock = clock
        self.in_child()
        begin_anew_in_child(self)

    def in_child(self) -> None:
        """Nothing is known to be wrong."""
        self._lock = threading.Lock()
        self._away: StoreUnavailable | None = None
        self._away_since = self._away_until = self._told_until = 0.0
        self._pause = FIRST_PAUSE

    @property
    def away(self) -> StoreUnavailable | None:
        """Why the store is left alone, if it is."""
        return self._away

    def call(self, work: Callable[..., Value], *arguments: Any, **named: Any) -> Value:
        """What the store answers."""
        self._refuse_while_away()
        failure: StoreUnavailable
        try:
            answer = work(*arguments, **named)
        except StoreUnavailable as error:
            failure = error.fresh()
        except Exception as error:  # noqa: BLE001 - a stranger's store raises what it likes; its words may hold anything
            failure = StoreUnavailable("other", f"the token store failed with {type(error).__name__}")
        else:
            if self._away is not None:
                self._is_back()
            return answer
        self._note(failure)
        raise failure

    def _refuse_while_away(self) -> None:
        """Raise at once while the store is left alone; let one caller through when it is time to look again."""
        if self._away is None:
            return
        if (away := self._still_away()) is not None:
            raise away.fresh()

    def _still_away(self) -> StoreUnavailable | None:
        with self._lock:
            if self._clock() < self._away_until:
                return self._away
            self._away_until = self._clock() + 2 * self._patience
            return None

    def _note(self, failure: StoreUnavailable) -> None:
        now = self._clock()
        with self._lock:
            if failure.reason in _ANSWERING:
                is_news, self._told_until = now >= self._told_until, max(self._told_until, now + SILENCE)
            else:
                is_news = self._away is None
                self._away_since = now if is_news else self._away_since
                self._away = failure
                self._away_until = now + self._pause * random.uniform(0.75, 1.25)  # noqa: S311 - spreads load
                self._pause = min(2 * self._pause, LONGEST_PAUSE)
        if is_news:
            self._tell("store_down", detail=f"{failure} ({failure.reason})")

    def _is_back(self) -> None:
        with self._lock:
            if self._away is None:
                return
            seconds = self._clock() - self._away_since
            self._away, self._pause = None, FIRST_PAUSE
        self._tell("store_up", seconds=seconds, detail="the token store answers again")
