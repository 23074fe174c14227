"""Variants: which one is used must be clear."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.checking import Checked
from authweave.values import Problem


class Variants:
    """Only the last variant may lack `when`, names differ, and one that is no list needs neither."""

    name: ClassVar[str] = "variant"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """Problems of names and order."""
        variants = checked.data.get("auth")
        if not isinstance(variants, list):
            if isinstance(variants, dict) and "when" in variants:
                yield checked.problem(self.name, ("auth", "when"), "a single way needs no `when`", "remove it, or write a list of variants")
            return
        seen: set[str] = set()
        for index, variant in enumerate(variants):
            if not isinstance(variant, dict):
                continue
            if "when" not in variant and index < len(variants) - 1:
                yield checked.problem(self.name, ("auth", index), "only the last variant may lack `when`: those after it are never used", "add `when`, or move it to the end")
            if variant.get("name") in seen:
                yield checked.problem(self.name, ("auth", index, "name"), "two variants have this name", "names are part of the token key: give each its own")
            seen.add(str(variant.get("name")))
