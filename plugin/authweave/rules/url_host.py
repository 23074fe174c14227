"""A value that chooses the host."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.checking.document import Checked
from authweave.checking.parts import keeps_of
from authweave.urls import UrlTemplate
from authweave.values import Problem


class UrlHost:
    """What stands for a whole host or origin needs `pattern`, `enum` or `format`; if it is kept, always a `pattern`."""

    name: ClassVar[str] = "url.open_host"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per URL and value."""
        for path, compiled in checked.compiled.items():
            if isinstance(compiled, UrlTemplate) and compiled.host_reads and checked.merged.is_written(path):
                for read in sorted(compiled.host_reads):
                    if not _is_bounded(checked, read, frozenset()):
                        name = ".".join(read)
                        yield checked.problem(self.name, path, f"`{name}` alone chooses the host", _fix(read, name), offset=max(compiled.text.find(name), 0))


def _fix(read: tuple[str, ...], name: str) -> str:
    if read[0] == "inputs" and len(read) > 2:
        return "a member of an input has no pattern: write the host out, or declare an input of its own with format: hostname (url for a whole origin)"
    return f"give {name} a pattern" + ("" if read[0] == "kept" else ", an enum, or format: hostname (url for a whole origin; not enough where egress is strict)")


def _is_bounded(checked: Checked, read: tuple[str, ...], above: frozenset[str]) -> bool:
    if read[0] not in ("inputs", "vars", "kept"):
        return True
    if len(read) < 2:
        return False
    space, name = read[:2]
    if space == "inputs":
        spec = checked.full["inputs"].get(name)
        return spec is None or checked.is_hurt("inputs", name) or bool(spec.keys() & {"pattern", "enum", "format"})
    if space == "vars":
        made = checked.compiled.get(("vars", name))
        return made is None or name in above or all(_is_bounded(checked, inner, above | {name}) for inner in made.reads)
    return _kept_with_pattern(checked, name)


def _kept_with_pattern(checked: Checked, name: str) -> bool:
    if checked.has_unknown_parts:
        return True
    found = [item for path, auth, _ in checked.variants for at, item in keeps_of(path, auth) if at[-1] == name]
    return not found or all(isinstance(item, dict) and "pattern" in item for item in found)
