"""Variants: which one is used must be clear."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.checking import Checked
from authweave.values import Problem


class Variants:
    """Only the last variant may lack `when`, names differ, and one that is no list has no `when`."""

    name: ClassVar[str] = "variant"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """Problems of names and order."""
        variants = checked.variants
        if isinstance(checked.data.get("auth"), dict):
            if "when" in variants[0][1]:
                yield checked.problem(self.name, ("auth", "when"), "a single way needs no `when`", "remove it, or write a list of variants", of_key=True)
            return
        seen: set[str] = set()
        last = len(checked.merged.written.get("auth", ())) - 1 if variants else 0
        for index, (path, variant, _) in enumerate(variants):
            if "when" not in variant and index < min(last, len(variants) - 1) and not _was_wrong(checked, index):
                yield checked.problem(self.name, path, "only the last variant may lack `when`: those after it are never used", "add `when`, or move it to the end")
            if (name := variant.get("name")) is not None:
                if name in seen:
                    yield checked.problem(self.name, (*path, "name"), "two variants have this name", "names are part of the token key: give each its own")
                seen.add(name)


def _was_wrong(checked: Checked, index: int) -> bool:
    """Was there a `when` that the schema took out?"""
    return any(problem.key.endswith(f"auth[{index}].when") for problem in checked.problems)
