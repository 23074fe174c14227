"""What is written when things go wrong again and again: the first of each, then a count."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from authweave.events import KINDS, Event

QUIET: Final = 60.0
"""Seconds in which the same bad kind for the same key is written once."""
MOST: Final = 100
"""Keys of one kind that are told apart in that time; the rest of the kind shares one line."""

_About = tuple[str, str, str]


@dataclass(slots=True)
class _Told:
    since: float
    last: Event
    left_out: int = 0


class Flood:
    """Decides what is written now. Its memory is bounded, whatever happens. Not safe for threads: whoever has one has a
    lock, too. `clock` is monotonic seconds."""

    __slots__ = ("_clock", "_keys", "_told")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told: OrderedDict[_About, _Told] = OrderedDict()
        self._keys: Counter[str] = Counter()

    def due(self, event: Event) -> list[tuple[Event, int]]:
        """What to write now that this happened: (event, how many others like it were left out since the last line).

        Counts whose minute is over come first, each under the last event that was left out.
        """
        now, about = self._clock(), _about(event)
        known = self._told.get(about)
        if known is not None and now >= known.since + QUIET:
            self._forget(about)
            return [*self._over(now), *self._first(now, about, event, known.left_out)]
        return [*self._over(now), *self._first(now, about, event, 0)]

    def _first(self, now: float, about: _About, event: Event, left_out: int) -> Iterator[tuple[Event, int]]:
        if not event.is_bad:
            yield event, 0
            return
        if about not in self._told and self._keys[about[0]] >= MOST:
            about = (about[0], "", "the rest")
        if known := self._told.get(about):
            known.last, known.left_out = event, known.left_out + 1
            return
        self._told[about] = _Told(now, event)
        self._keys[about[0]] += 1
        yield event, left_out

    def _over(self, now: float) -> Iterator[tuple[Event, int]]:
        """Oldest first: that is the order of the map."""
        while self._told:
            about, told = next(iter(self._told.items()))
            if now < told.since + QUIET:
                return
            self._forget(about)
            if told.left_out:
                yield told.last, told.left_out - 1

    def _forget(self, about: _About) -> None:
        del self._told[about]
        self._keys[about[0]] -= 1


def _about(event: Event) -> _About:
    kind = event.kind if event.kind in KINDS else ""
    return kind, event.key, "" if event.key else event.endpoint or event.profile
