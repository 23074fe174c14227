"""A template reads an input or a variable that nobody declares."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import ClassVar

from authweave.checking import Checked
from authweave.near_misses import did_you_mean
from authweave.values import Path, Problem


class UndeclaredInput:
    """Every `inputs.x` and `vars.x` that is read is declared, or implied by the type."""

    name: ClassVar[str] = "input.undeclared"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per template and name."""
        if checked.has_unknown_parts or checked.data.get("abstract") is True:
            return
        known = {space: checked.names(space) for space in ("inputs", "vars")}
        for path, read in checked.written_reads:
            if len(read) > 1 and read[0] in known and read[1] not in known[read[0]]:
                space, name = read[:2]
                near = did_you_mean(f"{space}.{name}", [f"{space}.{each}" for each in known[space]], f"declare it: {space}: {{{name}: …}}", likeness=0.75)
                yield checked.problem(self.name, path, f"`{space}.{name}` is not declared", near, offset=_offset(checked, path, name))


def _offset(checked: Checked, path: Path, name: str) -> int:
    """Where the name is read in the text, if it is one."""
    text = getattr(checked.compiled[path], "text", "")
    found = re.search(rf"\b(?:inputs|vars)\b[.\[\s'\"]*{re.escape(name)}\b", text)
    return found.start() if found else 0
