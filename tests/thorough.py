"""Many cases: of which the core tier tries a few, or that are one test, because each costs less than a test does."""

from __future__ import annotations

import functools
import inspect
import itertools
import traceback
from collections.abc import Callable, Iterable
from typing import Any

import pytest

ParameterSet = type(pytest.param())

class Wrong(AssertionError):
    """What is wrong with some of the cases of one test: each with its name."""

    def __init__(self, found: dict[str, str], of: int) -> None:
        self.found = found
        told = "\n".join(f"--- {name}\n{what}" for name, what in found.items())
        super().__init__(f"{len(found)} of {of} cases: {', '.join(found)}\n{told}")


def every(names: str, cases: Iterable[Any], ids: Callable[[Any], Any] | Iterable[Any] | None = None) -> Callable[[Any], Any]:
    """As `parametrize`, and one test: it goes through all cases, whatever is wrong with one, and tells of each that is wrong.

    For what asks for no fixture of its own, and for cases that nobody needs to leave out.
    """
    keys = [name.strip() for name in names.split(",")]
    given = list(cases)
    rows = [_values(case, len(keys)) for case in given]
    labels = [_label(case, row, ids) for case, row in zip(given, rows, strict=True)] if ids is None or callable(ids) else [str(name) for name in ids]
    assert rows, "there is no case"
    assert {len(keys)} == {len(row) for row in rows}
    assert len(rows) == len(labels)

    def decorate(test: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(test)
        def sweep(*args: Any, **others: Any) -> None:
            found: dict[str, str] = {}
            for number, (row, label) in enumerate(zip(rows, labels, strict=True)):
                name = label if labels.count(label) == 1 else f"{label} ({number})"
                try:
                    test(*args, **dict(zip(keys, row, strict=True)), **others)
                except Wrong as wrong:
                    found |= {f"{name}, {inner}": what for inner, what in wrong.found.items()}
                except pytest.skip.Exception as skipped:
                    found[name] = f"a case cannot be skipped: {skipped}"
                except Exception as error:  # noqa: BLE001 - the others are looked at, too
                    found[name] = "".join(traceback.format_exception(error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)))
            if found:
                raise Wrong(found, sweep.cases)  # type: ignore[attr-defined]  # set below

        sweep.cases = len(rows) * getattr(test, "cases", 1)  # type: ignore[attr-defined]  # for whoever sweeps over this one
        signature = inspect.signature(test)
        left = [parameter for name, parameter in signature.parameters.items() if name not in keys]
        sweep.__signature__ = signature.replace(parameters=left)  # type: ignore[attr-defined]  # what pytest reads
        return sweep

    return decorate


def _values(case: Any, many: int) -> tuple[Any, ...]:
    if isinstance(case, ParameterSet):
        assert not case.marks, f"{case.id}: a case of many has no marks of its own"
        return tuple(case.values)
    return (case,) if many == 1 else tuple(case)


def _label(case: Any, values: Iterable[Any], ids: Callable[[Any], Any] | None) -> str:
    if isinstance(case, ParameterSet) and isinstance(case.id, str):
        return case.id
    told = [(value, ids(value) if ids else None) for value in values]
    return "-".join(_named(value) if name is None else str(name) for value, name in told)


def _named(value: Any) -> str:
    text = getattr(value, "__name__", None) or str(value)
    return f"{text if text.isprintable() and not text.startswith('<') else repr(value):.60}"


def few(cases: Iterable[Any], *, every: int) -> list[Any]:
    """The cases for `parametrize`: one in so many runs in each tier, the others from the tier real on."""
    return [case if number % every == 0 else _thorough(case) for number, case in enumerate(cases)]


def pairs(*dimensions: Iterable[Any]) -> list[tuple[Any, ...]]:
    """As few rows as it takes for each value to stand beside each value of every other dimension, always the same ones.

    The full product of what are four or five independent things finds little more, and costs many times as much.
    """
    values = [list(dimension) for dimension in dimensions]
    places = list(itertools.combinations(range(len(values)), 2))
    missing = {(a, x, b, y): None for a, b in places for x in range(len(values[a])) for y in range(len(values[b]))}
    rows = []
    while missing:
        a, x, b, y = next(iter(missing))
        row = {a: x, b: y}
        for place in sorted(set(range(len(values))) - {a, b}, key=lambda place: -len(values[place])):
            row[place] = max(range(len(values[place])), key=lambda one: (sum(_pair(place, one, *beside) in missing for beside in row.items()), -((one + len(rows)) % len(values[place]))))
        for first, second in places:
            missing.pop((first, row[first], second, row[second]), None)
        rows.append(tuple(values[place][row[place]] for place in range(len(values))))
    return rows


def _pair(a: int, x: int, b: int, y: int) -> tuple[int, int, int, int]:
    return (a, x, b, y) if a < b else (b, y, a, x)


def _thorough(case: Any) -> Any:
    return pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.thorough)
