"""What one template may cost, so that a hostile one is refused or stopped within moments.

Sizes and depths are fixed; the sum of what the functions of one evaluation read and make is counted as
work. Evaluation happens within one thread, so the count is per thread.
"""

from __future__ import annotations

import math
import threading
from typing import Final

TEXT_LENGTH: Final = 16 * 1024
DEPTH: Final = 40
NODES: Final = 1000
TOKENS: Final = 5000
ITEMS: Final = 256
MANY_ITEMS: Final = 10_000
RESULT_LENGTH: Final = 1024 * 1024
INTEGER: Final = 2**63
WORK: Final = 2 * 1024 * 1024


class Unfit(Exception):
    """A value that cannot be used here; becomes a TemplateError. The message names kinds and functions, no value."""


class _Work(threading.local):
    left = WORK


_work = _Work()


def begin() -> None:
    """Start the count of one evaluation."""
    _work.left = WORK


def charge(amount: int) -> None:
    """Count work that is about to be done."""
    _work.left -= amount
    if _work.left < 0:
        raise Unfit("more work than one template may do")


def fits(length: int) -> None:
    """Count a text or bytes of `length` that is about to be made, and refuse one that is too long."""
    if length > RESULT_LENGTH:
        raise Unfit(f"the result would be longer than {RESULT_LENGTH} characters")
    charge(length)


def bounded(number: float) -> float:
    """The number, if it can be written in JSON and every language reads it alike."""
    if isinstance(number, int):
        if not -INTEGER <= number <= INTEGER:
            raise Unfit("the number is beyond 2^63")
    elif not math.isfinite(number):
        raise Unfit("the number has no end")
    return number
