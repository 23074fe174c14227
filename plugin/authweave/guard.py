"""A store that fails is left alone for a while: one caller in a while finds out, everybody else goes on at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from authweave.chance import between
from authweave.errors import StoreUnavailable
from authweave.forks import begin_anew_in_child

Value = TypeVar("Value")
Tell = Callable[..., None]
"""Tells an event: its kind, and its fields by name (see `events.Events.tell`)."""

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 10.0
"""Seconds a store is left alone after a failure: from the first, doubling, to the longest; then one call is tried."""
SILENCE: Final = 60.0
"""Seconds between two words about a store that answers and cannot do the same thing; and how long a store that was away
must have answered before its next outage begins with the first pause again."""
_ANSWERING: Final = {"full": "has room", "read_only": "can be written to", "wrong_type": "is nobody else's"}
"""Reasons of a store that is there, and what it is once they are gone: they cost no time, so nobody has to be kept from it."""


@dataclass(slots=True)
class _Refusal:
    """What a store that answers does not do: since when, and until when nothing more is said of it."""

    work: Hashable
    since: float
    silent_until: float
    is_told: bool


class Guard:
    """Calls a store. Safe for threads and forks. Raises StoreUnavailable and nothing else.

    Of each outage one `store_down` is told, and one `store_up`: a call that was under way when the store went, or came
    back, says nothing of how it is now.
    """

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
        self._age = 0
        self._away_since = self._away_until = 0.0
        self._back_since = -SILENCE
        self._pause = FIRST_PAUSE
        self._refusals: dict[str, _Refusal] = {}

    @property
    def away(self) -> StoreUnavailable | None:
        """Why the store is left alone, if it is."""
        return self._away

    def call(self, work: Callable[..., Value], *arguments: Any, **named: Any) -> Value:
        """What the store answers."""
        self._refuse_while_away()
        age = self._age
        failure: StoreUnavailable
        try:
            answer = work(*arguments, **named)
        except StoreUnavailable as error:
            failure = error.fresh()
        except Exception as error:  # noqa: BLE001 - a stranger's store raises what it likes; its words may hold anything
            failure = StoreUnavailable("other", f"the token store failed with {type(error).__name__}")
        else:
            if self._away is not None:
                self._is_back(age)
            if self._refusals:
                self._does_again(work, arguments)
            return answer
        if failure.reason in _ANSWERING:
            self._is_back(age)
            self._refused(failure, work, arguments)
        else:
            self._is_away(age, failure)
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

    def _is_away(self, age: int, failure: StoreUnavailable) -> None:
        now = self._clock()
        with self._lock:
            if age != self._age:
                return
            is_news = self._away is None
            if is_news:
                self._age += 1
                self._away_since = now
                self._pause = FIRST_PAUSE if now >= self._back_since + SILENCE else self._pause
            self._away = failure
            self._away_until = now + self._pause * between(0.75, 1.25)
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
        if is_news:
            self._tell("store_down", detail=f"{failure} ({failure.reason})")

    def _is_back(self, age: int) -> None:
        now = self._clock()
        with self._lock:
            if self._away is None or age != self._age:
                return
            self._away, self._back_since = None, now
            self._age += 1
        self._tell("store_up", seconds=now - self._away_since, detail="the token store answers again")

    def _refused(self, failure: StoreUnavailable, work: Hashable, arguments: tuple[Any, ...]) -> None:
        now = self._clock()
        with self._lock:
            refusal = self._refusals.get(failure.reason)
            if refusal is None or (not refusal.is_told and now >= refusal.silent_until):
                refusal = self._refusals[failure.reason] = _Refusal(_mark(failure.reason, work, arguments), now, now + SILENCE, is_told=True)
                is_news = True
            else:
                is_news = False
        if is_news:
            self._tell("store_down", detail=f"{failure} ({failure.reason})")

    def _does_again(self, work: Hashable, arguments: tuple[Any, ...]) -> None:
        """The store does what it had refused; until the silence is over, nothing is said if it refuses again."""
        for reason, refusal in list(self._refusals.items()):
            if refusal.is_told and refusal.work == _mark(reason, work, arguments):
                with self._lock:
                    is_news, refusal.is_told = refusal.is_told, False
                if is_news:
                    self._tell("store_up", seconds=self._clock() - refusal.since, detail=f"the token store {_ANSWERING[reason]} again")


def _mark(reason: str, work: Hashable, arguments: tuple[Any, ...]) -> Hashable:
    """What has to go well again: the same call; and for something foreign under one name, with the same name."""
    return (work, arguments[:1]) if reason == "wrong_type" else work
