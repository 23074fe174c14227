"""Defaults: what is not written is filled in as the reference says, and everything is shown."""

from __future__ import annotations

from typing import Any

import pytest

from authweave import loads
from authweave.checking.defaults import as_expression, with_defaults
from authweave.extensions.catalog import default_catalog
from authweave.templates import compile_template
from thorough import every

HEAD = "format: 1\nname: acme\nidentity_provider: Acme\nservers: ['https://api.acme.example']\n"
OAUTH2 = HEAD + "auth:\n  type: oauth2\n  grant_type: client_credentials\n  token_url: https://idp.acme.example/token\n"


def shown(text: str) -> Any:
    """What `authweave show` prints."""
    return loads(text).resolved


def test_a_minimal_profile_with_every_default() -> None:
    """Five lines, and what they mean."""
    assert {
        "format": 1, "name": "acme", "version": "0.0.0", "identity_provider": "Acme", "description": "", "documentation": "", "subject": "application",
        "inputs": {"client_id": {"title": "Client ID"}, "client_secret": {"title": "Client secret", "secret": True}},
        "vars": {}, "servers": ["https://api.acme.example"], "fields": [], "test": "token_only",
        "auth": {
            "type": "oauth2", "grant_type": "client_credentials", "token_url": "https://idp.acme.example/token",
            "refresh_url": "https://idp.acme.example/token", "client_auth": "client_secret_basic", "basic_encoding": "rfc6749",
            "client_id": "{{ inputs.client_id }}", "client_secret": "{{ inputs.client_secret }}", "scope_separator": " ",
            "refresh_with": "refresh_token", "refresh_before": 60, "dpop": False, "rejected_when": [], "token_response": {},
            "fields": [{"in": "header", "key": "Authorization", "value": "Bearer {{ token.access_token }}", "on_conflict": "replace"}],
            "token_request": {"method": "POST", "encoding": "form", "omit": [], "rename": {}, "fields": []},
            "refresh_request": {"method": "POST", "encoding": "form", "omit": [], "rename": {}, "fields": []},
        },
    } == shown(OAUTH2)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("bearer", {"in": "header", "key": "Authorization", "value": "Bearer {{ inputs.token }}", "on_conflict": "replace"}),
        ("api_key", {"in": "header", "key": "X-API-Key", "value": "{{ inputs.api_key }}", "on_conflict": "replace"}),
        ("basic", {"in": "header", "key": "Authorization", "value": "Basic {{ basic(inputs.username, inputs.password) }}", "on_conflict": "replace"}),
    ],
)  # fmt: skip
def test_each_type_places_its_credential(kind: str, field: Any) -> None:
    """The default of `auth.fields` by type."""
    assert [field] == shown(HEAD + f"auth: {{type: {kind}}}\n")["auth"]["fields"]


def test_type_none_places_nothing() -> None:
    """And is not tested."""
    resolved = shown(HEAD + "auth: {type: none}\n")

    assert [] == resolved["auth"]["fields"]
    assert "none" == resolved["test"]


def test_written_fields_replace_the_default_whole() -> None:
    """A written value replaces its default, lists too."""
    auth = shown(HEAD + "auth: {type: bearer, fields: [{in: query, key: t, value: '{{ inputs.token }}'}]}\n")["auth"]

    assert [{"in": "query", "key": "t", "value": "{{ inputs.token }}", "on_conflict": "replace"}] == auth["fields"]


@every(
    "text, expression",
    [
        ("{{ inputs.a }}", "inputs.a"), (" {{ inputs.a }}\n", "inputs.a"), ("a", "'a'"), ("", "''"), ("a-{{ inputs.a }}", "'a-' ~ (inputs.a)"),
        ("{{ inputs.a }}{{ inputs.b }}", "(inputs.a) ~ (inputs.b)"), ("it's \\ {{ inputs.a }}\n.", "'it\\'s \\\\ ' ~ (inputs.a) ~ '\\n.'"),
        ("x{{ '}}' ~ inputs.a }}", "'x' ~ ('}}' ~ inputs.a)"), ('{{ "}}" }}', '"}}"'),
    ],
)  # fmt: skip
def test_a_text_as_one_expression(text: str, expression: str) -> None:
    """What stands at `auth.username` can be an argument of `basic(…)`, whatever it is."""
    assert expression == as_expression(text)
    scope = {"inputs": {"a": "A", "b": "B"}}
    kept = text.strip() if expression in ("inputs.a", '"}}"') else text
    assert compile_template(kept).render(scope) == compile_template(f"{{{{ {expression} }}}}").render(scope)


# inputs


