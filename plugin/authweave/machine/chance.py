"""Chance that spreads load in time. It guards nothing, and leaves the random numbers of the host's own program alone."""

from __future__ import annotations

import random
from typing import Final

from authweave.machine.forks import begin_anew_in_child


class _Chance(random.Random):
    """A source of its own. A forked child begins anew, or it would choose the same moments as its parent."""

    def in_child(self) -> None:
        """Begin elsewhere."""
        self.seed()


_chance: Final = _Chance()
begin_anew_in_child(_chance)


def between(least: float, most: float) -> float:
    """Some number from `least` to `most`."""
    return _chance.uniform(least, most)


def one_in(many: int) -> bool:
    """True once in so many times."""
    return _chance.random() * many < 1.0
