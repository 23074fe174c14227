"""A key of format 1 that this version does not do yet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave import not_built
from authweave.checking import Checked
from authweave.values import Problem


class UnbuiltKey:
    """Refused by name, never ignored."""

    name: ClassVar[str] = not_built.RULE

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per key."""
        for path in not_built.keys_of(checked.data, ((at, auth) for at, auth, _ in checked.variants)):
            yield checked.problem(self.name, path, "is not built yet", not_built.FIX, of_key=True)
