"""A condition on an answer that says nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from authweave.checking.document import Checked
from authweave.values import Path, Problem


class MatchSays:
    """An item of `accepted_when` or `rejected_when` has a status or a condition: without either every answer meets it."""

    name: ClassVar[str] = "match.empty"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per item."""
        for path, holder, key in _lists(checked):
            for index, match in enumerate(holder.get(key, ())):
                if "status" not in match and "when" not in match and not checked.is_hurt(*path, key, index):
                    yield checked.problem(self.name, (*path, key, index), "says neither status nor when", "write status, when, or both")


def _lists(checked: Checked) -> Iterator[tuple[Path, Mapping[str, Any], str]]:
    for path, auth, _ in checked.variants:
        yield path, auth, "rejected_when"
        yield (*path, "token_response"), auth.get("token_response", {}), "accepted_when"
    for path, test in checked.tests:
        yield path, test, "accepted_when"
