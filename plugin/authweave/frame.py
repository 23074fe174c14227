"""The frame of the profile schema: every key that does not belong to one auth type, and the words to write more.

`schema.py` puts the fragments of the auth types, grants, client authentications and placements into it. Descriptions,
examples, anti-examples and defaults are written for the person at the editor: completion and hover show them. `x-def`
names a part that the published schema writes once; `x-names-of` a list of registered names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from authweave.patterns import note_proven
from authweave.values import JsonSchema

END = r"(?![\s\S])"
"""The end of the text, for ECMA-262 and Python alike (Python's `$` also stands before a last line break)."""
TEMPLATE = r"\{\{"
NAME = f"^[a-z0-9]+(-[a-z0-9]+)*{END}"
_SEMVER = r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?"
VENDOR_NAME = rf"^[a-z0-9_]+(\.[a-z0-9_]+)+{END}"
IDENTIFIER = f"[A-Za-z_][A-Za-z0-9_]*{END}"
_NAME_WORDS = "A name is made of letters, digits and _, and does not begin with a digit."


def linear(pattern: str) -> str:
    """A pattern of ours, which Python's engine may run: a test shows that no value makes it slow. Not for those of other packages."""
    note_proven(pattern)
    return pattern


EXTENSION_KEYS = {linear("^x-"): {"description": "Keys that begin with x- are yours; authweave does not read them."}}


def described(
    schema: JsonSchema, description: str, *, examples: Iterable[Any] = (), avoid: Mapping[Any, str] | None = None,
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
    return {**schema, "type": ["string", schema["type"]], "if": {"type": "string"}, "then": {"pattern": linear(TEMPLATE)}}


def by_kind(description: str, **kinds: JsonSchema) -> JsonSchema:
    """One schema for each JSON type that may stand here: `by_kind("…", string=…, array=…)`."""
    branches = [{"if": {"type": kind}, "then": schema} for kind, schema in kinds.items() if schema]
    return {"type": list(kinds), "description": description, "allOf": branches}


def closed(properties: Mapping[str, JsonSchema | bool], *, required: Iterable[str] = (), description: str = "") -> JsonSchema:
    """A map with these keys and no others, but for `x-…`."""
    schema: JsonSchema = {
        "type": "object", "properties": dict(properties), "patternProperties": EXTENSION_KEYS, "additionalProperties": False,
    }  # fmt: skip
    if wanted := list(required):
        schema["required"] = wanted
    return {"description": description, **schema} if description else schema


def map_of(values: JsonSchema, description: str, *, names: str = IDENTIFIER, **extra: Any) -> JsonSchema:
    """A map from names that the author chooses to such values."""
    schema = {"type": "object", "propertyNames": {"pattern": linear(f"^(x-|{names})"), "patternErrorMessage": _NAME_WORDS}, "patternProperties": EXTENSION_KEYS, "additionalProperties": values}
    return described(schema, description, **extra)


def list_of(items: JsonSchema, description: str, *, at_least: int = 0, **extra: Any) -> JsonSchema:
    """A list of such items."""
    schema: JsonSchema = {"type": "array", "items": items}
    return described({**schema, "minItems": at_least} if at_least else schema, description, **extra)


def names_of(kind: str, description: str, **extra: Any) -> JsonSchema:
    """A registered name of a kind of extension; `schema` fills the list in."""
    return described({"type": "string", "x-names-of": kind}, description, **extra)


CONDITION = described(
    {"x-def": "condition", "type": "string", "pattern": linear(rf"^\s*\{{\{{[\s\S]*\}}\}}\s*{END}"), "patternErrorMessage": "A condition is exactly one '{{ … }}', in quotes."},
    "A condition: exactly one {{ }}. null, '', 0 and empty are false.",
    examples=["{{ inputs.mode == 'oauth2' }}", "{{ request.method != 'GET' }}"],
    avoid={"inputs.mode == 'oauth2'": "a condition stands in {{ }}"},
)
ANY_VALUE: JsonSchema = {"type": ["string", "number", "integer", "boolean", "array", "object"]}
URL = described(
    {"x-def": "url", "type": "string"},
    "https (http only for loopback). Values of templates are encoded for the place they stand in; scheme and literal "
    "host can never change.",
    examples=["https://{{ inputs.tenant }}.example.com/oauth/token"],
    avoid={"http://api.example.com": "credentials travel over https only", "https://user:pw@host": "no user info in URLs"},
)
SECRET_TEXT = text(
    "A template that reads a secret input, or ''. The secret itself never stands in the file.",
    examples=["{{ inputs.client_secret }}"], avoid={"s3cr3t": "a secret in a file is a leaked secret"},
)  # fmt: skip


def condition(description: str) -> JsonSchema:
    """A condition, and what it decides."""
    return {**CONDITION, "description": f"{description} {CONDITION['description']}"}


def field_schema(*, default_place: str | None = None, credential: bool = False) -> JsonSchema:
    """An entry of a `fields` list. `credential` fields cannot be optional."""
    properties: dict[str, JsonSchema | bool] = {
        "in": names_of("placements", "Where the field is put." + (f" Default: {default_place}." if default_place else ""), default=default_place),
        "key": described({"type": "string", "minLength": 1}, "The name of the field; no template. In JSON and XML a key that starts with / is a JSON Pointer or element path; parents are made.",
                         examples=["X-Tenant", "/credentials/site/contentUrl"], avoid={"{{ inputs.name }}": "keys take no templates"}),
        "value": described(ANY_VALUE, "The value. One whole {{ }} keeps its type.", examples=["{{ inputs.tenant }}", "eu", 2],
                           avoid={"{{ inputs.tenant }} without quotes": "YAML reads { as the beginning of a map"}),
        "when": condition("Put the field only when this is true. Of fields with the same `in` and `key` the first true one wins."),
        "on_conflict": choice(("replace", "keep", "error"), "What to do when the request already has such a field.", default="replace"),
        "optional": False if credential else flag("Leave the field out when a value it reads is null or empty, or no template has its {key}."),
    }  # fmt: skip
    required = ("key", "value") if default_place else ("in", "key", "value")
    name = "credential_field" if credential else f"{default_place}_field" if default_place else "field"
    return {**closed(properties, required=required, description="One field of a request."), "x-def": name}


STATUS: JsonSchema = described(
    {"type": "array", "minItems": 1, "items": {"type": ["integer", "string"], "minimum": 100, "maximum": 599, "pattern": linear(f"^[1-5]xx{END}"), "examples": [401, "4xx"]}},
    "Exact codes (401) or classes (4xx).", examples=[[401], ["4xx", 503]], avoid={"401": "a list, as [401]"},
)  # fmt: skip
MATCH = {
    **closed(
        {"status": STATUS, "when": condition("A condition on `response`. Both `status` and `when` must hold.")},
        description="A condition on an answer.",
    ),
    "x-def": "match",
}
TEST_URL = text(
    "Absolute, or relative to the first server, whose path counts.",
    examples=["/v1/me"], avoid={"//host/path": "another host is named in full, and stands in `servers`"},
)  # fmt: skip
ENCODINGS = ("form", "json", "multipart", "xml", "text", "none", "query")


def request_schema(
    field: JsonSchema, *, method: str, url: JsonSchema | None = None, name: str = "token_call_request", description: str = ""
) -> JsonSchema:  # fmt: skip
    """A described request (`Request` in the reference); with a `url` of its own, or without. `name` is for `x-def`."""
    properties: dict[str, JsonSchema | bool] = {"url": url} if url else {}
    properties |= {
        "method": described({"type": "string", "pattern": linear(rf"^([A-Za-z-]+|[\s\S]*\{{\{{[\s\S]*){END}")}, "HTTP method.", examples=["GET", "PUT", "{{ inputs.method }}"], default=method),
        "encoding": choice(ENCODINGS, "How payload fields become a body. `query` puts them into the URL; it is the default of GET.",
                           default="query" if method == "GET" else "form"),
        "content_type": described({"type": "string", "pattern": linear(rf"^([^\s/{{}}]+/[^\s/{{}}]+([ \t]*;[^\r\n{{}}]*)?|[\s\S]*\{{\{{[\s\S]*){END}")}, "Content-Type, where it differs from the encoding's own.",
                                  examples=["application/rss+xml", "application/{{ inputs.dialect }}+json"]),
        "content": text("The whole body as text, instead of payload fields. In xml, values are escaped.",
                        examples=["<login><user>{{ inputs.username }}</user></login>"]),
        "fields": list_of(field, "Fields of the request. A field replaces the standard parameter of its key.",
                          examples=[[{"in": "header", "key": "X-Gateway-Key", "value": "{{ inputs.gateway_key }}"}]]),
        "omit": list_of({"type": "string"}, "Standard parameters (RFC names) and inherited fields to leave out.", examples=[["client_id"]]),
        "rename": map_of({"type": "string", "minLength": 1}, "Standard parameters under another name.", names=f"[A-Za-z0-9_.-]+{END}",
                         examples=[{"client_id": "client_key"}]),
    }  # fmt: skip
    return {**closed(properties, required=("url",) if url else (), description=description), "x-def": name}


KEEP = map_of(
    by_kind(
        "What to keep, or {value, pattern, secret}.",
        string={},
        object=closed({
            "value": text("What to keep.", examples=["{{ response.json.instance_url }}"]),
            "pattern": text("What the whole value must look like. Needed where it becomes a host.", examples=[r"https://[a-z0-9-]+\.example\.com"]),
            "secret": described({"type": "boolean"}, "Is it a secret? Default: true, but false with `pattern`."),
        }, required=("value",)),
    ),
    "Values of the answer to read later as kept.<name>.",
    )  # fmt: skip


def answer_schema() -> JsonSchema:
    """What is read of a token answer (`Answer` in the reference)."""
    member = {
        name: text(f"Where {name} stands. Default: the member of that name in JSON, else in a form.", examples=[f"{{{{ response.json.data.{name} }}}}"])
        for name in ("access_token", "refresh_token", "id_token", "token_type", "scope", "error", "error_description")
    }  # fmt: skip
    return {**closed({
        **member,
        "expires_in": described(or_template({"type": "number", "minimum": 0}), "Lifetime in seconds, a constant or read from the answer. One of expires_in and expires_at. Default: the member expires_in in JSON.",
                                examples=["{{ response.json.expires }}", 3600]),
        "expires_at": described({"type": ["string", "number"]}, "Point in time: Unix seconds, RFC 3339, or an HTTP date. One of expires_in and expires_at.",
                                examples=["{{ response.json.expires_at }}"]),
        "keep": KEEP,
        "accepted_when": list_of(MATCH, "The answer counts as a success when one of these holds. Default: any 2xx.", at_least=1,
                                 examples=[[{"status": [200], "when": "{{ response.json.ok }}"}]]),
    }, description="How to read the answer of a token call. The reading serves grant and refresh."), "x-def": "answer"}  # fmt: skip


INPUT = {
    **closed(
        {
            "title": text("What the form calls it. Default: its name.", examples=["Tenant"]),
            "description": text("One sentence for the person who fills it in.", examples=["The part of your URL before .example.com."]),
            "example": text("A value that looks right.", examples=["acme"], avoid={"1042": "quote what looks like a number: '1042'"}),
            "visibility": choice(("visible", "hidden", "read_only"), "How the form shows it.", default="visible"),
            "type": choice(("string", "integer", "number", "boolean", "list", "json", "pem", "pkcs12"), "What the value is read as. pem and pkcs12 (base64) are key material.", default="string"),
            "pattern": text("A regular expression that the whole value must match. It runs in linear time: no look-around, no back references.",
                            examples=["[a-z0-9-]{1,63}"], avoid={"(?i)acme": "no flags: write [Aa][Cc][Mm][Ee]"}),
            "enum": described({"type": "array", "minItems": 1, "items": {"type": ["string", "integer", "number", "boolean"]}}, "The values allowed.", examples=[["eu", "us"]]),
            "format": choice(("hostname", "url", "uuid", "email"), "A well-known form."),
            "default": described({"type": ["string", "integer", "number", "boolean", "array", "object"]}, "Used when nobody supplies a value. '' also allows the empty text. A secret has none.", examples=["eu"]),
            "required": flag("Must somebody supply it? Checked when a template in force reads it.", default=True),
            "secret": flag("Never shown, logged, or written anywhere in the open."),
            "supplied_by": choice(("application", "user"), "Who supplies it.", default="application"),
        },
        description="One input.",
    ),
    "x-def": "input",
}  # fmt: skip


def top_properties(field: JsonSchema, test_request: JsonSchema, auth: JsonSchema) -> dict[str, JsonSchema]:
    """The keys of a profile, in the order people write them."""
    return {
        "format": described({"const": 1}, "The version of this file format.", default=1),
        "name": described({"type": "string", "pattern": linear(NAME), "patternErrorMessage": "Lower-case letters, digits and single hyphens only.", "maxLength": 100}, "The file's name without its ending. It never changes.",
                          examples=["acme-crm"], avoid={"Acme_CRM": "lower-case letters, digits and single hyphens only"}),
        "version": described({"type": "string", "pattern": linear(f"^{_SEMVER}{END}"), "patternErrorMessage": "Three numbers, as 1.2.0 (SemVer)."}, "SemVer of this profile's content.", default="0.0.0",
                             examples=["1.2.0"], avoid={"1.2": "three numbers; quote what looks like a number"}),
        "identity_provider": described({"type": "string", "minLength": 1}, "Who checks the credential, as people call it.", examples=["Acme"]),
        "description": text("What the profile is for, shown to people.", examples=["Acme CRM, by client credentials."]),
        "documentation": described({"type": "string", "pattern": linear(r"^https?://[^/?#@\\\s]+([/?#]|$)"), "patternErrorMessage": "A URL begins with https:// and its host: no user name stands before it."}, "Where the provider documents its authentication.",
                                   examples=["https://docs.acme.example/authentication"]),
        "extends": described({"type": "string", "pattern": linear(rf"^[a-z0-9]+(-[a-z0-9]+)*(@\d+(\.\d+(\.\d+[0-9A-Za-z.+-]*)?)?)?{END}")},
                             "The parent profile; name@1, name@1.2 or name@1.2.0 insists on its version. Maps merge, lists replace, null takes the parent's key away.",
                             examples=["acme-base", "acme-base@1", "acme-base@1.2.0"]),
        "abstract": flag("Only to be extended; may be incomplete."),
        "subject": choice(("application", "user"), "In whose authority the calls are made. `user`: the user's id is part of the token key, and no call goes without one.",
                          default="application"),
        "inputs": map_of(INPUT, "Everything somebody else must supply, in the order of the form. The type implies some.",
                         examples=[{"tenant": {"title": "Tenant", "example": "acme"}}]),
        "vars": map_of(ANY_VALUE, "Named intermediate values; computed once per token call and once per attempt of a task request.",
                       examples=[{"greeting": "Hello {{ inputs.name }}"}]),
        "servers": list_of(URL, "Origins that may receive the credential. A first label * is exactly one label. Needed to apply: here or given by the host.", at_least=1,
                           examples=[["https://api.acme.example"], ["https://*.api.acme.example"]], avoid={"https://*.example": "* needs two labels after it"}),
        "auth": auth,
        "fields": list_of(field, "Additions to every task request, whatever the variant.",
                          examples=[[{"in": "header", "key": "X-Tenant", "value": "{{ inputs.tenant }}"}]]),
        "tls": closed({
            "certificate": {**SECRET_TEXT, "description": f"The client's certificate, PEM or PKCS #12. {SECRET_TEXT['description']}", "examples": ["{{ inputs.certificate }}"]},
            "private_key": {**SECRET_TEXT, "description": f"Its private key, PEM. {SECRET_TEXT['description']}", "examples": ["{{ inputs.private_key }}"]},
            "password": {**SECRET_TEXT, "description": f"What opens the key or the PKCS #12. {SECRET_TEXT['description']}", "examples": ["{{ inputs.key_password }}"]},
            "ca": text("Authorities to believe besides the usual ones, PEM.", examples=["{{ inputs.ca }}"]),
            "verify": described(or_template({"type": "boolean"}), "Check the server's certificate; false only where the operator allows it.", default=True, examples=["{{ inputs.verify }}"]),
            "calls": described({"type": "array", "minItems": 1, "items": {"type": "string", "enum": ["token", "task"]}}, "Which calls it is for. Default: both.", examples=[["token"]]),
        }, description="TLS with a certificate of the client's (RFC 8446 §4.4.2), or with an authority of the provider's own."),
        "test": _test_schema(test_request),
    }  # fmt: skip


def _test_schema(request: JsonSchema) -> JsonSchema:
    rule = closed({
        "when": condition("Show the message when this is true."),
        "message": text("What to tell the person.", examples=["The client needs scope read."]),
    }, required=("when", "message"), description="A hint for people.")  # fmt: skip
    test = {**closed({
        "name": text("Shown in the report.", examples=["read own account"]),
        "when": condition("Run this test only when true."),
        "request": request,
        "accepted_when": list_of(MATCH, "The credential is accepted when one of these holds. Default: any 2xx.", at_least=1, examples=[[{"status": [200, 404]}]]),
        "rules": list_of(rule, "Hints for people: the first true one is shown, and never changes the verdict.",
                         examples=[[{"when": "{{ response.status == 403 }}", "message": "The client needs scope read."}]]),
    }, required=("request",), description="One check, through the real path."), "x-def": "test"}  # fmt: skip
    described_as = (
        "How `authweave test` checks that the credential is accepted: a test, a list of them, token_only (get a token, "
        "call nothing) or none. Default: token_only where there is a token, else none."
    )
    whole = by_kind(described_as, object=test, array={"items": test, "minItems": 1}, string={"enum": ["token_only", "none"]})
    return {**whole, "examples": ["token_only", "none"]}


def auth_common(credential_field: JsonSchema) -> dict[str, JsonSchema]:
    """The keys that every auth type has, beside `type`."""
    return {
        "name": described({"type": "string", "pattern": linear(f"^[a-z0-9_-]+{END}")}, "The variant's name; part of the token key. Needed in a list.", examples=["oauth2"]),
        "when": condition("Use this variant when true. Reads inputs, vars and request.method/scheme/host/port/path of the task URL."),
        "fields": list_of(credential_field, "How the credential is placed; replaces the default of the type.", at_least=1,
                          examples=[[{"in": "header", "key": "Authorization", "value": "Token {{ token.access_token }}"}]]),
        "rejected_when": list_of(MATCH, "Answers that mean `credential rejected`, in addition to 401. A 2xx needs `when`.",
                                 examples=[[{"status": [200], "when": "{{ response.json.code == 10001 }}"}]]),
    }  # fmt: skip
