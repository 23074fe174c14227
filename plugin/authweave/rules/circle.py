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
        if not checked.full["vars"]:
            return
        reads: dict[str, set[str]] = {}
        for path, read in checked.reads:
            if path[0] == "vars" and read[0] == "vars":
                reads.setdefault(str(path[1]), set()).update(read[1:2] or checked.full["vars"])
        for name in _in_circles(reads):
            yield checked.problem(self.name, ("vars", name), "this variable needs itself", "take it out of its own value")


def _in_circles(reads: dict[str, set[str]]) -> list[str]:
    """What is left when everything that ends somewhere is taken away, again and again, from both ends."""
    left = {name: set(others) for name, others in reads.items()}
    for graph in (left, _turned(left)):
        while ends := [name for name in left if not graph.get(name, set()) & left.keys()]:
            for name in ends:
                del left[name]
    return list(left)


def _turned(reads: dict[str, set[str]]) -> dict[str, set[str]]:
    turned: dict[str, set[str]] = {}
    for name, others in reads.items():
        for other in others:
            turned.setdefault(other, set()).add(name)
    return turned
