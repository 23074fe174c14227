"""`rejected_when` that would always be true."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.answers.matching import statuses_of
from authweave.checking.document import Checked
from authweave.values import Problem


class Rejection:
    """A 2xx alone is no rejection: it needs a `when`."""

    name: ClassVar[str] = "rejected_when"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per item."""
        for path, auth, _ in checked.variants:
            for index, rule in enumerate(auth.get("rejected_when", ())):
                at = (*path, "rejected_when", index)
                if "when" not in rule and any(200 <= code < 300 for code in statuses_of(rule.get("status", ()))) and not checked.is_hurt(*at):
                    yield checked.problem(self.name, at, "a 2xx needs a `when`: else every success is a rejection", "add when: '{{ response.json.… }}'")
