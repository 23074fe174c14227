"""Variables that read each other in a circle."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.checking import Checked
from authweave.values import Problem


class Circle:
    """A variable cannot need itself, directly or over others."""

    name: ClassVar[str] = "vars.circle"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per variable in a circle."""
        reads: dict[str, set[str]] = {}
        for path, read in checked.reads():
            if path[0] == "vars" and read[0] == "vars" and len(read) > 1:
                reads.setdefault(str(path[1]), set()).add(read[1])
        for name in reads:
            if name in _reachable(name, reads):
                yield checked.problem(self.name, ("vars", name), "this variable needs itself", "take it out of its own value")


def _reachable(name: str, reads: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(reads.get(name, ()))
    while waiting:
        if (one := waiting.pop()) not in found:
            found.add(one)
            waiting += reads.get(one, ())
    return found
