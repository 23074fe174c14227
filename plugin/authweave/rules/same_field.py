"""The same field twice in one list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.checking.document import Checked
from authweave.checking.parts import FieldPart
from authweave.values import Path, Problem


class SameField:
    """The same `in` and `key` twice: each needs `when`, and the first true one wins."""

    name: ClassVar[str] = "field.twice"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per field without `when` that has a twin."""
        groups: dict[tuple[Path, str, str], list[FieldPart]] = {}
        for field in checked.fields:
            if checked.is_hurt(*field.path, "in"):
                continue
            key = field.key.lower() if field.place == "header" else field.key
            groups.setdefault((field.list_path, field.place, key), []).append(field)
        for group in groups.values():
            for field in group if len(group) > 1 and group[0].key else ():
                if "when" not in field.spec:
                    yield checked.problem(self.name, field.path, "the same `in` and `key` stand twice", "give each a `when` (the first true one wins), or remove one")
