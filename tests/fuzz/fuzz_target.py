"""What is fuzzed: a part of the product that reads what strangers wrote, and everything that must hold of it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, NoReturn
from unittest.mock import patch

NAMES = ("loader", "templates", "challenges", "token_answers", "patterns", "urls")
"""Every target, by the name of its file; CI runs them all."""
SLOW = 1.0
"""Seconds of processor time: an input that takes longer is a bug."""
LARGE = 50 * 1024 * 1024
"""Bytes: an input that needs more at once is a bug."""


class Bug(Exception):
    """Something does not hold that must hold of every input."""


def bug(words: str) -> NoReturn:
    """Say what does not hold."""
    raise Bug(words)


@contextmanager
def planted(holder: Any, name: str, wrong: Any, forget: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Meanwhile `wrong` stands in the place of what is right; `forget` empties what was remembered of either."""
    with patch.object(holder, name, wrong):
        forget()
        yield
    forget()


@dataclass(frozen=True)
class Target:
    """One part under test.

    `check` reads an input and raises whatever is not allowed to happen; what it returns tells kinds of outcomes apart.
    `mutate` makes a neighbour of an input by its grammar (None: leave it to the fuzzer). `plant` puts a realistic bug into
    this process, `planted` says which one. `modules` are the prefixes of the modules whose lines are counted, `found` tells
    what came to light here and was mended.
    """

    name: str
    modules: tuple[str, ...]
    check: Callable[[bytes], Hashable]
    seeds: Callable[[], Iterable[bytes]]
    mutate: Callable[[bytes, Random], bytes | None]
    words: tuple[bytes, ...]
    plant: Callable[[], AbstractContextManager[Any]]
    planted: str
    longest: int
    found: tuple[str, ...] = ()


def named(name: str) -> Target:
    """The target in the file of that name, imported now."""
    from importlib import import_module

    target: Target = import_module(name).TARGET
    return target


def modules_of(name: str) -> tuple[str, ...]:
    """The `modules` of a target, without importing it: they are to be instrumented when it is."""
    tree = ast.parse((Path(__file__).resolve().parent / f"{name}.py").read_text("utf-8"))
    [written] = [node.value for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "modules"]
    modules: tuple[str, ...] = ast.literal_eval(written)
    return modules


def signature(error: BaseException) -> str:
    """Type and innermost place of an error: two inputs with one signature are one bug."""
    place = ""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        module = trace.tb_frame.f_globals.get("__name__", "")
        if module.startswith("authweave") or not place:
            place = f"{module}.{code.co_qualname if hasattr(code, 'co_qualname') else code.co_name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return str(error) if isinstance(error, Bug) else f"{type(error).__name__} at {place} ({error!s:.120})"
