"""Many cases, of which the core tier tries a few."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import pytest


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
