"""A template reads an input that nobody declares."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar

from authweave.checking import Checked
from authweave.values import Problem


class UndeclaredInput:
    """Every `inputs.x` and `vars.x` that is read is declared, or implied by the type."""

    name: ClassVar[str] = "input.undeclared"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per template and name."""
        known = {"inputs": checked.full.get("inputs") or {}, "vars": checked.full.get("vars") or {}}
        for path, read in checked.written_reads():
            if read[0] in known and len(read) > 1 and read[1] not in known[read[0]]:
                near = get_close_matches(read[1], list(known[read[0]]), 1, 0.6)
                fix = f"did you mean `{read[0]}.{near[0]}`?" if near else f"declare it: {read[0]}: {{{read[1]}: …}}"
                yield checked.problem(self.name, path, f"`{read[0]}.{read[1]}` is not declared", fix)
