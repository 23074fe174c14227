"""The operations of templates on values: looking up, calculating, comparing.

Looking up means items of maps and lists, never attributes. Anything that cannot be done raises `Unfit`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from authweave.lazy import Later
from authweave.templates.bounds import WORK, Unfit, bounded, charge, fits, weight
from authweave.templates.operands import is_number, kind
from authweave.values import Secret


def revealed(value: Any) -> Any:
    """What was looked up, ready to be worked with: the only place where a template opens a Secret."""
    if type(value) is Later:
        value = value.value()
    return value.reveal() if type(value) is Secret else value


def item(holder: Any, key: Any) -> Any:
    """An item of a map or list, or null; never an attribute."""
    holder = revealed(holder)
    if isinstance(holder, Mapping):
        return holder.get(key) if type(key) in (str, int, bool) else None
    if isinstance(holder, list | tuple) and type(key) is int:
        return holder[key] if -len(holder) <= key < len(holder) else None
    return None


def arithmetic(symbol: str, a: Any, b: Any) -> Any:
    """`a + b` and its like: numbers, or null if one is null; `+` also puts two texts together."""
    if a is None or b is None:
        return None
    if is_number(a) and is_number(b):
        return bounded(_ARITHMETIC[symbol](a, b))
    return _not_numbers(symbol, a, b)


def negative(value: Any) -> Any:
    """`-a`."""
    if value is None:
        return None
    if not is_number(value):
        raise Unfit(f"`-` takes numbers, got {kind(value)}")
    return bounded(-value)


_ARITHMETIC: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
}


def _not_numbers(symbol: str, a: Any, b: Any) -> Any:
    if symbol == "+" and type(a) is str and type(b) is str:
        fits(len(a) + len(b))
        return a + b
    hint = "; join text with `~`" if symbol == "+" else "; turn text into a number with `int`"
    raise Unfit(f"`{symbol}` takes numbers, got {kind(a)} and {kind(b)}{hint}")


_NESTED: Final = frozenset({list, tuple, dict})
_OF_A_PART: Final = 20
"""The work of comparing one item of a list or map, in characters of text."""


def _weigh(value: Any) -> None:
    kind_of_value = type(value)
    if kind_of_value is str or kind_of_value is bytes:
        charge(len(value))
    elif kind_of_value in _NESTED:
        charge(_OF_A_PART * weight(value, WORK // _OF_A_PART))


def _equal(a: Any, b: Any) -> Any:
    _weigh(a)
    return a == b


def _unequal(a: Any, b: Any) -> Any:
    _weigh(a)
    return a != b


def _is_in(a: Any, b: Any) -> Any:
    if b is None or (a is None and isinstance(b, str | bytes)):
        return False
    if isinstance(b, Mapping):
        return a in b
    _weigh(b)
    if isinstance(b, list | tuple):
        return a in b
    if (isinstance(a, str) and isinstance(b, str)) or (isinstance(a, bytes) and isinstance(b, bytes)):
        return b.find(a) >= 0  # type: ignore[arg-type]  # both are of one kind
    raise Unfit(f"`in` looks into a list, a map or text, got {kind(a)} in {kind(b)}")


def _is_not_in(a: Any, b: Any) -> Any:
    return not _is_in(a, b)


def _ordered(symbol: str, compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], Any]:
    def run(a: Any, b: Any) -> Any:
        if a is None or b is None:
            return None
        if (is_number(a) and is_number(b)) or (type(a) is str and type(b) is str):
            _weigh(a)
            return compare(a, b)
        raise Unfit(f"`{symbol}` compares numbers or text, got {kind(a)} and {kind(b)}")

    return run


COMPARISONS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "eq": _equal,
    "ne": _unequal,
    "in": _is_in,
    "notin": _is_not_in,
    "lt": _ordered("<", operator.lt),
    "lteq": _ordered("<=", operator.le),
    "gt": _ordered(">", operator.gt),
    "gteq": _ordered(">=", operator.ge),
}
