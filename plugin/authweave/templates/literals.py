"""What stands in an expression is looked at when a profile is loaded: numbers, texts, maps, the arguments of functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from authweave.templates.bounds import INTEGER, ITEMS, Unfit, bounded
from authweave.templates.functions import Function
from authweave.templates.refusals import (
    HALF,
    Refused,
)


def check_arguments(function: Function, given: list[Any], named: dict[str, Any], node: Any) -> None:
    """Raise Refused for arguments that a function does not take."""
    left = function.parameters[len(given) :]
    needed = [name for name in left if name not in function.optional]
    wrong = set(named) - (set(left) & set(function.optional))
    if len(given) > len(function.parameters) or needed or wrong or len(named) < len(node.kwargs):
        raise Refused(
            f"`{function.name}` is given other values than it takes",
            f"it is {function.signature}", line=node.lineno, needle=function.name,
        )  # fmt: skip
    positions = dict(enumerate(given)) | {function.parameters.index(name): value for name, value in named.items()}
    for position, check in function.literals.items():
        if type(argument := positions.get(position)).__name__ == "Const":
            _check_literal(function, check, argument)


def _check_literal(function: Function, check: Callable[[Any], None], node: Any) -> None:
    try:
        check(node.value)
    except (Unfit, ValueError) as unfit:
        raise Refused(f"{function.name}: {unfit}", f"it is {function.signature}", line=node.lineno, needle=function.name) from None


def check_items(node: Any) -> None:
    """Raise Refused for a list or map of too many items."""
    if len(node.items) > ITEMS:
        raise Refused(f"a list or map of more than {ITEMS} items", "leave some out", line=node.lineno)


def map_key(node: Any) -> str | int | bool:
    """The key of a map. Raises Refused for one that is no literal."""
    if type(node).__name__ == "Const" and type(node.value) in (str, int, bool):
        key: str | int | bool = node.value
        return key
    raise Refused("the keys of a map are literals", "write {'a': …}", line=node.lineno)


def check_number(value: float, line: int) -> None:
    """Raise Refused for a number beyond the bounds."""
    try:
        bounded(value)
    except Unfit:
        raise Refused(f"a number beyond {INTEGER}", "quote it if it is a text", line=line) from None


def refuse_half_characters(text: str, line: int) -> None:
    """Raise Refused for a text that no encoding can write."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refused("a text with half a character (a lone surrogate)", HALF, line=line) from None
