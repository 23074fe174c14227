"""From jsonschema's errors to problems a person can act on. Values are never printed, only names and places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

from authweave import not_built
from authweave.catalog import Catalog
from authweave.inheritance import Merged
from authweave.schema import validator
from authweave.values import Path, Problem, dotted

_TYPES: Final = {
    "string": "a text", "integer": "a whole number", "number": "a number", "boolean": "true or false", "array": "a list", "object": "a map",
    "null": "nothing",
}  # fmt: skip


def schema_problems(merged: Merged, catalog: Catalog) -> tuple[list[Problem], list[Path]]:
    """Every problem the schema sees, and the paths of the parts that are wrong (nobody should read those)."""
    problems: list[Problem] = []
    wrong: list[Path] = []
    for error in validator(catalog).iter_errors(merged.data):
        for problem, path in _translated(error, merged, catalog):
            problems.append(problem)
            if path is not None:
                wrong.append(path)
    return list(dict.fromkeys(problems)), wrong


def _translated(error: Any, merged: Merged, catalog: Catalog) -> Iterator[tuple[Problem, Path | None]]:
    path: Path = tuple(error.absolute_path)
    keyword = error.validator
    if keyword == "additionalProperties":
        for key in _unknown_keys(error):
            yield _unknown(merged, (*path, key), error, catalog), (*path, key)
    elif keyword == "required":
        for key in error.validator_value:
            if key not in error.instance:
                yield _problem(merged, "schema.required", (*path, key), f"`{key}` is missing", _add(key, error.schema)), None
    elif keyword == "anyOf" and "x-names" in _branch_names(error):
        yield _unknown_name(merged, path, error, catalog), path
    elif keyword is None:
        yield _problem(merged, "schema.misplaced", path, "has no place in this type", f"remove `{path[-1]}`"), path
    else:
        message, fix = _words(error, merged, path)
        yield _problem(merged, f"schema.{keyword}", path, message, fix), path


def _unknown_keys(error: Any) -> list[str]:
    known = error.schema.get("properties", {})
    return [key for key in error.instance if key not in known and not str(key).startswith("x-")]


def _unknown(merged: Merged, path: Path, error: Any, catalog: Catalog) -> Problem:
    key = str(path[-1])
    holder = path[0] if path else ""
    if (len(path) == 1 and key in not_built.TOP_KEYS) or (_is_auth(path) and key in not_built.AUTH_KEYS):
        return _problem(merged, "not_built", path, f"`{key}` is not built yet", "leave it out, or wait for the version that has it")
    known = sorted(error.schema.get("properties", {}))
    near = get_close_matches(key, known, 1, 0.6)
    fix = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known)}" if known else f"nothing is known under `{holder}`"
    return _problem(merged, "schema.unknown_key", path, f"`{_short(key)}` is not known here", fix, of_key=True)


def _is_auth(path: Path) -> bool:
    return path[0] == "auth" and (len(path) == 2 or (len(path) == 3 and isinstance(path[1], int)))


def _branch_names(error: Any) -> set[str]:
    return {"x-names"} if any("enum" in branch for branch in error.validator_value) and isinstance(error.instance, str) else set()


_KIND_OF_KEY: Final = {"type": "schemes", "in": "placements", "client_auth": "client_auth", "grant_type": "grants"}


def _unknown_name(merged: Merged, path: Path, error: Any, catalog: Catalog) -> Problem:
    kind = _KIND_OF_KEY.get(str(path[-1]), "")
    value = str(error.instance)
    known = next(branch["enum"] for branch in error.validator_value if "enum" in branch)
    if not_built.is_missing(kind, value, catalog.named(kind)):
        return _problem(merged, "not_built", path, not_built.sentence(kind, value), f"built so far: {', '.join(known)}")
    near = get_close_matches(value, known, 1, 0.6)
    fix = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(known)}"
    return _problem(merged, "schema.unknown_name", path, f"`{_short(value)}` is not known here", fix)


def _words(error: Any, merged: Merged, path: Path) -> tuple[str, str]:
    keyword, wanted = error.validator, error.validator_value
    if keyword == "type":
        return _type_words(error, merged, path)
    if keyword == "enum":
        options = ", ".join(str(option) for option in wanted)
        near = get_close_matches(str(error.instance), [str(option) for option in wanted], 1, 0.6) if isinstance(error.instance, str) else []
        return "is not one of the words allowed", f"did you mean `{near[0]}`?" if near else f"write one of: {options}"
    if keyword == "const":
        return f"is not {wanted}", f"write {wanted}"
    if keyword == "pattern":
        return _pattern_words(error, path)
    if keyword == "propertyNames":
        return "a name here is not well formed", "letters, digits and _ only, not beginning with a digit"
    if keyword in ("minimum", "maximum"):
        return f"is {'below' if keyword == 'minimum' else 'above'} {wanted}", f"write a number {'of at least' if keyword == 'minimum' else 'of at most'} {wanted}"
    if keyword in ("minItems", "minLength"):
        return "is empty", "write at least one" if keyword == "minItems" else "write a text"
    if keyword == "maxLength":
        return f"is longer than {wanted} characters", "shorten it"
    return f"breaks `{keyword}` of the schema", ""


def _type_words(error: Any, merged: Merged, path: Path) -> tuple[str, str]:
    wanted = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
    names = [_TYPES[name] for name in wanted if name != "null"]
    expected = " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    found = _kind(error.instance)
    if "string" in wanted and found in ("a number", "a whole number", "true or false"):
        return f"is {found}, not {expected}", "quote it: '…'"
    return f"is {found}, not {expected}", f"write {expected}"


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    kinds = ((str, "a text"), (int, "a whole number"), (float, "a number"), (list, "a list"), (dict, "a map"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "nothing")


def _pattern_words(error: Any, path: Path) -> tuple[str, str]:
    key = path[-1] if path else ""
    if key == "when":
        return "is not a condition", "write exactly one '{{ … }}'"
    if key == "name" and len(path) == 1:
        return "is not a profile name", "lower-case letters, digits and single hyphens, like the file's name"
    if key == "version":
        return "is not a SemVer version", "write three numbers, as 1.2.0"
    if error.validator_value == r"\{\{":
        return "is a text without a template", "write the value itself without quotes, or a template '{{ … }}'"
    examples = error.schema.get("examples")
    return "does not look as it should", f"for example {examples[0]}" if examples else f"it must match {error.validator_value}"


def _add(key: str, schema: Mapping[str, Any]) -> str:
    examples = schema.get("properties", {}).get(key)
    example = (examples.get("examples") or [None])[0] if isinstance(examples, dict) else None
    return f"add `{key}: {example}`" if isinstance(example, str | int) else f"add `{key}`"


def _short(name: str) -> str:
    return name if len(name) <= 40 and name.isprintable() else f"{name[:37]!a}…"


def _problem(merged: Merged, rule: str, path: Path, message: str, fix: str, *, of_key: bool = False) -> Problem:
    source, mark = merged.place(path, of_key=of_key)
    return Problem(rule, source, mark, dotted(path), message, fix)


def without(data: Any, wrong: Iterable[Path]) -> Any:
    """A copy without the parts at these paths: what can still be looked at."""
    tree: dict[Any, Any] = {}
    for path in wrong:
        branch = tree
        for part in path:
            branch = branch.setdefault(part, {})
        branch[None] = True
    return _pruned(data, tree)


def _pruned(data: Any, tree: dict[Any, Any]) -> Any:
    if isinstance(data, dict):
        return {key: _pruned(value, tree.get(key, {})) for key, value in data.items() if not tree.get(key, {}).get(None)}
    if isinstance(data, list):
        return [None if tree.get(index, {}).get(None) else _pruned(item, tree.get(index, {})) for index, item in enumerate(data)]
    return data
