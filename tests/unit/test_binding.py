"""Binding: checked data becomes a frozen profile, and what later code reads of it is right."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from authweave import Profile, loads
from authweave.grants.client_credentials import ClientCredentials
from authweave.grants.vendor import Vendor
from authweave.profile import TokenSettings, Variant
from thorough import every

HEAD = "format: 1\nname: acme\nidentity_provider: Acme\nservers: ['https://{{ inputs.tenant }}.acme.example']\ninputs: {tenant: {}, spare: {required: false}}\n"
OAUTH2 = HEAD + "auth:\n  type: oauth2\n  grant_type: client_credentials\n  token_url: https://{{ inputs.tenant }}.acme.example/token\n"
READS_SPARE = "fields: [{in: header, key: X-Spare, value: '{{ inputs.spare }}', optional: true}]\n"


def variant_of(text: str) -> Variant:
    [variant] = loads(text + READS_SPARE).variants
    return variant


def tokens_of(rest: str) -> TokenSettings:
    tokens = variant_of(OAUTH2 + rest).tokens
    assert tokens is not None
    return tokens


def test_a_profile_is_a_frozen_value() -> None:
    """Made once, then only used."""
    profile: Profile = loads(OAUTH2 + READS_SPARE)

    with pytest.raises(FrozenInstanceError):
        profile.name = "other"  # type: ignore[misc]
    assert "acme@0.0.0" == profile.reference
    assert "<text>:9" == profile.place("auth.token_url")
    assert "<text>:7" == profile.place("auth.client_id")


def test_inputs_say_what_was_declared() -> None:
    """Every member of a declaration, and whether the type implied it."""
    profile = loads(
        HEAD.replace("spare: {required: false}", "spare: {title: T, description: d, example: b, visibility: hidden, pattern: '[a-z]', enum: [a, b], default: a, required: false, supplied_by: user}")
        + "auth: {type: bearer}\n" + READS_SPARE
    )  # fmt: skip
    spare, token = profile.inputs["spare"], profile.inputs["token"]

    assert ("T", "d", "b", "hidden", "[a-z]", ("a", "b"), "a", False, "user") == (
        spare.title, spare.description, spare.example, spare.visibility, spare.pattern, spare.enum, spare.default, spare.required, spare.supplied_by,
    )  # fmt: skip
    assert (True, True, False) == (token.implied, token.secret, spare.implied)
    assert ["tenant", "spare", "token"] == list(profile.inputs)


def test_what_every_request_needs() -> None:
    """Inputs of servers, of unconditional fields and of the token call; not those of optional or conditional fields, nor of a refresh."""
    text = OAUTH2.replace("tenant: {}", "tenant: {}, a: {}, b: {}, c: {}, d: {}") + (
        "  token_request: {fields: [{key: a, value: '{{ vars.a }}'}]}\n"
        "  refresh_request: {fields: [{key: b, value: '{{ inputs.b }}'}]}\n"
        "vars: {a: 'x{{ inputs.a }}'}\n"
        "fields:\n  - {in: query, key: c, value: '{{ inputs.c }}', when: '{{ inputs.spare }}'}\n  - {in: query, key: d, value: '{{ inputs.d }}'}\n"
    )
    [variant] = loads(text).variants

    assert {"tenant", "a", "d", "client_id", "client_secret"} == variant.needs


def test_what_is_part_of_the_token_key() -> None:
    """Inputs that a token call reads, variables followed; those only fields read are not."""
    text = OAUTH2.replace("tenant: {}", "tenant: {}, a: {}, b: {}") + (
        "  scopes: ['{{ vars.a }}']\n  fields: [{in: header, key: T, value: '{{ token.access_token }}{{ inputs.b }}'}]\nvars: {a: '{{ inputs.a }}'}\n"
    )

    assert {"tenant", "a", "client_id", "client_secret"} == variant_of(text).key_inputs


@every(
    "value, secret",
    [
        ("{{ inputs.tenant }}", False), ("{{ inputs.token }}", True), ("{{ vars.plain }}", False), ("{{ vars.deep }}", True), ("x", False),
        ("{{ profile.name }}", False), ("{{ inputs.token | sha256 | hex }}", True),
    ],
)  # fmt: skip
def test_what_is_made_from_a_secret_is_a_secret(value: str, secret: bool) -> None:
    """Through variables and functions."""
    text = HEAD + "auth: {type: bearer}\nvars: {plain: '{{ inputs.tenant }}', middle: ['{{ inputs.token }}'], deep: '{{ vars.middle[0] }}'}\n"
    rest = f"fields:\n  - {{in: query, key: q, value: \"{value}\"}}\n  - {{in: query, key: r, value: '{{{{ inputs.spare }}}}{{{{ vars.plain }}}}{{{{ vars.deep }}}}'}}\n"

    assert secret == loads(text + rest).fields[0].secret


def test_what_is_kept_is_a_secret_unless_said_otherwise() -> None:
    """`secret` defaults to true, with `pattern` to false."""
    keep = "  token_response: {keep: {a: '{{ response.json.a }}', b: {value: '{{ response.json.b }}', pattern: '[a-z]+'}, c: {value: '{{ response.json.c }}', secret: false}}}\n"
    fields = "fields: [{in: query, key: a, value: '{{ kept.a }}'}, {in: query, key: b, value: '{{ kept.b }}'}, {in: query, key: c, value: '{{ kept.c }}{{ inputs.spare }}'}]\n"
    profile = loads(OAUTH2 + keep + fields)

    assert [True, False, False] == [field.secret for field in profile.fields]
    tokens = profile.variants[0].tokens
    assert tokens is not None
    assert [("a", True), ("b", False), ("c", False)] == [(item.name, item.secret) for item in tokens.token_response.keep]


def test_scopes_in_every_form() -> None:
    """A text, a list, key/value pairs: (parameter, template) in their order."""
    def names(rest: str) -> list[tuple[str, str]]:
        return [(key, template.text) for key, template in tokens_of(rest).scopes]

    assert [("scope", "a b")] == names("  scopes: a b\n")
    assert [("scope", "a"), ("scope", "b")] == names("  scopes: [a, b]\n")
    assert [("scope", "a"), ("audience", "c"), ("scope", "b")] == names("  scopes: [{key: scope, value: a}, {key: audience, value: c}, b]\n")
    assert [] == names("")


def test_grants_by_name_by_word_and_by_insistence() -> None:
    """A registered one, a vendor's, and a vendor's that looks like a registered one."""
    def grant(word: str) -> tuple[type, str]:
        tokens = variant_of(OAUTH2.replace("grant_type: client_credentials", f"grant_type: {word}")).tokens
        assert tokens is not None
        return type(tokens.grant), tokens.grant_type

    assert (ClientCredentials, "client_credentials") == grant("client_credentials")
    assert (Vendor, "account_credentials") == grant("account_credentials")
    assert (Vendor, "client_credential") == grant("{vendor: client_credential}")


def test_requests_answers_and_tests_are_whole() -> None:
    """Everything written arrives, with the key of the profile that says so."""
    tokens = tokens_of(
        "  token_request: {method: put, encoding: json, content_type: application/x+json, omit: [scope], rename: {grant_type: g}, fields: [{in: header, key: A, value: b, on_conflict: error}]}\n"
        "  token_response: {access_token: '{{ response.json.t }}', expires_in: 60, accepted_when: [{status: [201, 4xx]}]}\n"
        "  refresh_with: access_token\n  refresh_before: 5\n"
    )
    request, answer = tokens.token_request, tokens.token_response

    assert ("PUT", "json", "application/x+json", frozenset({"scope"}), {"grant_type": "g"}) == (request.method, request.encoding, request.content_type, request.omit, request.rename)
    assert ("auth.token_request.fields[0]", "A", "error") == (request.fields[0].origin, request.fields[0].key, request.fields[0].on_conflict)
    assert {"access_token", "expires_in"} == answer.written
    assert {201, *range(400, 500)} == answer.accepted_when[0].statuses
    assert ("access_token", 5.0) == (tokens.refresh_with, tokens.refresh_before)

    tests = loads(OAUTH2 + READS_SPARE + "test:\n  - {name: a, request: {url: /me}, rules: [{when: '{{ response.status == 403 }}', message: No.}]}\n  - {request: {url: /you, method: post}}\n").tests
    assert isinstance(tests, tuple)
    assert [("a", "GET", "test[0]"), ("", "POST", "test[1]")] == [(test.name, test.request.method, test.origin) for test in tests]
    assert "No." == tests[0].rules[0].message.text


def test_variants_keep_their_order() -> None:
    """First whose `when` is true: so the order is that of the file."""
    text = HEAD + "auth:\n  - {name: a, when: '{{ inputs.tenant == \"x\" }}', type: bearer}\n  - {name: b, type: basic}\n" + READS_SPARE

    first, second = loads(text).variants
    assert [("a", "auth[0]", True, None), ("b", "auth[1]", False, None)] == [(each.name, each.origin, each.when is not None, each.tokens) for each in (first, second)]
