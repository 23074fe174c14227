"""Variables that read each other in a circle."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.checking.document import Checked
from authweave.templates.bounds import DEPTH
from authweave.values import Problem


class Circle:
    """A variable cannot need itself, directly or over others, nor more others in a row than a template may be deep."""

    name: ClassVar[str] = "vars.circle"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per variable in a circle."""
        if not checked.full["vars"]:
            return
        reads: dict[str, set[str]] = {}
        for path, read in checked.reads:
            if path[0] == "vars" and read[0] == "vars":
                reads.setdefault(str(path[1]), set()).update(read[1:2] or checked.full["vars"])
        circles = _in_circles(reads)
        for name in circles:
            yield checked.problem(self.name, ("vars", name), "this variable needs itself", "take it out of its own value")
        if not circles and (name := _too_deep(reads)):
            yield checked.problem(self.name, ("vars", name), f"this variable needs others that need others, more than {DEPTH} deep", "put some of them together")


def _too_deep(reads: dict[str, set[str]]) -> str:
    """A variable that more than DEPTH others stand behind, one after another; ''. There are no circles."""
    behind = set(reads)
    for _ in range(DEPTH):
        behind = {name for name in behind if reads[name] & behind}
        if not behind:
            return ""
    return next(name for name in reads if name in behind)


def _in_circles(reads: dict[str, set[str]]) -> list[str]:
    """What is left when everything that ends somewhere is taken away, again and again, from both ends."""
    left = _without_ends(reads)
    turned: dict[str, set[str]] = {name: set() for name in left}
    for name in left:
        for other in reads[name] & left:
            turned[other].add(name)
    circles = _without_ends(turned)
    return [name for name in reads if name in circles]


def _without_ends(graph: dict[str, set[str]]) -> set[str]:
    """The names from which one can go on without end (Kahn 1962)."""
    open_ways = {name: len([other for other in others if other in graph]) for name, others in graph.items()}
    into: dict[str, list[str]] = {}
    for name, others in graph.items():
        for other in others:
            into.setdefault(other, []).append(name)
    ends = [name for name, ways in open_ways.items() if not ways]
    while ends:
        end = ends.pop()
        del open_ways[end]
        for name in into.get(end, ()):
            open_ways[name] -= 1
            if not open_ways[name]:
                ends.append(name)
    return set(open_ways)
