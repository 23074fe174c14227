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
        """One problem per name. Not where a part is unknown: it may read it."""
        if checked.has_unknown_parts or checked.data.get("abstract") is True:
            return
        read = {read[:2] for _, read in checked.reads}
        for space in ("inputs", "vars"):
            for name in checked.data.get(space, {}):
                if (space, name) not in read and (space,) not in read and checked.merged.is_own((space, name)) and not self._may_be_read(checked, space, name):
                    yield checked.problem(self.name, (space, name), "nothing reads it", "use it in a template, or remove it", of_key=True)

    def _may_be_read(self, checked: Checked, space: str, name: str) -> bool:
        """Does a part that could not be looked at read it?"""
        return bool(checked.problems) and checked.is_mentioned(space, name)
