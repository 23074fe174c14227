"""The published schema: generated, valid, the same everywhere, and of one opinion with what loading says."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from authweave import frame, schema
from authweave.documents import parse_document
from authweave.extensions.catalog import Catalog, default_catalog
from authweave.hookspecs import hookimpl
from authweave.inheritance.merging import significant
from authweave.resources import profiles_folder, schema_file
from authweave.schema.closures import compiled_schema
from authweave.schema.descent import validator_of
from authweave.schema.profile import quick_check, shape_check
from effort import examples
from thorough import every, few

RULES = Path(__file__).parents[1] / "rules"
DOCUMENTS = [
    parse_document(file.read_bytes(), str(file)).data
    for file in sorted([*RULES.glob("*/*.yaml"), *profiles_folder().glob("*.yaml")])
]  # fmt: skip
FULL: dict[str, Any] = {
    "format": 1, "name": "acme", "version": "1.0.0", "identity_provider": "Acme", "description": "d", "documentation": "https://a.example",
    "subject": "user", "abstract": False, "x-mine": {"any": [None]},
    "inputs": {"tenant": {
        "title": "t", "description": "d", "example": "e", "visibility": "hidden", "type": "string", "pattern": "[a-z]+", "enum": ["e", 1, True],
        "format": "hostname", "default": "e", "required": True, "secret": False, "supplied_by": "user", "x-note": 1,
    }},
    "vars": {"name": "{{ inputs.tenant }}", "parts": {"a": [1, "b"]}},
    "servers": ["https://a.example.com"],
    "auth": {
        "type": "oauth2", "name": "main", "grant_type": {"vendor": "account"}, "token_url": "https://a.example.com/token",
        "refresh_url": "https://a.example.com/token", "client_auth": "client_secret_post", "basic_encoding": "raw", "client_id": "a",
        "client_secret": "{{ inputs.tenant }}", "scopes": [{"key": "scope", "value": "a"}, "b"], "scope_separator": ",", "audience": "a", "resource": "r",
        "token_request": {
            "method": "PUT", "encoding": "json", "content_type": "a/b", "content": "c", "omit": ["scope"], "rename": {"client_id": "key"},
            "fields": [{"in": "header", "key": "K", "value": {"a": None}, "when": "{{ inputs.tenant }}", "on_conflict": "keep", "optional": True}],
        },
        "refresh_request": {"fields": [{"key": "k", "value": 1}]},
        "token_response": {
            "accepted_when": [{"status": [200, "4xx"], "when": "{{ response.json.ok }}"}], "access_token": "{{ response.json.t }}", "expires_in": 5,
            "expires_at": 5, "keep": {"host": {"value": "v", "pattern": "p", "secret": False}, "other": "o"},
        },
        "refresh_with": "grant", "refresh_before": 60.5, "rejected_when": [{"status": [401]}],
        "fields": [{"in": "query", "key": "k", "value": "{{ token.access_token }}", "when": "{{ inputs.tenant }}", "on_conflict": "error"}],
    },
    "fields": [{"in": "path", "key": "k", "value": 1.5, "optional": True}],
    "test": [{
        "name": "n", "when": "{{ inputs.tenant }}", "request": {"url": "/me", "method": "GET", "fields": [{"in": "query", "key": "a", "value": "b"}]},
        "accepted_when": [{"status": [200]}], "rules": [{"when": "{{ response.json.a }}", "message": "m"}],
    }],
}  # fmt: skip
"""A document with every key that there is."""


@cache
def published() -> Any:
    return json.loads(schema.published())


@cache
def editor() -> Any:
    """What an editor does with the published schema."""
    return Draft202012Validator(published())


@cache
def reference() -> Any:
    """Plain jsonschema with the schema that documents are loaded with."""
    return Draft202012Validator(schema.profile_schema(default_catalog()))


def schemas_in(part: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema of a property, with its path."""
    if isinstance(part, dict):
        for name, inner in part.get("properties", {}).items():
            if isinstance(inner, dict):
                yield f"{path}.{name}", inner
        for key, inner in part.items():
            if key not in ("examples", "default", "x-anti-examples"):
                yield from schemas_in(inner, f"{path}.{key}")
    elif isinstance(part, list):
        for inner in part:
            yield from schemas_in(inner, path)


