"""What connectors need of auth kinds, placements, URLs, computed values and checks, judged by servers that are not ours.

Each proof is a profile, and its negative twin: the same profile without the feature, which the same server refuses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from secrets import token_hex
from typing import Any

import pytest

from authweave.probe import test_profile as probe_profile
from identities import inputs_of
from parts import nginx as nginx_part
from parts import verifiers as verifiers_part
from parts.django_provider import DjangoProvider
from parts.identity import PASSWORD, USERNAME
from parts.nginx import Nginx
from parts.odd import OddProvider
from parts.oidc import OidcProvider
from parts.verifiers import Verifiers
from proving import asked, header, made, origin_of, refused, sent
from services import engine, oauth, profile

proves = pytest.mark.proves


# ---- auth kind, placements: nginx decides by header, query, path and cookie


HEADER = {"in": "header", "key": "X-API-Key", "value": "{{ inputs.api_key }}"}
QUERY = {"in": "query", "key": "api_key", "value": "{{ inputs.api_key }}"}
KEY = {"api_key": nginx_part.API_KEY}
STATIC = [
    pytest.param({"type": "api_key"}, "header_url", id="the default header", marks=proves("auth kind: static secret", "placement on the task request: custom header from a value")),
    pytest.param({"type": "api_key", "fields": [QUERY]}, "query_url", id="query", marks=proves("placement on the task request: query parameter")),
    pytest.param({"type": "api_key", "fields": [{**QUERY, "in": "cookie"}]}, "cookie_url", id="cookie", marks=proves("placement on the task request: cookie")),
    pytest.param({"type": "api_key", "fields": [HEADER, QUERY]}, "two_url", id="two", marks=proves("placement on the task request: two or more value fields at once")),
]  # fmt: skip


@pytest.mark.parametrize(("auth", "place"), STATIC)
def test_a_static_secret(nginx: Nginx, auth: dict[str, Any], place: str) -> None:
    """The right key in its place opens; another key, the key in another place and no credential do not."""
    url = getattr(nginx, place)
    elsewhere = {"type": "api_key", "fields": [{"in": "header", "key": "X-Other", "value": "{{ inputs.api_key }}"}]}

    good = asked(made(auth, url, KEY), url)
    bad = [asked(made(auth, url, {"api_key": "wrong"}), url), asked(made(elsewhere, url, KEY), url), asked(made({"type": "none"}, url, {}), url)]

    assert (good, bad) == (200, [401] * 3)


@proves("placement on the task request: secret in URL path")
def test_a_secret_in_the_path(nginx: Nginx) -> None:
    """The key fills its place in the path, as one segment; another one is refused."""
    auth = {"type": "api_key", "fields": [{"in": "path", "key": "api_key", "value": "{{ inputs.api_key }}"}]}
    server = nginx.path_url().removesuffix("/me.json")

    def status(key: str) -> int:
        return sent(made(auth, "", {"api_key": key}, servers=[server]), "/me.json")

    assert [status(key) for key in (nginx_part.API_KEY, nginx_part.ODD_KEY, "wrong")] == [200, 200, 401]


@proves("placement on the task request: constant header (version, accept, UA)")
def test_a_constant_header(nginx: Nginx) -> None:
    """The version that every request names; without the field the server refuses."""
    url, auth = nginx.version_url, {"type": "none"}
    field = {"in": "header", "key": "X-API-Version", "value": "2024-01-18"}

    assert [asked(made(auth, url, {}, fields=fields), url) for fields in ([field], [])] == [200, 401]


@proves("placement on the task request: field name from a value")
def test_where_it_goes_is_an_input(nginx: Nginx) -> None:
    """An input says in which field the key goes: of several fields those hold whose `when` is true."""
    fields = [{**HEADER, "when": '{{ inputs.place == "header" }}'}, {**QUERY, "when": '{{ inputs.place == "query" }}'}]
    inputs = {"api_key": {"secret": True}, "place": {"enum": ["header", "query"]}}

    def status(place: str, url: str) -> int:
        return asked(made({"type": "api_key", "fields": fields}, url, {**KEY, "place": place}, inputs=inputs), url)

    assert [status(*each) for each in (("header", nginx.header_url), ("query", nginx.query_url))] == [200, 200]
    assert [status(*each) for each in (("query", nginx.header_url), ("header", nginx.query_url))] == [401, 401]


@proves("placement on the task request: body field (incl. nested)")
def test_fields_of_the_body(django_provider: DjangoProvider, odd_provider: OddProvider) -> None:
    """User name and password in the JSON body, flat and nested: Django and oauth2-server judge them."""
    flat = {"type": "custom", "fields": [{"in": "payload", "key": name, "value": f"{{{{ inputs.{name} }}}}"} for name in ("username", "password")]}
    client = odd_provider.new_client()
    nested = {"type": "custom", "fields": [{"in": "payload", "key": f"/auth/{name}", "value": f"{{{{ inputs.{name} }}}}"} for name in ("client_id", "client_secret")]}
    secret = {"username": {}, "password": {"secret": True}, "client_id": {}, "client_secret": {"secret": True}}
    cases = [
        (flat, django_provider.login_url, {"username": USERNAME, "password": PASSWORD}, {"kind": "user"}, ("username", "password")),
        (nested, odd_provider.at("nested") + "/token", inputs_of(client), {"auth": {"grant_type": "client_credentials"}}, ("client_id", "client_secret")),
    ]

    for auth, url, inputs, body, names in cases:
        declared = {name: secret[name] for name in names}
        good = asked(made(auth, url, inputs, inputs=declared), url, "POST", json=body)
        wrong = asked(made(auth, url, {**inputs, names[1]: "wrong"}, inputs=declared), url, "POST", json=body)
        absent = asked(made({"type": "none"}, url, {}), url, "POST", json=body)
        assert good == 200
        assert {wrong, absent} <= {400, 401}


@proves("auth kind: basic")
def test_basic(nginx: Nginx, django_provider: DjangoProvider) -> None:
    """Two servers check user name and password, in UTF-8; they refuse another one, and nobody."""
    for url, username, password in ((nginx.basic_url, nginx_part.USERNAME, nginx_part.PASSWORD), (f"{django_provider.basic_api_url}/me", USERNAME, PASSWORD)):
        inputs = {"username": username, "password": password}
        good, wrong = (asked(made({"type": "basic"}, url, each), url) for each in (inputs, {**inputs, "password": "wrong"}))
        absent = asked(made({"type": "none"}, url, {}), url)
        assert (good, wrong, absent) == (200, 401, 401)


@proves("auth kind: none")
def test_no_credential(nginx: Nginx) -> None:
    """A place for everybody is asked without one; it refuses a request that brings one."""
    url = nginx.open_url

    assert asked(made({"type": "none"}, url, {}), url) == 200
    assert asked(made({"type": "basic"}, url, {"username": "a", "password": "b"}), url) == 400


@proves("auth kind: choice of auth types by a config field")
def test_an_input_chooses_the_type(nginx: Nginx) -> None:
    """The same profile is Basic or an API key, as an input says; the server of the other one refuses it."""
    auth = [{"name": "basic", "when": '{{ inputs.mode == "basic" }}', "type": "basic"}, {"name": "key", "type": "api_key"}]
    inputs = {"mode": {"enum": ["basic", "key"]}, "username": {}, "password": {"secret": True}, "api_key": {"secret": True}}
    given = {"username": nginx_part.USERNAME, "password": nginx_part.PASSWORD, **KEY}

    def status(mode: str, url: str) -> int:
        return asked(made(auth, url, {**given, "mode": mode}, inputs=inputs), url)

    assert [status("basic", nginx.basic_url), status("key", nginx.header_url)] == [200, 200]
    assert [status("key", nginx.basic_url), status("basic", nginx.header_url)] == [401, 401]


# ---- URLs of a tenant


@proves("urls: per-tenant base URL", "urls: per-tenant auth/token URL")
def test_urls_of_a_tenant(odd_provider: OddProvider) -> None:
    """The tenant is a part of both URLs; another tenant's refuse the client."""
    client = odd_provider.new_client(tenant="acme")
    auth = oauth(f"{odd_provider.origin}/tenant-{{{{ inputs.tenant }}}}/token", client_auth="client_secret_post")
    server = f"{odd_provider.origin}/tenant-{{{{ inputs.tenant }}}}"

    def connection(tenant: str, **more: Any) -> Any:
        return made({**auth, **more}, "", inputs_of(client, tenant=tenant), servers=[server], inputs={"tenant": {"pattern": "[a-z]+"}})

    assert sent(connection("acme"), "/api/me") == 200
    assert refused(connection("other")).status == 401
    assert sent(connection("other", token_url=odd_provider.token_url), "/api/me") == 401


