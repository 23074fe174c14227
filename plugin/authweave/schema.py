"""The JSON Schema (2020-12) of profiles: frame and fragments put together.

Composed with `if`/`then` on the discriminator, never `oneOf`, so that an error names the key that is wrong.
"""

from __future__ import annotations

import functools
from typing import Any

from authweave import frame
from authweave.catalog import Catalog
from authweave.values import JsonSchema

ID = "https://authweave.example/schemas/auth-profile.schema.json"


def profile_schema(catalog: Catalog) -> JsonSchema:
    """The schema of a profile for what is in the catalogue. A fresh value each time; the caller may change it."""
    field = frame.field_schema()
    properties = frame.top_properties(field, frame.request_schema(field, url=True, method="GET", relative=True))
    properties["auth"] = _auth(catalog)
    return _with_names({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "authweave auth profile, format 1",
        "description": "How one API wants its credentials. One profile per file.",
        "type": "object",
        "properties": properties,
        "patternProperties": frame.EXTENSION_KEYS,
        "additionalProperties": False,
        "required": ["format", "name"],
        "if": {"anyOf": [{"required": ["extends"]}, {"required": ["abstract"], "properties": {"abstract": {"const": True}}}]},
        "then": {},
        "else": {"required": ["identity_provider", "auth"]},
    }, catalog)  # fmt: skip


def _auth(catalog: Catalog) -> JsonSchema:
    common = frame.auth_common(frame.field_schema(credential=True))
    schemes = sorted(catalog.named("schemes").items())
    titles = " ".join(f"{name}: {scheme.title}." for name, scheme in schemes)
    common["type"] = frame.names_of("schemes", f"The auth type. {titles}")
    one: JsonSchema = {
        "type": "object",
        "properties": common,
        "required": ["type"],
        "allOf": [
            {"if": {"properties": {"type": {"const": name}}, "required": ["type"]}, "then": _branch(scheme, common, catalog)}
            for name, scheme in schemes
        ],
    }
    return {
        "type": ["object", "array"],
        "description": "One way to authenticate, or variants: the first whose `when` is true.",
        "if": {"type": "array"},
        "then": {"minItems": 1, "items": {**one, "required": ["type", "name"]}},
        "else": one,
    }


def _branch(scheme: Any, common: dict[str, JsonSchema], catalog: Catalog) -> JsonSchema:
    """What a type adds to the common keys; those are checked already, so here they are only let through."""
    own = {key: value for key, value in scheme.schema.items() if key != "x-keys-of"}
    kinds = scheme.schema.get("x-keys-of", ())
    of_parts = {
        key: value
        for kind in kinds
        for part in catalog.named(kind).values()
        for key, value in getattr(part, "schema", {}).get("properties", {}).items()
    }
    return {
        **own,
        "properties": {**dict.fromkeys(common, True), **of_parts, **own.get("properties", {})},
        "patternProperties": frame.EXTENSION_KEYS,
        "additionalProperties": False,
    }


def _with_names(schema: Any, catalog: Catalog) -> Any:
    """A deep copy in which every `x-names-of` has become the list of registered names."""
    if isinstance(schema, list):
        return [_with_names(item, catalog) for item in schema]
    if not isinstance(schema, dict):
        return schema
    copied = {key: _with_names(value, catalog) for key, value in schema.items() if key not in ("x-names-of", "x-others")}
    if kind := schema.get("x-names-of"):
        copied["anyOf"] = [{"enum": sorted(catalog.named(kind))}, {"pattern": schema["x-others"]}]
    return copied


@functools.cache
def validator(catalog: Catalog) -> Any:
    """A jsonschema validator of profiles; made once per catalogue. It never fetches anything: the schema has no references."""
    from jsonschema import Draft202012Validator

    return Draft202012Validator(profile_schema(catalog))
