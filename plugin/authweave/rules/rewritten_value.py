"""A number or truth value that is not sent the way it is written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from authweave.checking.document import Checked
from authweave.values import Path, Problem


class RewrittenValue:
    """Where any type may stand, what is sent reads as what is written: `1.10` would be sent as 1.1, `0x10` as 16."""

    name: ClassVar[str] = "value.rewritten"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per value."""
        for path, value in _unquoted(checked):
            literal = checked.merged.literal(path)
            if literal is not None and literal != (sent := json.dumps(value)):
                yield checked.problem(self.name, path, f"is read as {sent}, not as it is written", "quote it if it is a text, or write it as it is read")


def _unquoted(checked: Checked) -> Iterator[tuple[Path, Any]]:
    for site in checked.sites:
        if site.kind == "value" and type(site.value) is not str and checked.merged.is_written(site.path):
            yield from _scalars(site.path, site.value)
    for name, spec in checked.data.get("inputs", {}).items():
        for key in ("default", "enum"):
            if key in spec and type(spec[key]) is not str:
                yield from _scalars(("inputs", name, key), spec[key])


def _scalars(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _scalars((*path, key), item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _scalars((*path, index), item)
    elif isinstance(value, bool | int | float):
        yield path, value
