"""What one template may cost, so that a hostile one is refused or stopped within moments.

Sizes and depths are fixed; the sum of what the functions of one evaluation read and make is counted as
work. Evaluation happens within one thread, so the count is per thread; what is evaluated on the way (`vars`) counts
for whoever reads it. All evaluations of one token call, or of one attempt of a task request, share a `Budget`, which
their scope holds. docs/bounds.md lists every bound.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from typing import Any, Final

TEXT_LENGTH: Final = 16 * 1024
DEPTH: Final = 40
NODES: Final = 1000
TOKENS: Final = 5000
ITEMS: Final = 256
MANY_ITEMS: Final = 10_000
RESULT_LENGTH: Final = 1024 * 1024
INTEGER: Final = 2**63
WORK: Final = 2 * 1024 * 1024
WORK_OF_CALL: Final = 16 * 1024 * 1024
EXPRESSIONS: Final = 1000
WRITTEN: Final = 64 * 1024
COMBINING: Final = 30
_OF_A_PART: Final = 8
"""The work of looking at one item of a list or map, in characters of text."""
REMEMBERED: Final = 256
"""Templates longer than this are not kept in memory for the next who says the same."""
BUDGET: Final = "work"
"""Where a scope holds its Budget; no template can read it."""


class Unfit(Exception):
    """A value that cannot be used here; becomes a TemplateError. The message names kinds and functions, no value."""


class Budget:
    """The work that all templates of one token call, or of one attempt of a task request, may do together."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = WORK_OF_CALL


class _Work(threading.local):
    left = WORK
    budget: Budget | None = None
    is_going_on = False


_work = _Work()


def begin(scope: Mapping[str, Any]) -> bool:
    """Start the count of one evaluation; within another that one's goes on. The answer is for `end`."""
    if _work.is_going_on:
        return False
    _work.left = WORK
    _work.budget = scope.get(BUDGET)
    _work.is_going_on = True
    return True


def end(is_first: bool) -> None:
    """The evaluation is over; `is_first` is what `begin` answered."""
    if is_first:
        _work.is_going_on = False
        if _work.budget is not None:
            _work.budget.left -= WORK - max(_work.left, 0)
            _work.budget = None


def charge(amount: int) -> None:
    """Count work that is about to be done."""
    _work.left -= amount
    if _work.left < 0:
        raise Unfit(f"more work than one template may do ({WORK} characters and parts)")
    if _work.budget is not None and _work.budget.left - (WORK - _work.left) < 0:
        raise Unfit(f"more work than all templates of one call may do ({WORK_OF_CALL} characters and parts)")


def spend(scope: Mapping[str, Any], length: int) -> None:
    """Count a text of `length` that goes out of templates, and refuse one that is too long."""
    if length > RESULT_LENGTH:
        raise Unfit(f"the text would be longer than {RESULT_LENGTH} characters")
    budget = scope.get(BUDGET)
    if budget is not None:
        budget.left -= length
        if budget.left < 0:
            raise Unfit(f"more text than all templates of one call may make ({WORK_OF_CALL} characters)")


def weight(value: Any, most: int) -> int:
    """How much there is in a value: characters, bytes, items at any depth; not looked further than `most`."""
    return _weight_and_parts(value, most)[0]


def weigh_out(scope: Mapping[str, Any], value: Any) -> int:
    """The weight of a list or map that goes out of templates. Looking through it is work, which each reader would cause anew."""
    total, parts = _weight_and_parts(value, RESULT_LENGTH)
    is_first = begin(scope)
    try:
        charge(_OF_A_PART * parts)
    finally:
        end(is_first)
    return total


def _weight_and_parts(value: Any, most: int) -> tuple[int, int]:
    total, parts, waiting = 0, 0, [value]
    while waiting and total <= most:
        one = waiting.pop()
        total += 1
        parts += 1
        if isinstance(one, str | bytes):
            total += len(one)
        elif isinstance(one, dict):
            waiting.extend(one.values())
            total += sum(map(len, filter(_is_text, one)))
            parts += len(one)
        elif isinstance(one, list | tuple):
            waiting.extend(one)
    return total, parts


def _is_text(value: Any) -> bool:
    return type(value) is str


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