# ---- computed values


def key_header(value: str) -> list[dict[str, Any]]:
    return [{"in": "header", "key": "X-API-Key", "value": value}]


LOOKUP = "{{ {'live': inputs.live, 'test': inputs.test}[inputs.mode] }}"
COMPUTED = [
    pytest.param("{{ inputs.live if inputs.mode == 'live' else inputs.test }}", "{{ inputs.test }}", id="condition", marks=proves("computed values: conditional / lookup by field")),
    pytest.param(LOOKUP, "{{ inputs.test }}", id="look-up", marks=proves("computed values: conditional / lookup by field")),
    pytest.param("{{ inputs.absent | default(inputs.live) }}", "{{ inputs.test }}", id="default", marks=proves("computed values: default/fallback value")),
    pytest.param("{{ inputs.messy | strip_prefix('key=') | strip_suffix('/') }}", "{{ inputs.messy }}", id="strip", marks=proves("computed values: string helpers (strip slash, replace, split)")),
    pytest.param("{{ (inputs.listed | split(','))[1] | replace('#', '') }}", "{{ inputs.listed }}", id="split", marks=proves("computed values: string helpers (strip slash, replace, split)")),
]  # fmt: skip


@pytest.mark.parametrize(("value", "twin"), COMPUTED)
def test_a_computed_key(nginx: Nginx, value: str, twin: str) -> None:
    """Computed, the key is the one that nginx knows; as it was supplied, it is not."""
    names = [name for name in ("live", "test", "mode", "absent", "messy", "listed") if f"inputs.{name}" in value + twin]
    declared: dict[str, Any] = {name: {"secret": name not in ("mode", "absent")} for name in names}
    if "absent" in declared:
        declared["absent"] = {"required": False, "secret": True}
    live = nginx_part.API_KEY
    given = {"live": live, "test": "test-key", "mode": "live", "messy": f"key={live}/", "listed": f"a,#{live},b"}
    supplied = {name: given[name] for name in names if name in given}
    url = nginx.header_url

    def status(text: str) -> int:
        used = {name: declared[name] for name in names if f"inputs.{name}" in text}
        return asked(made({"type": "custom", "fields": key_header(text)}, url, {name: supplied[name] for name in used if name in supplied}, inputs=used), url)

    assert [status(value), status(twin)] == [200, 401]