# the file


def test_the_published_file_is_what_is_generated() -> None:
    """`authweave schema > schemas/auth-profile.schema.json` would change nothing."""
    assert schema.published() == schema_file().read_text(encoding="utf-8")


def test_it_is_the_same_in_every_process_and_order() -> None:
    """Made twice, from two catalogues, it is the same text."""
    assert schema.published() == schema.published()


@pytest.mark.thorough
def test_it_is_valid_against_the_metaschema() -> None:
    """JSON Schema 2020-12, by jsonschema's own check; so are the full one, and the one that documents are loaded with."""
    for made in (published(), json.loads(schema.installed(default_catalog())), schema.profile_schema(default_catalog())):
        Draft202012Validator.check_schema(made)
        assert "https://json-schema.org/draft/2020-12/schema" == made["$schema"]


def test_its_id_names_no_host() -> None:
    """A relative reference: nobody is told to fetch it from anywhere."""
    assert "auth-profile.schema.json" == published()["$id"]


def test_it_says_how_editors_find_it() -> None:
    """The line that goes first into a profile stands in it, and first in every shipped profile."""
    assert schema.EDITOR_LINE in published()["$comment"]
    for file in profiles_folder().glob("*.yaml"):
        assert schema.EDITOR_LINE == file.read_text(encoding="utf-8").splitlines()[0]


def test_nothing_of_the_making_is_left() -> None:
    """The words that only the generator reads are gone, and every reference leads somewhere."""
    text = schema.published()

    assert not any(f'"{word}"' in text for word in ("x-def", "x-names-of", "x-never-null", "x-keys-of"))
    for reference_to in (part.split('"')[0] for part in text.split('"$ref": "#/$defs/')[1:]):
        assert reference_to in published()["$defs"]


def test_keys_stand_in_the_order_people_write_them() -> None:
    """Name before version, version before auth: completion lists them so."""
    keys = list(published()["properties"])

    assert ["format", "name", "version", "identity_provider"] == keys[:4]
    assert keys.index("inputs") < keys.index("servers") < keys.index("auth") < keys.index("fields") < keys.index("test")


def test_every_key_explains_itself() -> None:
    """Hover shows a description for each key that can be completed."""
    described = {path for path, part in schemas_in(published()) if part.get("description")}
    offered = {
        path for path, part in schemas_in(published())
        if part.keys() - {"type", "const", "allOf"} and not part.get("doNotSuggest") and ".if." not in path
    }  # fmt: skip

    assert set() == {path for path in offered - described if "patternProperties" not in path}


def test_examples_and_defaults_are_valid_and_anti_examples_explain() -> None:
    """What completion offers passes the schema it is offered for."""
    resolver = {"$defs": published()["$defs"]}
    seen = 0
    for path, part in schemas_in(published()):
        check = Draft202012Validator({**part, **resolver})
        for value in [*part.get("examples", ()), *([part["default"]] if "default" in part else [])]:
            assert check.is_valid(value), (path, value)
            seen += 1
        for wrong in part.get("x-anti-examples", ()):
            assert wrong["reason"] in part["description"]
            seen += 1
    assert seen > 100


# what it allows


@every("key", [
    ("version",), ("description",), ("documentation",), ("extends",), ("abstract",), ("subject",), ("inputs",), ("vars",), ("servers",), ("fields",), ("test",),
    ("inputs", "tenant"), ("inputs", "tenant", "enum"), ("vars", "name"), ("auth", "client_auth"), ("auth", "scopes"), ("auth", "token_request"),
    ("auth", "token_request", "rename", "client_id"), ("auth", "token_response", "keep", "host"), ("auth", "token_response", "expires_in"),
], ids=".".join)  # fmt: skip
def test_null_is_not_written(key: tuple[str, ...]) -> None:
    """Every key that may be left out may be null."""
    document = copy.deepcopy(FULL)
    holder = document
    for part in key[:-1]:
        holder = holder[part]
    holder[key[-1]] = None

    assert [] == [error.message for error in editor().iter_errors(document)]
    assert quick_check(default_catalog())(significant(document))


