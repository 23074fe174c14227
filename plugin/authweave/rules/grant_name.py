"""The name of the grant: near misses, and the one that no server-side program can ask for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.checking.document import Checked
from authweave.near_misses import near_miss
from authweave.values import Problem


class GrantName:
    """An unknown word is a vendor's grant and is sent as it is; a word near a known one is an error unless {vendor: word} insists."""

    name: ClassVar[str] = "grant.name"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per wrong word."""
        known = checked.catalog.named("grants")
        for path, auth, _ in checked.variants:
            word = auth.get("grant_type")
            if auth.get("type") != "oauth2" or not isinstance(word, str) or word in known:
                continue
            at = (*path, "grant_type")
            if word == "implicit":
                yield checked.problem(self.name, at, "gives its token to a page in a browser, not to a program (RFC 9700 §2.1.2)", "write authorization_code")
            elif near := near_miss(word, known, likeness=0.85):
                yield checked.problem(self.name, at, "is not a known grant, but near one", f"did you mean `{near}`? A vendor's own word is written {{vendor: {word}}}")
