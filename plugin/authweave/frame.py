"""The frame of the profile schema: every key that does not belong to one auth type (format.md's table, as data).

`schema.py` puts the fragments of the auth types, grants, client authentications and placements into it. Descriptions,
examples and anti-examples are written for the person at the editor: completion and hover show them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from authweave.values import JsonSchema

TEMPLATE = r"\{\{"
NAME = "^[a-z0-9]+(-[a-z0-9]+)*$"
SEMVER = r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$"
VENDOR_NAME = r"^[a-z0-9_]+\.[a-z0-9_.]+$"
IDENTIFIER = "^[A-Za-z_][A-Za-z0-9_]*$"
EXTENSION_KEYS = {"^x-": {"description": "Keys that begin with x- are yours; authweave does not read them."}}


def described(
    schema: JsonSchema, description: str, *, examples: Iterable[Any] = (), avoid: Mapping[str, str] | None = None,
    default: Any = None,
) -> JsonSchema:  # fmt: skip
    """A schema with what a person wants to know. `avoid` maps an anti-example to the reason against it."""
    full = dict(schema)
    not_so = " ".join(f"Not `{wrong}`: {why}." for wrong, why in (avoid or {}).items())
    full["description"] = f"{description} {not_so}".strip()
    if default is not None:
        full["default"] = default
    if listed := list(examples):
        full["examples"] = listed
    if avoid:
        full["x-anti-examples"] = [{"value": wrong, "reason": why} for wrong, why in avoid.items()]
    return full


def text(description: str, **extra: Any) -> JsonSchema:
    """A text, template or not."""
    return described({"type": "string"}, description, **extra)


def choice(options: Iterable[str], description: str, **extra: Any) -> JsonSchema:
    """One word of a list."""
    return described({"type": "string", "enum": list(options)}, description, **extra)


def flag(description: str, *, default: bool = False) -> JsonSchema:
    """true or false."""
    return {**described({"type": "boolean"}, description), "default": default}


def or_template(schema: JsonSchema) -> JsonSchema:
    """The schema's type, or a text with a template in it."""
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return {**schema, "type": [*types, "string"], "if": {"type": "string"}, "then": {"pattern": TEMPLATE}}


def closed(properties: Mapping[str, JsonSchema], *, required: Iterable[str] = (), description: str = "") -> JsonSchema:
    """A map with these keys and no others, but for `x-…`."""
    schema: JsonSchema = {
        "type": "object", "properties": dict(properties), "patternProperties": EXTENSION_KEYS, "additionalProperties": False,
    }  # fmt: skip
    if wanted := list(required):
        schema["required"] = wanted
    return {"description": description, **schema} if description else schema


def list_of(items: JsonSchema, description: str, *, at_least: int = 0) -> JsonSchema:
    """A list of such items."""
    schema: JsonSchema = {"type": "array", "items": items, "description": description}
    return {**schema, "minItems": at_least} if at_least else schema


CONDITION = described(
    {"type": "string", "pattern": r"^\s*\{\{[\s\S]*\}\}\s*$"},
    "A condition: exactly one {{ }}. null, '', 0 and empty are false.",
    examples=["{{ inputs.mode == 'oauth2' }}", "{{ request.method != 'GET' }}"],
    avoid={"inputs.mode == 'oauth2'": "a condition stands in {{ }}"},
)
ANY_VALUE: JsonSchema = {"type": ["string", "number", "integer", "boolean", "array", "object"]}
URL = text(
    "https (http only for loopback). Values of templates are encoded for the place they stand in; scheme and literal "
    "host can never change.",
    examples=["https://{{ inputs.tenant }}.example.com/oauth/token"],
    avoid={"http://api.example.com": "credentials travel over https only", "https://user:pw@host": "no user info in URLs"},
)
SECRET_TEXT = text(
    "A template that reads a secret input, or ''. The secret itself never stands in the file.",
    examples=["{{ inputs.client_secret }}"], avoid={"s3cr3t": "a secret in a file is a leaked secret"},
)  # fmt: skip


def names_of(kind: str, description: str, *, others: str = VENDOR_NAME, default: str | None = None) -> JsonSchema:
    """A registered name of a kind of extension; `schema` fills the list in. `others` is the form of names not built in."""
    return described({"type": "string", "x-names-of": kind, "x-others": others}, description, default=default)


