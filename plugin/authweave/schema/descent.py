"""jsonschema, told where not to look: a part that the quick check finds valid is not gone into.

The errors are those of jsonschema itself; without this, one wrong field among thousands would cost a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from authweave.schema.closures import Check, compiled_schema
from authweave.values import JsonSchema


def validator_of(schema: JsonSchema) -> Any:
    """A 2020-12 validator for one schema, with quick checks for its parts."""
    known = _Parts()
    keywords = {"properties": known.properties, "items": known.items, "additionalProperties": known.others}
    quick: Any = extend(Draft202012Validator, keywords)  # type: ignore[no-untyped-call]  # jsonschema has no type for it
    return quick(schema)


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
        if not isinstance(rest, dict) or "patternProperties" in schema or not isinstance(instance, dict):
            yield from Draft202012Validator.VALIDATORS["additionalProperties"](validator, rest, instance, schema)
            return
        for name, value in instance.items():
            if name not in schema.get("properties", {}) and not self.is_valid(rest, value):
                yield from validator.descend(value, rest, path=name)
