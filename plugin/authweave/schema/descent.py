"""jsonschema, told where not to look, and what not to do: a part that the quick check finds valid is not gone into, and no pattern,
no list and no reference of a package's fragment can make it slow, or fetch anything.

The errors are those of jsonschema itself; without this, one wrong field among thousands would cost a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from json import dumps
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from referencing import Registry

from authweave.patterns import proven, searching
from authweave.schema.closures import Check, compiled_schema
from authweave.values import JsonSchema


def validator_of(schema: JsonSchema) -> Any:
    """A 2020-12 validator for one schema, with quick checks for its parts."""
    known = _Parts()
    keywords = {
        "properties": known.properties, "items": known.items, "additionalProperties": known.others, "pattern": _pattern,
        "patternProperties": _pattern_properties, "uniqueItems": _unique_items,
    }  # fmt: skip
    quick: Any = extend(Draft202012Validator, keywords)  # type: ignore[no-untyped-call]  # jsonschema has no type for it
    return quick(schema, registry=Registry())  # an empty one: what it does not hold is not fetched


class _Parts:
    """The quick checks of a schema's parts, made when first asked for. Parts are known by identity: the schema stays."""

    def __init__(self) -> None:
        self._checks: dict[int, tuple[Any, Check | None]] = {}

    def is_valid(self, schema: Any, value: Any) -> bool:
        if id(schema) not in self._checks:
            self._checks[id(schema)] = schema, compiled_schema(schema)
        check = self._checks[id(schema)][1]
        return check is not None and check(value)

    def properties(self, validator: Any, properties: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if isinstance(instance, dict):
            for name, part in properties.items():
                if name not in instance or self.is_valid(part, instance[name]):
                    continue
                if part is False:  # jsonschema's own error for it does not say which key
                    yield ValidationError("has no place here", instance=instance[name], schema=part, path=[name])
                else:
                    yield from validator.descend(instance[name], part, path=name, schema_path=name)

    def items(self, validator: Any, items: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if "prefixItems" in schema:
            yield from Draft202012Validator.VALIDATORS["items"](validator, items, instance, schema)
        elif isinstance(instance, list):
            for index, item in enumerate(instance):
                if not self.is_valid(items, item):
                    yield from validator.descend(item, items, path=index)

    def others(self, validator: Any, rest: Any, instance: Any, schema: Any) -> Iterator[Any]:
        patterns = schema.get("patternProperties", {})
        if isinstance(instance, dict) and not patterns.keys() <= proven():
            yield from _other_members(validator, rest, instance, schema)
            return
        if not isinstance(rest, dict) or patterns or not isinstance(instance, dict):
            yield from Draft202012Validator.VALIDATORS["additionalProperties"](validator, rest, instance, schema)
            return
        for name, value in instance.items():
            if name not in schema.get("properties", {}) and not self.is_valid(rest, value):
                yield from validator.descend(value, rest, path=name)


def _pattern(validator: Any, pattern: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if isinstance(instance, str) and not searching(pattern)(instance):
        yield ValidationError("does not match the pattern")


def _pattern_properties(validator: Any, patterns: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if isinstance(instance, dict):
        for pattern, part in patterns.items():
            is_met = searching(pattern)
            for name, value in instance.items():
                if is_met(name):
                    yield from validator.descend(value, part, path=name, schema_path=pattern)


def _other_members(validator: Any, rest: Any, instance: Any, schema: Any) -> Iterator[Any]:
    met = [searching(pattern) for pattern in schema["patternProperties"]]
    others = [name for name in instance if name not in schema.get("properties", {}) and not any(is_met(name) for is_met in met)]
    if rest is False and others:
        yield ValidationError("has keys that are not known here")
    elif isinstance(rest, dict):
        for name in others:
            yield from validator.descend(instance[name], rest, path=name)


def _unique_items(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[Any]:
    """In the time of the list's length: jsonschema's own compares every item with every other."""
    if wanted is True and isinstance(instance, list) and len({_canonical(item) for item in instance}) < len(instance):
        yield ValidationError("has an item twice")


def _canonical(item: Any) -> str:
    """One text for what JSON Schema holds to be equal: 1 is 1.0."""
    return dumps(_plain(item), sort_keys=True)


def _plain(item: Any) -> Any:
    if isinstance(item, float) and item.is_integer():
        return int(item)
    if isinstance(item, dict):
        return {name: _plain(value) for name, value in item.items()}
    return [_plain(value) for value in item] if isinstance(item, list) else item
