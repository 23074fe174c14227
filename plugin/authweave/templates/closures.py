"""What a compiled part of an expression does when it is run: plain closures over the scope."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from authweave.templates.functions import Function
from authweave.templates.operators import item, revealed
from authweave.values import Secret

Scope = Mapping[str, Any]
Run = Callable[[Scope], Any]


class Part:
    """A compiled node: how to run it, and how to name the path that made it null."""

    __slots__ = ("missing", "run")

    def __init__(self, run: Run, missing: Callable[[Scope], str]) -> None:
        self.run = run
        self.missing = missing


def first_missing(parts: tuple[Part, ...]) -> Callable[[Scope], str]:
    """The path that the first part without a value names."""

    def missing(scope: Scope) -> str:
        return next((part.missing(scope) for part in parts if part.run(scope) is None), "")

    return missing


def never_missing(_: Scope) -> str:
    """For what is never null."""
    return ""


def constant(value: Any) -> Run:
    """The same value, whatever the scope."""
    return lambda scope: value


def named_by(path: tuple[str, ...]) -> Callable[[Scope], str]:
    """The path as it is written."""
    return lambda scope: ".".join(path)


def path_of(space: str, keys: list[Any]) -> Run:
    """A look-up by names and numbers that are written out."""
    if not keys:
        return lambda scope: revealed(scope.get(space))
    if len(keys) > 1:
        return _run_long_path(space, keys)
    [key] = keys

    def run(scope: Scope) -> Any:
        holder = scope.get(space)
        value = holder.get(key) if type(holder) is dict else item(holder, key)
        return revealed(value) if type(value) is Secret else value

    return run


def _run_long_path(space: str, keys: list[Any]) -> Run:
    def run(scope: Scope) -> Any:
        value = scope.get(space)
        for key in keys:
            value = value.get(key) if type(value) is dict else item(value, key)
        return revealed(value) if type(value) is Secret else value

    return run


def chain(start: Run, tests: list[tuple[Callable[[Any, Any], Any], Run]]) -> Run:
    """`a < b < c`: each pair must hold, each operand is looked at once (as in Python and Jinja)."""

    def run(scope: Scope) -> Any:
        left, answer = start(scope), None
        for test, other in tests:
            right = other(scope)
            if not (answer := test(left, right)):
                return answer
            left = right
        return answer

    return run


def now(scope: Scope) -> int:
    """Unix seconds, whole: those of the scope, where it has some."""
    fixed = scope.get("now")
    return int(time.time() if fixed is None else fixed)


def default(value: Part, fallback: Part) -> Part:
    """The fallback in the place of a null."""

    def run(scope: Scope) -> Any:
        found = value.run(scope)
        return fallback.run(scope) if found is None else found

    return Part(run, fallback.missing)


def called(function: Function, parts: tuple[Part, ...], named: dict[str, Part]) -> Part:
    """A function of values; null where one of them is."""
    runs, options = [part.run for part in parts], {key: part.run for key, part in named.items()}

    def run(scope: Scope) -> Any:
        values = [one(scope) for one in runs]
        given = {key: one(scope) for key, one in options.items()} if options else {}
        for value in (*values, *given.values()):
            if value is None:
                return None
        return function.on(values, given)

    return Part(run, first_missing((*parts, *named.values())))
