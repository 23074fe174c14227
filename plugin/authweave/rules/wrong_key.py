"""A key that cannot stand in its place: a header name with a space, a reserved header."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.checking.document import Checked
from authweave.checking.parts import wrong_key_of
from authweave.values import Problem


class WrongKey:
    """Each placement says what its keys may be."""

    name: ClassVar[str] = "field.key"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per key."""
        placements = checked.catalog.named("placements")
        for field in checked.fields:
            if field.key and "{{" not in field.key and field.place in placements and (why := wrong_key_of(placements[field.place], field.key)):
                yield checked.problem(self.name, (*field.path, "key"), why, f"choose another key for `in: {field.place}`")