@every("key", [("name",), ("identity_provider",), ("auth",), ("auth", "type"), ("auth", "grant_type"), ("fields", 0, "key")], ids=str)
def test_what_is_required_is_more_than_null(key: tuple[Any, ...]) -> None:
    """A required key that is null is missing."""
    document = copy.deepcopy(FULL)
    holder: Any = document
    for part in key[:-1]:
        holder = holder[part]
    holder[key[-1]] = None

    assert not editor().is_valid(document)
    assert not quick_check(default_catalog())(significant(document))


def test_dotted_types_of_other_packages_pass_the_published_schema() -> None:
    """`acme.hmac` is an open object for the editor; the full schema of a machine without that package refuses it."""
    document = {**FULL, "auth": {"type": "acme.hmac", "anything": [1]}}
    full = Draft202012Validator(json.loads(schema.installed(default_catalog())))

    assert editor().is_valid(document)
    assert not full.is_valid(document)


def test_the_full_schema_knows_what_is_installed() -> None:
    """A package's type, with its own keys and its own required ones."""

    class Hmac:
        """A stranger's type."""

        name = "acme.hmac"
        title = "signed by Acme's rules"
        schema = {"properties": {"digest": frame.choice(("sha1", "sha256"), "Which.")}, "required": ["digest"]}  # noqa: RUF012
        inputs: dict[str, Any] = {}  # noqa: RUF012
        fields = ()
        gets_token = False

    class Package:
        """A stranger's package."""

        @hookimpl
        def register_schemes(self, register: Any) -> None:
            register(Hmac)

    catalog = Catalog(installed=False)
    catalog.add(Package(), "acme")
    full = Draft202012Validator(json.loads(schema.installed(catalog)))

    assert full.is_valid({**FULL, "auth": {"type": "acme.hmac", "digest": "sha1"}})
    assert not full.is_valid({**FULL, "auth": {"type": "acme.hmac", "digest": "md5"}})
    assert not full.is_valid({**FULL, "auth": {"type": "acme.hmac"}})
    assert "acme.hmac" not in schema.published()


def test_a_child_may_leave_out_what_its_parent_has() -> None:
    """With `extends` or `abstract` nothing is missing; keys are still known or not."""
    child = {"format": 1, "name": "child", "extends": "parent", "auth": {"token_url": "https://a.example"}}

    assert editor().is_valid(child)
    assert editor().is_valid({"format": 1, "name": "base", "abstract": True, "auth": {"type": "oauth2"}})
    assert not editor().is_valid({**child, "auth": {"token_ulr": "https://a.example"}})
    assert not editor().is_valid({key: value for key, value in child.items() if key != "extends"})


