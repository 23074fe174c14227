"""A template reads an input or a variable that nobody declares."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import ClassVar

from authweave.checking.document import Checked
from authweave.near_misses import near_miss
from authweave.values import Problem


class UndeclaredInput:
    """Every `inputs.x` and `vars.x` that is read is declared, or implied by the type."""

    name: ClassVar[str] = "input.undeclared"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per template and name."""
        if checked.has_unknown_parts or checked.data.get("abstract") is True:
            return
        known = {space: checked.names(space) for space in ("inputs", "vars") if not _is_lost(checked, space)}
        for path, read, text in checked.written_reads:
            if len(read) > 1 and read[0] in known and read[1] not in known[read[0]]:
                space, name = read[:2]
                near = near_miss(name, known[space], likeness=0.7)
                fix = f"did you mean `{space}.{near}`?" if near else f"declare it: {space}: {{{name}: …}}"
                yield checked.problem(self.name, path, f"`{space}.{name}` is not declared", fix, offset=_offset(text, name))


def _is_lost(checked: Checked, space: str) -> bool:
    """Is something else there than a map of declarations?"""
    return not isinstance(checked.merged.written.get(space, {}), dict) or any(problem.key == space for problem in checked.document.problems)


def _offset(text: str, name: str) -> int:
    """Where the name is read in the text."""
    found = re.search(rf"\b(?:inputs|vars)\b[.\[\s'\"]*{re.escape(name)}\b", text)
    return found.start() if found else 0
