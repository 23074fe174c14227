"""An input or a variable that nothing reads: a form field that people would fill in for nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.checking.document import Checked
from authweave.values import Problem, path_of


class UnusedInput:
    """What this file declares is read by some template. What a parent declares, and an abstract profile's, may wait."""

    name: ClassVar[str] = "input.unused"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per name. Not where a part is unknown: it may read it."""
        if checked.has_unknown_parts or checked.data.get("abstract") is True or _hides_templates(checked):
            return
        read = {read[:2] for _, read in checked.reads}
        for space in ("inputs", "vars"):
            for name in checked.data.get(space, {}):
                if (space, name) not in read and (space,) not in read and checked.merged.is_own((space, name)) and not self._may_be_read(checked, space, name):
                    yield checked.problem(self.name, (space, name), "nothing reads it", "use it in a template, or remove it", of_key=True)

    def _may_be_read(self, checked: Checked, space: str, name: str) -> bool:
        """Does a part that could not be looked at read it, or one that misspells it?"""
        if not checked.problems:
            return False
        meant = f"did you mean `{space}.{name}`?"
        return checked.is_mentioned(space, name) or any(problem.fix.startswith(meant) for problem in checked.problems)


def _hides_templates(checked: Checked) -> bool:
    """Is a whole part of the profile something else than it should be?"""
    tops = ("auth", "servers", "fields", "test", "vars")
    return any(
        problem.rule in ("schema.type", "document.unquoted_template") and (path := path_of(problem.key))[0] in tops and len(path) <= 3
        for problem in checked.problems if problem.key
    )  # fmt: skip