def test_inputs_of_the_type_are_implied_where_they_are_read() -> None:
    """Written ones are not; a client that proves nothing has no secret."""
    assert ["token"] == list(shown(HEAD + "auth: {type: bearer}\n")["inputs"])
    assert [] == list(shown(HEAD + "auth: {type: custom, fields: [{in: query, key: a, value: '{{ inputs.b }}'}]}\ninputs: {b: {secret: true}}\n")["inputs"])[1:]
    assert ["client_id"] == list(shown(OAUTH2 + "  client_auth: none\n")["inputs"])
    assert ["client_secret"] == list(shown(OAUTH2 + "  client_id: public\n")["inputs"])
    assert [] == list(shown(OAUTH2 + "  client_auth: none\n  token_request: {omit: [client_id]}\n")["inputs"])


def test_a_declared_implied_input_keeps_what_is_not_written() -> None:
    """`token: {title: Key}` is still a secret; declared inputs come first, in their order."""
    resolved = shown(HEAD + "inputs: {zone: {}, token: {title: Key}}\nauth: {type: bearer}\nfields: [{in: query, key: z, value: '{{ inputs.zone }}'}]\n")

    assert {"zone": {}, "token": {"title": "Key", "secret": True}} == resolved["inputs"]
    assert ["zone", "token"] == list(resolved["inputs"])


def test_the_users_own_credential_is_supplied_by_the_user() -> None:
    """With `subject: user` the implied user name and password are the user's, and a token with its secret; a client's id stays the application's."""
    resolved = shown(HEAD + "subject: user\nauth: {type: basic}\n")
    signing = shown(HEAD + "subject: user\nauth: {type: oauth1}\n")

    assert {"user"} == {spec["supplied_by"] for spec in resolved["inputs"].values()}
    assert {"token", "token_secret"} == {name for name, spec in signing["inputs"].items() if "supplied_by" in spec}
    assert "supplied_by" not in shown(OAUTH2 + "subject: user\n")["inputs"]["client_id"]


# requests


def request_of(rest: str, which: str = "refresh_request") -> Any:
    return shown(OAUTH2 + rest)["auth"][which]


def test_get_puts_payload_into_the_url() -> None:
    """The encoding follows the method, in any case."""
    assert ("GET", "query") == (request_of("  token_request: {method: get}\n", "token_request")["method"], request_of("  token_request: {method: get}\n", "token_request")["encoding"])


def test_fields_of_token_calls_are_payload() -> None:
    """`in` may be left out there."""
    [field] = request_of("  token_request: {fields: [{key: a, value: b}]}\n", "token_request")["fields"]

    assert "payload" == field["in"]


def test_a_refresh_takes_what_is_not_written_from_the_token_request() -> None:
    """Method, encoding, fields by `in` and `key`; `omit` adds up. Own fields keep their places."""
    refresh = request_of(
        "  scopes: [a]\n  client_auth: client_secret_post\n"
        "  token_request: {method: PUT, encoding: json, omit: [scope], fields: [{key: a, value: 1}, {key: b, value: 2}, {in: header, key: X-Once, value: c}]}\n"
        "  refresh_request: {omit: [X-Once], fields: [{key: b, value: 3}]}\n"
    )

    assert ("PUT", "json", ["scope", "X-Once"]) == (refresh["method"], refresh["encoding"], refresh["omit"])
    assert [("b", 3), ("a", 1)] == [(field["key"], field["value"]) for field in refresh["fields"]]


def test_a_refresh_with_the_access_token_takes_no_fields() -> None:
    """Only its own fields, and client authentication."""
    refresh = request_of(
        "  token_request: {method: PUT, fields: [{key: a, value: 1}]}\n  refresh_with: access_token\n"
        "  refresh_request: {fields: [{key: t, value: '{{ token.access_token }}'}]}\n"
    )

    assert ("PUT", ["t"]) == (refresh["method"], [field["key"] for field in refresh["fields"]])


def test_own_fields_of_a_refresh_stand_instead_of_the_content() -> None:
    """`content` is inherited unless the refresh has fields."""
    text = "  token_request: {{encoding: xml, content: '<a/>'}}\n  refresh_request: {{{}}}\n"

    assert "<a/>" == request_of(text.format("method: PUT"))["content"]
    assert "content" not in request_of(text.format("fields: [{key: a, value: 1}]"))


def test_tests_are_get_requests() -> None:
    """One test or a list of them."""
    assert "GET" == shown(HEAD + "auth: {type: bearer}\ntest: {request: {url: /me}}\n")["test"]["request"]["method"]
    assert ["GET", "POST"] == [test["request"]["method"] for test in shown(HEAD + "auth: {type: bearer}\ntest: [{request: {url: /me}}, {request: {url: /me, method: post}}]\n")["test"]]


def test_what_comes_in_is_not_changed() -> None:
    """The data of a document stays as it was read."""
    data = {"auth": {"type": "oauth2", "token_request": {"fields": [{"key": "a", "value": 1}]}}, "fields": [{"in": "query", "key": "a", "value": 1}]}
    before = repr(data)

    with_defaults(data, default_catalog())

    assert before == repr(data)
