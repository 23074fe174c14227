"""A condition that is always true, or never."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, ClassVar, Final

from authweave.checking.document import Checked
from authweave.near_misses import did_you_mean
from authweave.templates import Template
from authweave.values import Problem

_COMPARED: Final = re.compile(r"\{\{\s*inputs\.(\w+)\s*(==|!=)\s*(?:\"([^\"\\\\]*)\"|'([^'\\\\]*)')\s*\}\}")


class ConstantCondition:
    """A condition reads something that can differ, and is compared with a value that it can have."""

    name: ClassVar[str] = "when.constant"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per condition that decides nothing."""
        for site in checked.sites:
            compiled = checked.compiled.get(site.path) if site.kind == "cond" else None
            if not isinstance(compiled, Template) or not checked.merged.is_written(site.path):
                continue
            if not compiled.reads and not compiled.functions:
                yield checked.problem(self.name, site.path, "reads nothing, so it is always the same", "compare something, or remove it")
            elif found := _COMPARED.fullmatch(compiled.text.strip()):
                yield from self._compared(checked, site.path, found)

    def _compared(self, checked: Checked, path: Any, found: re.Match[str]) -> Iterable[Problem]:
        options = checked.full["inputs"].get(found[1], {}).get("enum")
        value = found[3] if found[3] is not None else found[4]
        if options is not None and value not in options and not checked.is_hurt("inputs", found[1]):
            words = f"`inputs.{found[1]}` never has this value: it is none of its enum"
            fix = did_you_mean(value, [option for option in options if isinstance(option, str)], f"it is one of: {', '.join(map(str, options))}")
            yield checked.problem(self.name, path, words, fix, offset=found.start(3) if found[3] is not None else found.start(4))
