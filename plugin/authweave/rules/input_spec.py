"""Inputs whose declaration contradicts itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from authweave.checking import Checked
from authweave.patterns import PatternError, compile_pattern
from authweave.values import Problem

_KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "list": (list,), "json": (dict, list, str), "pem": (str,), "pkcs12": (str,),
}  # fmt: skip


class InputSpec:
    """A pattern that can run in linear time, a default that the declaration itself allows."""

    name: ClassVar[str] = "input.declaration"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """Problems of patterns (also of `keep`), defaults and enumerations."""
        for name, spec in (checked.data.get("inputs") or {}).items():
            if isinstance(spec, dict):
                yield from self._input(checked, name, spec)
        for site in checked.sites:
            if site.path[-1] == "value" and "keep" in site.path:
                holder = _at(checked.data, site.path[:-1])
                if isinstance(holder, dict) and (why := _wrong_pattern(holder.get("pattern"))):
                    yield checked.problem(self.name, (*site.path[:-1], "pattern"), *why)

    def _input(self, checked: Checked, name: str, spec: Mapping[str, Any]) -> Iterable[Problem]:
        at = ("inputs", name)
        if why := _wrong_pattern(spec.get("pattern")):
            yield checked.problem(self.name, (*at, "pattern"), *why)
            return
        default = spec.get("default")
        if default is None or default == "":
            return
        kind = spec.get("type", "string")
        if not isinstance(default, _KINDS.get(kind, (object,))) or (isinstance(default, bool) and kind in ("integer", "number")):
            yield checked.problem(self.name, (*at, "default"), f"is not of type {kind}", "write the default in the input's own type")
        elif "enum" in spec and default not in spec["enum"]:
            yield checked.problem(self.name, (*at, "default"), "is not one of the values of enum", "choose one of them")
        elif "pattern" in spec and not (isinstance(default, str) and compile_pattern(spec["pattern"]).matches(default)):
            yield checked.problem(self.name, (*at, "default"), "does not match the input's own pattern", "change one of the two")


def _wrong_pattern(pattern: Any) -> tuple[str, str] | None:
    if not isinstance(pattern, str):
        return None
    try:
        compile_pattern(pattern)
    except PatternError as error:
        return error.message, error.fix
    return None


def _at(data: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        data = data[part] if isinstance(data, list | dict) else None
    return data
