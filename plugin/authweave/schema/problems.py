"""From jsonschema's errors to problems a person can act on, and what is left when the wrong parts are taken out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from authweave.extensions.catalog import Catalog
from authweave.inheritance.merging import Merged
from authweave.schema import words
from authweave.schema.profile import quick_check, shape_check, validator
from authweave.schema.words import Words
from authweave.values import Path, Problem

MOST: Final = 100
_ROUNDS: Final = 4


def schema_problems(merged: Merged, catalog: Catalog) -> tuple[list[Problem], Merged]:
    """Every problem the schema sees, and the document without what is wrong.

    In what is left, everything that is written has the shape the schema asks for; only what is required may be missing.
    Where more than MOST is wrong, it stops there, and nothing is left.
    """
    if quick_check(catalog)(merged.data):
        return [], merged
    errors = _once(_errors(merged.data, catalog))
    problems = [merged.problem(found.rule, path, found.message, _quoted(found.fix, path, merged), of_key=found.of_key) for path, found, _ in errors]
    if len(problems) > MOST:
        return problems, merged.without([()])
    return problems, _sound(merged.without(path for path, _, is_there in errors if is_there), catalog)


def _sound(merged: Merged, catalog: Catalog) -> Merged:
    """Cut until all that is left has its shape: what was wrong may have hidden what else is."""
    for _ in range(_ROUNDS):
        unread = [(*path, key) for path, auth in _unread_variants(merged.data, catalog) for key in auth if key not in _COMMON]
        if not unread and shape_check(catalog)(merged.data):
            return merged
        wrong = [path for path, _, is_there in islice(_errors(merged.data, catalog), 10 * MOST) if is_there]
        merged = merged.without([*unread, *wrong])
    return merged.without([()])


_COMMON: Final = frozenset({"type", "name", "when", "fields", "rejected_when"})


def _unread_variants(data: Any, catalog: Catalog) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Variants whose type is not known: no part of the schema has looked at their own keys."""
    auth = data.get("auth")
    many = isinstance(auth, list)
    for index, variant in enumerate(auth if isinstance(auth, list) else [auth]):
        kind = variant.get("type") if isinstance(variant, dict) else None
        if isinstance(variant, dict) and not (isinstance(kind, str) and kind in catalog.named("schemes")):
            yield ("auth", index) if many else ("auth",), variant


def _quoted(fix: str, path: Path, merged: Merged) -> str:
    """`quote it` with how it is written, unless that may be a secret."""
    if fix != "quote it" or not _OPEN.issuperset(part for part in path[-1:] if isinstance(part, str)):
        return fix
    literal = merged.literal(path)
    return fix if literal is None or len(literal) > _SHORT else f"quote it: '{literal}'"


_OPEN: Final = frozenset({
    "name", "version", "identity_provider", "description", "documentation", "title", "key", "scope_separator", "grant_type", "method",
    "content_type", "message", "pattern",
})  # fmt: skip
"""Keys whose value is no secret."""
_SHORT: Final = 40


def _once(errors: Iterator[tuple[Path, Words, bool]]) -> list[tuple[Path, Words, bool]]:
    """The errors, up to the limit and more, but not what is missing because it is misspelt (at most every second one)."""
    listed = list(islice(errors, 3 * MOST))
    misspelt = {(*path[:-1], found.meant) for path, found, _ in listed if found.meant}
    return [(path, found, is_there) for path, found, is_there in listed if is_there or path not in misspelt]


def _errors(data: Any, catalog: Catalog) -> Iterator[tuple[Path, Words, bool]]:
    """Path, words, and whether something stands there; of several errors at one place the first."""
    seen: set[Path] = set()
    for error in validator(catalog).iter_errors(data):
        for path, found, is_there in _translated(error, catalog):
            if path not in seen:
                seen.add(path)
                yield path, found, is_there


def _translated(error: Any, catalog: Catalog) -> Iterator[tuple[Path, Words, bool]]:
    path: Path = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        for key in error.instance:
            if key not in known and not key.startswith("x-"):
                yield (*path, key), words.unknown_key((*path, key), error.instance, known, catalog), True
    elif error.validator == "required":
        for key in error.validator_value:
            if key not in error.instance:
                yield (*path, key), words.missing((*path, key)), False
    elif "propertyNames" in list(error.absolute_schema_path)[-2:]:
        yield (*path, error.instance), words.name(path, error.instance), True
    else:
        yield path, words.value(error, path, catalog), True
