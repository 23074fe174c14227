"""What only a store that answers can do, once it answers again."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Final

from authweave.errors import StoreUnavailable
from authweave.tokens.renewal_context import RenewalContext

AGAIN: Final = (0.1, 0.2, 0.4, 0.8, 1.0, 2.0, 5.0)
"""Seconds between two tries to tell a store what could not be told."""


class Later:
    """Work beside the callers, in flights of its own."""

    def __init__(self, context: RenewalContext) -> None:
        self._context = context

    def do(self, what: Hashable, work: Callable[[], None], seconds: float) -> None:
        """Do it, again and again for so many seconds; not for a store that was let go of. One flight for the same `what`."""
        self._context.flights.run(what, self._context.lane, lambda: self.patiently(work, seconds))

    def patiently(self, work: Callable[[], None], seconds: float) -> None:
        """The same in this very worker."""
        end = time.monotonic() + seconds
        for pause in itertools.chain(AGAIN, itertools.repeat(AGAIN[-1])):
            self._context.flights.rest(pause)
            with suppress(StoreUnavailable):
                return work()
            if time.monotonic() > end or self._context.ledger.is_closed:
                return None
        return None
