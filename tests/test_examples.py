"""Profiles of real providers load."""

from __future__ import annotations

from pathlib import Path

import pytest

from authweave import load
from authweave.loading import check_file
from parts.not_run import missing
from parts.vectors import shared

EXAMPLES = shared().parent / "examples"
NAMES = sorted(file.stem for file in EXAMPLES.glob("*.yaml")) if EXAMPLES.is_dir() else ["(none)"]


@pytest.fixture
def examples() -> Path:
    if not EXAMPLES.is_dir():
        missing(f"there are no examples at {EXAMPLES}", "AUTHWEAVE_VECTORS=<the folder of vectors beside them>")
    return EXAMPLES


@pytest.mark.parametrize("name", NAMES)
def test_an_example_loads(name: str, examples: Path) -> None:
    """It becomes a profile, and there is nothing to say about it but warnings."""
    file = examples / f"{name}.yaml"

    assert name == load(file).name
    assert [] == [problem for problem in check_file(file).problems if problem.severity == "error"]
