"""The name of the grant: near misses, and grants that are not built yet."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar

from authweave import not_built
from authweave.checking import Checked
from authweave.defaults import auth_paths
from authweave.values import Problem


class GrantName:
    """An unknown word is a vendor's grant and is sent as it is; a word near a known one is an error unless {vendor: word} insists."""

    name: ClassVar[str] = "grant.name"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per wrong word."""
        known = checked.catalog.named("grants")
        for path, auth in auth_paths(checked.data):
            word = auth.get("grant_type")
            if auth.get("type") != "oauth2" or not isinstance(word, str) or word in known:
                continue
            if not_built.is_missing("grants", word, known):
                yield checked.problem("not_built", (*path, "grant_type"), not_built.sentence("grants", word), f"built so far: {', '.join(sorted(known))}")
            elif near := get_close_matches(word, [*known, *not_built.NAMES["grants"]], 1, 0.85):
                fix = f"did you mean `{near[0]}`? A vendor's own word is written {{vendor: {word}}}"
                yield checked.problem(self.name, (*path, "grant_type"), "is not a known grant, but near one", fix)
