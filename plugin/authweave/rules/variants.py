"""Variants: which one is used must be clear."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.checking.document import Checked
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
        for index, (path, variant, _) in enumerate(variants):
            if "when" not in variant and index < len(variants) - 1 and not checked.is_hurt(*path, "when"):
                yield checked.problem(self.name, path, "only the last variant may lack `when`: those after it are never used", "add `when`, or move it to the end")
            if (name := variant.get("name")) is not None:
                if name in seen:
                    yield checked.problem(self.name, (*path, "name"), "two variants have this name", "names are part of the token key: give each its own")
                seen.add(name)
