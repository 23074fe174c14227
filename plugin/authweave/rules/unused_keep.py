"""A value that is kept and never read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.checking.document import Checked
from authweave.checking.parts import keeps_of
from authweave.values import Problem


class UnusedKeep:
    """What an answer keeps is read as `kept.x` by some template; a child may do so, so it is a note."""

    name: ClassVar[str] = "kept.unused"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One note per name."""
        if checked.has_unknown_parts or checked.data.get("abstract") is True:
            return
        read = {read[:2] for _, read in checked.reads if read[0] == "kept"}
        for path, auth, _ in checked.variants:
            for at, _ in keeps_of(path, auth):
                name = str(at[-1])
                if ("kept", name) not in read and ("kept",) not in read and checked.merged.is_own(at) and not (checked.problems and checked.is_mentioned("kept", name)):
                    yield checked.problem(self.name, at, f"nothing reads `kept.{name}`", "read it in a template, or remove it", of_key=True, severity="warning")
