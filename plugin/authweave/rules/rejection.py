"""`rejected_when` that would never, or always, be true."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.checking import Checked
from authweave.defaults import auth_paths
from authweave.matching import statuses_of
from authweave.values import Problem


class Rejection:
    """A rejection rule says something: a status or a condition; and a 2xx alone is no rejection."""

    name: ClassVar[str] = "rejected_when"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per rule."""
        for path, auth in auth_paths(checked.data):
            rules = auth.get("rejected_when")
            for index, rule in enumerate(rules if isinstance(rules, list) else []):
                if not isinstance(rule, dict):
                    continue
                at = (*path, "rejected_when", index)
                statuses = rule.get("status")
                if not statuses and "when" not in rule:
                    yield checked.problem(self.name, at, "it says neither status nor when", "write status, when, or both")
                elif "when" not in rule and any(200 <= code < 300 for code in statuses_of(statuses)):
                    yield checked.problem(self.name, at, "a 2xx needs a `when`: else every success is a rejection", "add when: '{{ response.json.… }}'")
