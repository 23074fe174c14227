"""Two tests of one name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.checking.document import Checked
from authweave.values import Problem


class TestName:
    """Tests are told apart by their names in reports."""

    __test__ = False
    name: ClassVar[str] = "test.twice"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per name that is taken."""
        seen: set[str] = set()
        for path, test in checked.tests:
            if (name := test.get("name")) is not None:
                if name in seen:
                    yield checked.problem(self.name, (*path, "name"), "two tests have this name", "give each its own")
                seen.add(name)
