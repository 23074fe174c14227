"""An input or a variable that nothing reads: a form field that people would fill in for nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.checking import Checked
from authweave.values import Problem


class UnusedInput:
    """What this file declares is read by some template. What a parent declares, and an abstract profile's, may wait."""

    name: ClassVar[str] = "input.unused"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per name."""
        if checked.full.get("abstract") is True:
            return
        read = {read[:2] for _, read in checked.reads()}
        whole = {path[0] for path in read if len(path) == 1}
        for space in ("inputs", "vars"):
            for name in checked.data.get(space) or {}:
                if (space, name) not in read and space not in whole and checked.merged.is_own((space, name)):
                    yield checked.problem(self.name, (space, name), "nothing reads it", "use it in a template, or remove it", of_key=True)
