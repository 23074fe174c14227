"""Many cases, of which the core tier tries a few."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def few(cases: Iterable[Any], *, every: int) -> list[Any]:
    """The cases for `parametrize`: one in so many runs in each tier, the others from the tier real on."""
    return [case if number % every == 0 else _thorough(case) for number, case in enumerate(cases)]


def _thorough(case: Any) -> Any:
    return pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.thorough)