# two of one opinion


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 700) | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "a", "{{ inputs.a }}", "{{", "4xx", "oauth2", "basic", "none", "header", "\ud800", "a\n", "acme.hmac"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "in", "key", "value", "a", "x-a", "", "status"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def places_in(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(data, dict | list):
        for part, inner in data.items() if isinstance(data, dict) else enumerate(data):
            found += places_in(inner, (*path, part))
    return found


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """A document with something else in one or two places."""
    document = copy.deepcopy(draw(st.sampled_from([FULL, *DOCUMENTS])))
    for _ in range(draw(st.integers(1, 2))):
        places = places_in(document)
        place = draw(st.sampled_from(places))
        holder = document
        for part in place[:-1]:
            holder = holder[part]
        if draw(st.booleans()) and isinstance(holder, dict):
            holder[draw(st.sampled_from(["a", "x-a", "type", "auth", "fields", "test", "when"]))] = draw(json_values)
        else:
            holder[place[-1]] = draw(json_values)
    return document


def test_the_quick_check_agrees_with_jsonschema_on_documents() -> None:
    """All documents of the rules, good and bad, and the shipped profiles."""
    plain, quick = reference(), quick_check(default_catalog())

    assert [] == [document for document in (FULL, *DOCUMENTS) if plain.is_valid(document) != quick(document)]


@settings(max_examples=examples(150), deadline=None)
@given(damaged())
@example(FULL)
def test_the_quick_check_agrees_with_jsonschema(document: Any) -> None:
    """Valid for one is valid for the other; and the errors of the quick descent are those of jsonschema."""
    plain, quick = reference(), schema.validator(default_catalog())

    assert plain.is_valid(document) == quick_check(default_catalog())(document) == quick.is_valid(document)
    assert places_of(plain, document) == places_of(quick, document)


def places_of(validator: Any, document: Any) -> set[tuple[Any, ...]]:
    return {(tuple(error.absolute_path), error.validator) for error in validator.iter_errors(document) if error.schema is not False}


@settings(max_examples=examples(150), deadline=None)
@given(damaged())
def test_editors_and_loading_are_of_one_opinion(document: Any) -> None:
    """What the published schema refuses is refused on loading, and the reverse, nulls and `x-…` keys included.

    Beside: a child is looked at without its parent, `type: null` in a child, dotted names of other packages, and an unknown
    key that is null: it is not written, and an editor marks it all the same.
    """
    if not isinstance(document, dict) or isinstance(document.get("extends"), str) or _names_a_package(document):
        return
    if document.get("abstract") is True and _has_null_type(document.get("auth")):
        return

    loads = quick_check(default_catalog())(significant(document))
    assert loads or not editor().is_valid(document)
    assert loads == editor().is_valid(significant(document))


def _names_a_package(document: Any) -> bool:
    return "acme.hmac" in json.dumps(document)


def _has_null_type(auth: Any) -> bool:
    return isinstance(auth, dict) and "type" in auth and auth["type"] is None


KEYWORDS: list[tuple[Any, bool]] = [
    (True, True), (False, True), ({}, True), ({"type": "integer"}, True), ({"type": ["number", "null"]}, True), ({"enum": [1, "a", None, [True]]}, True),
    ({"const": 0}, True), ({"const": {"a": [1.0]}}, True), ({"pattern": "^a"}, True), ({"minLength": 2, "maxLength": 3}, True),
    ({"minimum": 1, "maximum": 2.5}, True), ({"minItems": 1, "items": {"type": "string"}}, True), ({"required": ["a", "b"]}, True),
    ({"properties": {"a": False}, "additionalProperties": {"type": "string"}, "patternProperties": {"^x-": {"type": "integer"}}}, True),
    ({"propertyNames": {"pattern": "^[ax]"}}, True), ({"allOf": [{"type": "object"}, {"required": ["a"]}]}, True),
    ({"anyOf": [{"type": "string"}, {"minimum": 3}]}, True), ({"not": {"type": "string"}}, True),
    ({"if": {"type": "object"}, "then": {"required": ["a"]}, "else": {"type": "null"}}, True), ({"if": {"type": "string"}}, True),
    ({"type": ["integer", "string"]}, True), ({"type": "boolean", "title": "t", "format": "email", "x-own": 1}, True),
    ({"oneOf": [{}]}, False), ({"properties": {"a": {"uniqueItems": True}}}, False), ({"$ref": "#"}, False),
]  # fmt: skip


@pytest.mark.parametrize(("written", "is_known"), few(KEYWORDS, every=3), ids=str)
@settings(max_examples=examples(60), deadline=None)
@given(value=json_values)
def test_each_keyword_means_what_jsonschema_says(written: Any, is_known: bool, value: Any) -> None:
    """Keyword for keyword, on any value; what it does not know it leaves to jsonschema."""
    check = compiled_schema(written)

    assert is_known == (check is not None)
    if check is not None:
        assert Draft202012Validator(written).is_valid(value) == check(value)
        assert Draft202012Validator(written).is_valid(value) == validator_of(written).is_valid(value)


@settings(max_examples=examples(80), deadline=None)
@given(damaged())
def test_the_shape_is_the_schema_without_what_is_required(document: Any) -> None:
    """Whatever is valid has its shape; and taking a key away never spoils it."""
    catalog = default_catalog()
    if quick_check(catalog)(document):
        assert shape_check(catalog)(document)
        for key in document:
            assert shape_check(catalog)({name: value for name, value in document.items() if name != key})
