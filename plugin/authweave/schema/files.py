"""The profile schema as it is for files: for editors, before nulls are left out and parents merged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from authweave.frame import VENDOR_NAME
from authweave.values import JsonSchema

_NOT_NULL: Final = {"type": ["string", "number", "boolean", "object", "array"]}
_OF_SCHEMAS: Final = frozenset({"allOf", "anyOf", "oneOf"})
_OF_ONE_SCHEMA: Final = frozenset({"then", "else", "items"})

_OURS: Final = ("x-def", "x-names-of", "x-never-null", "x-template", "x-reads")
"""Keywords that speak to us, not to editors."""
_SAID: Final = ("description", "default", "examples", "x-anti-examples")


def for_files(schema: JsonSchema, *, open_names: bool) -> JsonSchema:
    """The schema in which null may stand for *not written*, and whatever is repeated stands once, under `$defs`.

    `open_names`: a dotted name (`acme.hmac`), which another package may add, passes too.
    """
    author = _Author(open_names=open_names)
    whole = author.rewritten(schema)
    return {**whole, "$defs": dict(sorted(author.definitions.items()))}


class _Author:
    """Rewrites one schema and collects what it repeats."""

    def __init__(self, *, open_names: bool) -> None:
        self.open_names = open_names
        self.definitions: dict[str, JsonSchema] = {}

    def rewritten(self, schema: Any, *, nullable: bool = False) -> Any:
        if not isinstance(schema, dict):
            return {"type": "null", "doNotSuggest": True} if schema is False and nullable else schema
        whole = {keyword: self._value(keyword, value, schema) for keyword, value in schema.items() if keyword not in _OURS}
        if "x-names-of" in schema and self.open_names:
            whole["anyOf"] = [{"enum": whole.pop("enum")}, {"pattern": VENDOR_NAME, "description": "A name that another package adds."}]
        if "required" in schema:
            whole["properties"] = _without_null(whole.get("properties", {}), schema["required"])
        if nullable and "x-never-null" not in schema:
            whole = _with_null(whole)
        return self._reference(schema["x-def"], whole) if "x-def" in schema else whole

    def _value(self, keyword: str, value: Any, schema: JsonSchema) -> Any:
        if keyword == "properties":
            required = schema.get("required", ())
            return {name: self.rewritten(part, nullable=name not in required) for name, part in value.items()}
        if keyword == "additionalProperties" and isinstance(value, dict):
            return self.rewritten(value, nullable=True)
        if keyword in _OF_SCHEMAS:
            return [self.rewritten(part) for part in value]
        return self.rewritten(value) if keyword in _OF_ONE_SCHEMA else value

    def _reference(self, name: str, whole: JsonSchema) -> JsonSchema:
        """What is said of this one use stands beside the reference."""
        said = {keyword: value for keyword, value in whole.items() if keyword in _SAID}
        rest = {keyword: value for keyword, value in whole.items() if keyword not in _SAID}
        wanted, number = name, 2
        while self.definitions.setdefault(wanted, rest) != rest:
            wanted, number = f"{name}_{number}", number + 1
        return {**said, "$ref": f"#/$defs/{wanted}"}


def _with_null(schema: JsonSchema) -> JsonSchema:
    changed = dict(schema)
    if "type" in schema:
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        changed["type"] = [*types, "null"]
    if "const" in schema:
        changed["enum"] = [changed.pop("const"), None]
    elif "enum" in schema:
        changed["enum"] = [*schema["enum"], None]
    return changed


def _without_null(properties: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    """What must be there is more than null, also where its own schema stands elsewhere."""
    known = {name: part for name, part in properties.items() if part is not True}
    return {**properties, **{name: _NOT_NULL | known.get(name, {}) for name in required}}
