"""JSON vectors: ours from `tests/vectors`, those not ours to ship from the folder that AUTHWEAVE_VECTORS names.

Without AUTHWEAVE_VECTORS that is `shared/vectors` beside the checkout.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from parts.not_run import missing

TESTS = Path(__file__).parent.parent
OURS = TESTS / "vectors"


def load(name: str) -> Any:
    """The vectors of file `name` (`rfc7617_basic.json`); what asks for a file that is nowhere is skipped and reported.

    May be called while tests are collected (for `parametrize`): then the whole module is skipped.
    """
    places = (OURS / name, shared() / name)
    if (file := next((place for place in places if place.is_file()), None)) is None:
        missing(f"{name} is not in tests/vectors nor in the shared vectors", "AUTHWEAVE_VECTORS=<that folder>")
    return json.loads(file.read_text(encoding="utf-8"))


def shared() -> Path:
    """The folder of vectors that are not ours to ship."""
    return Path(os.environ.get("AUTHWEAVE_VECTORS") or TESTS.parent.parent / "shared" / "vectors")


@pytest.fixture(scope="session")
def vectors() -> Callable[[str], Any]:
    """`vectors("rfc7617_basic.json")` is that file's JSON; the test is skipped and reported where it is nowhere."""
    return load