@proves("computed values: base64()")
def test_base64(nginx: Nginx) -> None:
    """Basic, written out by hand: nginx reads it, and not the pair as it is."""
    url, declared = nginx.basic_url, {"user": {}, "pass": {"secret": True}}
    given = {"user": nginx_part.USERNAME, "pass": nginx_part.PASSWORD}

    def status(text: str) -> int:
        return asked(made({"type": "custom", "fields": [header(text)]}, url, given, inputs=declared), url)

    assert status("Basic {{ (inputs.user ~ ':' ~ inputs.pass) | base64 }}") == 200
    assert status("Basic {{ (inputs.user ~ ':' ~ inputs.pass) | urlencode }}") == 401


BODY = {"in": "header", "key": "X-Hub-Signature-256", "value": "sha256={{ hmac(inputs.secret, request.body, 'sha256') | hex }}"}


@proves("computed values: request-dependent values (method,path,body)", "computed values: hash/hmac/sign function")
def test_a_value_made_from_the_request(verifiers: Verifiers) -> None:
    """GitHub's way, judged by gidgethub: the HMAC of this body. Of a constant, or by another secret, it is refused."""
    url, declared = verifiers.github_url, {"secret": {"secret": True}}
    constant = {**BODY, "value": BODY["value"].replace("request.body", "'constant'")}

    def status(field: dict[str, Any], secret: str = verifiers_part.SECRET) -> int:
        return asked(made({"type": "custom", "fields": [field]}, url, {"secret": secret}, inputs=declared), url, "POST", content=b'{"a": 1}')

    assert [status(BODY), status(BODY, "another"), status(constant)] == [200, 401, 401]


