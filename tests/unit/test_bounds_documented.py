"""The page of bounds says what the constants say."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

from thorough import every

PAGE = (Path(__file__).parents[2] / "docs" / "bounds.md").read_text()
ROWS = re.findall(r"^\| (?!what \| bound|---)(.+?) \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE)


@every("what, bound, constants", ROWS)
def test_each_bound_is_the_one_in_force(what: str, bound: str, constants: str) -> None:
    """Every constant of a row is one of its numbers."""
    numbers = {int(number) for number in re.findall(r"\d+", bound)} | {int(number) * 1024 for number in re.findall(r"(\d+) KiB", bound)}
    module = ""
    for constant in re.findall(r"`([\w.]+)`", constants):
        module, _, name = constant.rpartition(".") if "." in constant else (module, "", constant)
        assert getattr(importlib.import_module(f"authweave.{module}"), name) in numbers, (what, constant)
