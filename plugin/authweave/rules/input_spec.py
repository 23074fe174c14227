"""Inputs whose declaration contradicts itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, ClassVar

from authweave.checking.document import Checked
from authweave.checking.parts import keeps_of
from authweave.errors import InvalidInput, PatternError
from authweave.values import Path, Problem


class InputSpec:
    """A pattern that can run in linear time; a default, an example and an enum that the declaration itself allows."""

    name: ClassVar[str] = "input.declaration"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """Problems of patterns (also of `keep`), defaults, examples and enumerations."""
        if too_many := _too_many_patterns(checked):
            yield too_many
            return
        for name, spec in checked.data.get("inputs", {}).items():
            if not checked.is_hurt("inputs", name):
                yield from self._input(checked, name, {**checked.full["inputs"].get(name, {}), **spec})
        for path, auth, _ in checked.variants:
            for at, item in keeps_of(path, auth):
                if isinstance(item, Mapping) and (why := _wrong_pattern(item.get("pattern"))):
                    yield checked.problem(self.name, (*at, "pattern"), *why)

    def _input(self, checked: Checked, name: str, spec: Mapping[str, Any]) -> Iterable[Problem]:
        at = ("inputs", name)
        if wrong := _wrong_pattern(spec.get("pattern")):
            yield checked.problem(self.name, (*at, "pattern"), *wrong)
            return
        for index, why in islice(_useless_options(name, spec), 1):
            yield checked.problem(self.name, (*at, "enum", index), f"this value is never allowed: {why}", "change it, or what contradicts it")
            return
        if spec.get("default", "") != "" and (why := _not_allowed(name, spec, spec["default"])):
            yield checked.problem(self.name, (*at, "default"), f"is not allowed by the input itself: {why}", "change one of the two")
        if spec.get("example", "") != "" and not spec.get("secret") and (why := _not_allowed(name, spec, spec["example"])):
            yield checked.problem(self.name, (*at, "example"), f"is not allowed by the input itself: {why}", "show a value that works")


def _too_many_patterns(checked: Checked) -> Problem | None:
    """Where the patterns of a profile, each of them small enough, are too much together."""
    from authweave.patterns import ALL_STATES, size_of

    left = ALL_STATES
    for path, pattern in _patterns(checked):
        try:
            left -= size_of(pattern)
        except PatternError:
            continue
        if left < 0:
            words = f"the patterns of this profile expand to more than {ALL_STATES} characters together"
            return checked.problem(InputSpec.name, path, words, "use smaller counts, or {1,}")
    return None


def _patterns(checked: Checked) -> Iterator[tuple[Path, str]]:
    for name, spec in checked.data.get("inputs", {}).items():
        if isinstance(pattern := spec.get("pattern"), str):
            yield ("inputs", name, "pattern"), pattern
    for path, auth, _ in checked.variants:
        for at, item in keeps_of(path, auth):
            if isinstance(item, Mapping) and isinstance(pattern := item.get("pattern"), str):
                yield (*at, "pattern"), pattern


def _wrong_pattern(pattern: str | None) -> tuple[str, str] | None:
    if pattern is None:
        return None
    from authweave.patterns import compile_pattern

    try:
        compile_pattern(pattern)
    except PatternError as error:
        return error.message, error.fix
    return None


def _not_allowed(name: str, spec: Mapping[str, Any], value: Any) -> str:
    """Why the input would refuse the value if somebody supplied it; '' if it would not."""
    enum = spec.get("enum")
    if _is_free_text(spec) and type(value) is str and (enum is None or value in enum):
        return ""
    from authweave.inputs import checked as supplied
    from authweave.profile import Input

    asked = Input(name, type=spec.get("type", "string"), pattern=spec.get("pattern"), enum=None if enum is None else tuple(enum), format=spec.get("format"))
    try:
        supplied(asked, value)
    except InvalidInput as error:
        return str(error).removeprefix(f"{name} ")
    return ""


def _is_free_text(spec: Mapping[str, Any]) -> bool:
    """May it be any text, but for its enum? Then there is little to ask."""
    return spec.get("type", "string") == "string" and "pattern" not in spec and "format" not in spec


def _useless_options(name: str, spec: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Options that no supplied value can be, with their place and the reason."""
    kind = spec.get("type", "string")
    if _is_free_text(spec) and all(type(option) is str for option in spec.get("enum", ())) and len(set(spec.get("enum", ()))) == len(spec.get("enum", ())):
        return
    seen: set[tuple[type, Any]] = set()
    for index, option in enumerate(spec.get("enum", ())):
        if why := _not_allowed(name, {**spec, "enum": None}, option):
            yield index, why
        elif _not_allowed(name, {"type": kind, "enum": [option]}, option):
            yield index, "it is not of the input's type; quote a text"
        elif (type(option), option) in seen:
            yield index, "it stands there twice"
        seen.add((type(option), option))