@proves("computed values: timestamp with format/offset", "computed values: random/uuid", "auth kind: WSSE")
def test_times_and_nonces(wsse_url: str) -> None:
    """WSSE, judged by npm wsse: created now, a new nonce each time. An old time and a nonce that was used are refused."""
    url = f"{wsse_url}?encoding=hex"
    digest = "{{ (vars.nonce ~ vars.created ~ inputs.password) | sha1 | hex | base64 }}"
    value = f'UsernameToken Username="{{{{ inputs.username }}}}", PasswordDigest="{digest}", Nonce="{{{{ vars.nonce }}}}", Created="{{{{ vars.created }}}}"'
    fresh = {"nonce": "{{ random(16) | hex }}", "created": "{{ now() | format_time('rfc3339') }}"}

    def statuses(**changed: str) -> list[int]:
        auth = {"type": "custom", "fields": [header(value, "X-WSSE")]}
        declared = {"username": {}, "password": {"secret": True}}
        connection = made(auth, url, {"username": USERNAME, "password": PASSWORD}, inputs=declared, vars={**fresh, **changed})
        return [asked(connection, url) for _ in range(2)]

    assert statuses() == [200, 200]
    assert statuses(nonce="{{ uuid() }}") == [200, 200]
    assert statuses(nonce=f"once-{token_hex(4)}") == [200, 401]
    assert statuses(created="{{ (now() - 86400) | format_time('rfc3339') }}") == [401, 401]


@proves("computed values: parse JSON credential (key file)")
def test_a_key_file(oidc_provider: OidcProvider) -> None:
    """Id and secret come from one JSON document; a document with another secret is refused."""
    client = oidc_provider.new_client()
    auth = oauth(oidc_provider.token_url, client_id="{{ inputs.key_file.id }}", client_secret="{{ inputs.key_file.secret }}")

    def connection(secret: str) -> Any:
        document = json.dumps({"id": client.client_id, "secret": secret})
        return made(auth, oidc_provider.origin, {"key_file": document}, inputs={"key_file": {"type": "json", "secret": True}})

    assert asked(connection(client.client_secret), f"{oidc_provider.api_url}/me") == 200
    assert refused(connection("another")).error == "invalid_client"


# ---- the check of a profile


def checked(auth: Any, url: str, given: Mapping[str, Any], test: dict[str, Any], **more: Any) -> Any:
    """The report of "test auth"."""
    run = engine(inputs=dict(given))
    return probe_profile(run, profile(auth, origin_of(url), test=test, **more))


@proves("other: test needs POST/body")
def test_a_check_by_post(django_provider: DjangoProvider) -> None:
    """The login of Django REST framework is checked by a POST with a body; a GET is no login."""
    url = django_provider.login_url
    fields = [{"in": "payload", "key": name, "value": f"{{{{ inputs.{name} }}}}"} for name in ("username", "password")]
    declared = {"username": {}, "password": {"secret": True}}
    auth = {"type": "custom", "fields": [{**each, "when": '{{ request.method == "POST" }}'} for each in fields]}
    given = {"username": USERNAME, "password": PASSWORD}
    post = {"request": {"method": "POST", "url": url, "encoding": "json"}}

    reports = [checked(auth, url, each, test, inputs=declared) for each, test in (
        (given, post), ({**given, "password": "wrong"}, post), (given, {"request": {"url": url}}),
    )]  # fmt: skip

    assert [report.credential.word == "accepted" for report in reports] == [True, False, False]


@proves("other: test judged by body/status rule")
def test_a_check_judged_by_the_body(odd_provider: OddProvider) -> None:
    """An API that says 200 to a dead token is judged by its body; without the rule it stays open, for the body speaks of an error."""
    client = odd_provider.new_client()
    auth, api = {"type": "bearer"}, f"{odd_provider.at('expired-200')}/api/me"
    token = made(oauth(odd_provider.token_url, client_auth="client_secret_post"), api, inputs_of(client)).token().result(20).access_token.reveal()
    rule = {"request": {"url": api}, "accepted_when": [{"status": [200], "when": "{{ not response.json.code }}"}], "rules": [{"when": "{{ response.json.code == 419 }}", "message": "It has ended."}]}

    reports = [checked(auth, api, {"token": each}, test) for each, test in ((token, rule), ("dead", rule), ("dead", {"request": {"url": api}}))]

    assert [report.credential.word for report in reports] == ["accepted", "refused", "inconclusive"]
    assert "api_error_in_200" == reports[2].diagnoses[0].code
