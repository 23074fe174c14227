"""A store that fails is left alone for a while: one caller in a while finds out, everybody else goes on at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from authweave.errors import StoreUnavailable
from authweave.foreign import OWN, UNFIT, distribution_of, in_words
from authweave.machine.chance import between
from authweave.machine.forks import begin_anew_in_child

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


class _Outage:
    """A time in which something is left alone, but for one caller in a while who looks.

    `age` names the time before, in or after an outage: what a call of another age comes to says nothing of now.
    """

    def __init__(self, tell: Tell, patience: float, clock: Callable[[], float], words: str) -> None:
        self._tell = tell
        self._patience = patience
        self._clock = clock
        self._words = words
        self._lock = threading.Lock()
        self.why: StoreUnavailable | None = None
        self.age = 0
        self._since = self._until = 0.0
        self._back_since = -SILENCE
        self._pause = FIRST_PAUSE

    def refuse(self) -> None:
        """Raise at once while it is on; let one caller through when it is time to look again."""
        if self.why is not None and (why := self._is_on()) is not None:
            raise why.fresh()

    def _is_on(self) -> StoreUnavailable | None:
        with self._lock:
            if self._clock() < self._until:
                return self.why
            self._until = self._clock() + 2 * self._patience
            return None

    def begins(self, age: int, failure: StoreUnavailable) -> None:
        """It begins, or goes on: a call of this age failed."""
        now = self._clock()
        with self._lock:
            if age != self.age:
                return
            is_news = self.why is None
            if is_news:
                self.age += 1
                self._since = now
                self._pause = FIRST_PAUSE if now >= self._back_since + SILENCE else self._pause
            self.why = failure
            self._until = now + self._pause * between(0.75, 1.25)
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
        if is_news:
            self._tell("store_down", detail=f"{failure} ({failure.reason})")

    def ends(self, age: int) -> None:
        """It is over, if it was on: a call of this age went well."""
        if self.why is None:
            return
        now = self._clock()
        with self._lock:
            if self.why is None or age != self.age:
                return
            self.why, self._back_since = None, now
            self.age += 1
        self._tell("store_up", seconds=now - self._since, detail=f"the token store {self._words} again")


class Guard:
    """Calls a store. Safe for threads and forks. Raises StoreUnavailable and nothing else.

    Of each outage one `store_down` is told, and one `store_up`: a call that was under way when the store went, or came
    back, says nothing of how it is now. A store that somebody else keeps locked can be read all the same.
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
        self._gone = _Outage(self._tell, self._patience, self._clock, "answers")
        self._locked = _Outage(self._tell, self._patience, self._clock, "can be written to")
        self._refusals: dict[str, _Refusal] = {}

    def call(self, work: Callable[..., Value], *arguments: Any, **named: Any) -> Value:
        """What the store answers to somebody who reads."""
        return self._called((self._gone,), work, arguments, named)

    def write(self, work: Callable[..., Value], *arguments: Any, **named: Any) -> Value:
        """What it answers to somebody who changes something."""
        return self._called((self._gone, self._locked), work, arguments, named)

    def _called(self, outages: tuple[_Outage, ...], work: Callable[..., Value], arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Value:
        for outage in outages:
            outage.refuse()
        ages = [outage.age for outage in outages]
        failure: StoreUnavailable
        try:
            answer = work(*arguments, **named)
        except StoreUnavailable as error:
            failure = error.fresh()
        except UNFIT as error:  # a stranger's store raises what it likes; its words may hold anything
            whose = f"the {in_words(store)}" if distribution_of(store := getattr(work, "__self__", work)) not in ("", OWN) else "the token store"
            failure = StoreUnavailable("other", f"{whose} failed with {type(error).__name__}")
        else:
            for outage, age in zip(outages, ages, strict=True):
                outage.ends(age)
            if self._refusals:
                self._does_again(work, arguments)
            return answer
        if failure.reason in _ANSWERING:
            self._gone.ends(ages[0])
            self._refused(failure, work, arguments)
        elif failure.reason == "locked":
            outages[-1].begins(ages[-1], failure)
        else:
            self._gone.begins(ages[0], failure)
        raise failure

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