def field_schema(*, default_place: str | None = None, credential: bool = False) -> JsonSchema:
    """An entry of a `fields` list. `credential` fields cannot be optional."""
    properties = {
        "in": names_of("placements", "Where the field is put.", default=default_place),
        "key": text("The name of the field. In JSON and XML a key that starts with / is a JSON Pointer or element path; parents are made.",
                    examples=["X-Tenant", "/credentials/site/contentUrl"]),
        "value": described(ANY_VALUE, "The value. One whole {{ }} keeps its type.",
                           examples=["{{ inputs.tenant }}", "eu", 2]),
        "when": {**CONDITION, "description": "Put the field only when this is true. Of fields with the same `in` and `key` the first true one wins."},
        "on_conflict": choice(("replace", "keep", "error"), "What to do when the request already has such a field.", default="replace"),
    }  # fmt: skip
    if not credential:
        properties["optional"] = flag("Leave the field out when a value it reads is null or empty, or no template has its {key}.")
    return closed(properties, required=("key", "value") if default_place else ("in", "key", "value"))


STATUS: JsonSchema = {
    "type": "array", "minItems": 1, "description": "Exact codes (401) or classes (4xx).", "examples": [[401], ["4xx", 503]],
    "items": {"type": ["integer", "string"], "minimum": 100, "maximum": 599, "pattern": "^[1-5]xx$"},
}  # fmt: skip
MATCH = closed(
    {"status": STATUS, "when": {**CONDITION, "description": "A condition on `response`. Both `status` and `when` must hold."}},
    description="A condition on an answer.",
)
ENCODINGS = ("form", "json", "multipart", "xml", "text", "none", "query")


def request_schema(field: JsonSchema, *, url: bool, method: str, relative: bool = False) -> JsonSchema:
    """A described request (`Request` in the reference)."""
    properties = {
        "method": text("HTTP method.", examples=["GET", "PUT"], default=method),
        "encoding": choice(ENCODINGS, "How payload fields become a body. `query` puts them into the URL.", default="query" if method == "GET" else "form"),
        "content_type": text("Content-Type, where it differs from the encoding's own.", examples=["application/rss+xml"]),
        "content": text("The whole body as text, instead of payload fields. In xml, values are escaped."),
        "fields": list_of(field, "Fields of the request. A field replaces the standard parameter of its key."),
        "omit": list_of({"type": "string"}, "Standard parameters (RFC names) and inherited fields to leave out."),
        "rename": {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}, "examples": [{"client_id": "client_key"}],
                   "description": "Standard parameters under another name."},
    }  # fmt: skip
    if url:
        properties["url"] = text("Absolute, or relative to the first server." if relative else "Absolute URL.", examples=["/v1/me"])
    return closed(properties, required=("url",) if url else ())


KEEP: JsonSchema = {
    "type": "object", "propertyNames": {"pattern": IDENTIFIER},
    "description": "Values of the answer to read later as kept.<name>.",
    "additionalProperties": {
        "type": ["string", "object"],
        "if": {"type": "object"},
        "then": closed({
            "value": text("What to keep.", examples=["{{ response.json.instance_url }}"]),
            "pattern": text("What the whole value must look like. Needed where it becomes a host."),
            "secret": described({"type": "boolean"}, "Is it a secret? true, but false with `pattern`."),
        }, required=("value",)),
    },
}  # fmt: skip


def answer_schema() -> JsonSchema:
    """What is read of a token answer (`Answer` in the reference)."""
    member = {
        name: text(f"Where {name} stands.", default=f"{{{{ response.json.{name} }}}}", examples=[f"{{{{ response.json.data.{name} }}}}"])
        for name in ("access_token", "refresh_token", "id_token", "token_type", "scope", "error", "error_description")
    }
    return closed({
        "accepted_when": list_of(MATCH, "The answer counts as a success when one of these holds. Default: any 2xx.", at_least=1),
        **member,
        "expires_in": described(or_template({"type": "number", "minimum": 0}), "Lifetime in seconds, a constant or read from the answer.",
                                examples=[3600, "{{ response.json.expires }}"], default="{{ response.json.expires_in }}"),
        "expires_at": described({"type": ["string", "number"]}, "Point in time: Unix seconds, RFC 3339, or an HTTP date. One of expires_in and expires_at.",
                                examples=["{{ response.json.expires_at }}"]),
        "keep": KEEP,
    }, description="How to read the answer of a token call.")  # fmt: skip


