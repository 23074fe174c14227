"""A secret in a message for people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.checking.document import Checked
from authweave.values import Problem


class ShownSecret:
    """What a test's rule tells people is not made from a secret."""

    name: ClassVar[str] = "secret.shown"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per message."""
        for path, test in checked.tests:
            for index in range(len(test.get("rules", ()))):
                at = (*path, "rules", index, "message")
                compiled = checked.compiled.get(at)
                if compiled is not None and checked.secrecy.is_secret(compiled.reads):
                    yield checked.problem(self.name, at, "a message for people reads a secret", "say it without the value")