INPUT = closed(
    {
        "title": text("What the form calls it. Default: its name."),
        "description": text("One sentence for the person who fills it in."),
        "example": text("A value that looks right.", examples=["acme"]),
        "visibility": choice(("visible", "hidden", "read_only"), "How the form shows it.", default="visible"),
        "type": choice(("string", "integer", "number", "boolean", "list", "json", "pem", "pkcs12"), "What the value is read as.", default="string"),
        "pattern": text("A regular expression that the whole value must match. It runs in linear time: no look-around, no back references.", examples=["[a-z0-9-]{1,63}"]),
        "enum": {"type": "array", "minItems": 1, "description": "The values allowed.", "items": {"type": ["string", "integer", "number", "boolean"]}},
        "format": choice(("hostname", "url", "uuid", "email"), "A well-known form."),
        "default": described({"type": ["string", "integer", "number", "boolean", "array", "object"]}, "Used when nobody supplies a value. '' also allows the empty text. A secret has none."),
        "required": flag("Must somebody supply it? Checked when a template in force reads it.", default=True),
        "secret": flag("Never shown, logged, or written anywhere in the open."),
        "supplied_by": choice(("application", "user"), "Who supplies it.", default="application"),
    },
    description="One input.",
)  # fmt: skip


def top_properties(field: JsonSchema, test_request: JsonSchema) -> dict[str, JsonSchema]:
    """The keys of a profile beside `auth`."""
    test = closed({
        "name": text("Shown in the report."),
        "when": {**CONDITION, "description": "Run this test only when true."},
        "request": test_request,
        "accepted_when": list_of(MATCH, "The credential is accepted when one of these holds. Default: any 2xx.", at_least=1),
        "rules": list_of(closed({"when": CONDITION, "message": text("Shown when true.")}, required=("when", "message")),
                         "Hints for people: the first true one is shown, and never changes the verdict."),
    }, required=("request",), description="One check, through the real path.")  # fmt: skip
    return {
        "format": described({"const": 1}, "The version of this file format.", default=1),
        "name": described({"type": "string", "pattern": NAME, "maxLength": 100}, "The file's name without its ending. It never changes.", examples=["acme-crm"], avoid={"Acme_CRM": "lower-case letters, digits and single hyphens only"}),
        "version": described({"type": "string", "pattern": SEMVER}, "SemVer of this profile's content.", default="0.0.0", examples=["1.2.0"], avoid={"1.2": "three numbers; and quote what looks like a number"}),
        "identity_provider": described({"type": "string", "minLength": 1}, "Who checks the credential, as people call it.", examples=["Acme"]),
        "description": text("What the profile is for."),
        "documentation": described({"type": "string", "pattern": "^https?://"}, "Where the provider documents its authentication."),
        "extends": described({"type": "string", "pattern": r"^[a-z0-9]+(-[a-z0-9]+)*(@\d+(\.\d+\.\d+\S*)?)?$"}, "The parent profile.", examples=["acme-base", "acme-base@1", "acme-base@1.2.0"]),
        "abstract": flag("Only to be extended; may be incomplete."),
        "subject": choice(("application", "user"), "In whose authority the calls are made. `user`: the user's id is part of the token key.", default="application"),
        "inputs": {"type": "object", "propertyNames": {"pattern": IDENTIFIER}, "additionalProperties": INPUT,
                   "description": "Everything somebody else must supply, in the order of the form.",
                   "examples": [{"tenant": {"title": "Tenant", "pattern": "[a-z0-9-]{1,63}"}}]},
        "vars": {"type": "object", "propertyNames": {"pattern": IDENTIFIER}, "additionalProperties": ANY_VALUE,
                 "description": "Named intermediate values; computed once per token call and once per attempt of a task request."},
        "servers": list_of(URL, "Origins that may receive the credential. A first label * is exactly one label. Needed to apply: here or given by the host.", at_least=1),
        "fields": list_of(field, "Additions to every task request."),
        "test": {"type": ["object", "array", "string"], "description": "How `authweave test` checks that the credential is accepted: a test, a list of them, token_only or none.",
                 "if": {"type": "string"}, "then": {"enum": ["token_only", "none"]},
                 "else": {"if": {"type": "array"}, "then": {"items": test, "minItems": 1}, "else": test}},
    }  # fmt: skip


def auth_common(credential_field: JsonSchema) -> dict[str, JsonSchema]:
    """The keys that every auth type has."""
    return {
        "type": text("The auth type."),
        "name": described({"type": "string", "pattern": "^[a-z0-9_-]+$"}, "The variant's name; part of the token key."),
        "when": {**CONDITION, "description": "Use this variant when true. Reads inputs, vars and request.method/scheme/host/port/path of the task URL."},
        "fields": list_of(credential_field, "How the credential is placed; replaces the default of the type.", at_least=1),
        "rejected_when": list_of(MATCH, "Answers that mean `credential rejected`, in addition to 401. A 2xx needs `when`."),
    }  # fmt: skip
