"""What connectors need of placements, token requests and answers, and computed values, judged by servers that are not ours.

Each proof is a profile, and its negative twin: the same profile without the feature, which the same server refuses.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from secrets import token_hex
from typing import Any

import httpx
import pytest

from authweave.errors import SignInFailed, SignInNeeded, TokenAnswerError, TokenEndpointError
from authweave.probe import test_profile as probe_profile
from authweave.values import TaskRequest
from identities import connected, inputs_of, vendor, vendor_client
from parts import nginx as nginx_part
from parts import verifiers as verifiers_part
from parts.browsing import sign_in
from parts.django_provider import DjangoProvider
from parts.identity import PASSWORD, USERNAME, Client, IdentityProvider
from parts.nginx import Nginx
from parts.odd import OddProvider
from parts.oidc import OidcProvider
from parts.verifiers import Verifiers
from services import Clock, engine, oauth, profile, until

proves = pytest.mark.proves
GRANTS = ("client_credentials", "password", "refresh_token", "authorization_code")


def origin_of(url: str) -> str:
    return "/".join(url.split("/")[:3])


def made(auth: Any, url: str, given: Mapping[str, Any], **more: Any) -> Any:
    """A connection for this `auth` to the origin of `url`, or to `servers`, with what it wants to be given of all that there is."""
    servers = more.pop("servers", [origin_of(url)] if url else [])
    run = more.pop("run", None) or engine(inputs={})
    loaded = profile(auth, *servers, **more)
    return run.connect(loaded, inputs={name: value for name, value in given.items() if name in loaded.inputs})


def asked(connection: Any, url: str, method: str = "GET", **parts: Any) -> int:
    """What the API says."""
    with httpx.Client(auth=connection.auth, trust_env=False) as http:
        return http.request(method, url, **parts).status_code


def sent(connection: Any, url: str) -> int:
    """What the API says to a finished request: for URLs that the profile completes."""
    finished = connection.authorize(TaskRequest("GET", url)).result(20)
    return httpx.get(finished.url, headers=list(finished.headers), trust_env=False).status_code


def refused(connection: Any) -> Any:
    """What becomes of a token call that the endpoint refuses, or whose answer holds no token."""
    with pytest.raises((TokenEndpointError, TokenAnswerError, SignInNeeded)) as caught:
        connection.token().result(20)
    return caught.value


def without(data: Any, *keys: str) -> Any:
    return {key: value for key, value in data.items() if key not in keys}


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
        assert (good, wrong, absent) == (200, wrong, absent)
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


# ---- grants and logins


@proves("auth kind: oauth2 client_credentials", "placement on the task request: Authorization: Bearer", "token request and response: client auth = Basic header")
def test_client_credentials(oidc_provider: OidcProvider) -> None:
    """oidc-provider grants a token by Basic, and its API takes it as bearer token; not to a mere name, not by another scheme."""
    client = oidc_provider.new_client()
    other = [{"in": "header", "key": "Authorization", "value": "Token {{ token.access_token }}"}]

    assert asked(connected(oidc_provider, client), f"{oidc_provider.api_url}/me") == 200
    assert refused(made(oauth(oidc_provider.token_url, client_auth="none"), oidc_provider.origin, inputs_of(client))).error == "invalid_client"
    assert asked(connected(oidc_provider, client, fields=other), f"{oidc_provider.api_url}/me") == 401


@proves("auth kind: oauth2 refresh_token (given)")
def test_a_given_refresh_token(django_provider: DjangoProvider) -> None:
    """A refresh token that was got elsewhere is worth a token, and no other is."""
    client = django_provider.new_client(grant_types=("password", "refresh_token"))
    given = first_tokens(django_provider.token_url, client)["refresh_token"]
    auth = oauth(django_provider.token_url, grant_type="refresh_token", client_auth="client_secret_post")
    url = f"{django_provider.api_url}/me"

    assert asked(made(auth, url, inputs_of(client, refresh_token=given)), url) == 200
    assert "invalid_grant" in refused(made(auth, url, inputs_of(client, refresh_token="another"))).reason


def first_tokens(url: str, client: Client) -> dict[str, Any]:
    """What the password grant gives, asked by hand."""
    form = {"grant_type": "password", "username": USERNAME, "password": PASSWORD, "client_id": client.client_id, "client_secret": client.client_secret}
    tokens: dict[str, Any] = httpx.post(url, data=form, trust_env=False).raise_for_status().json()
    return tokens


@proves("auth kind: password grant")
@pytest.mark.parametrize("name", ["django_provider", "raw_basic_provider"])
def test_the_password_grant(request: pytest.FixtureRequest, name: str) -> None:
    """Two servers take the user's name and password; a wrong one is refused."""
    provider: IdentityProvider = request.getfixturevalue(name)
    client = provider.new_client(grant_types=("password", "refresh_token"))
    auth = oauth(provider.token_url, grant_type="password", client_auth="client_secret_post")
    given = inputs_of(client, username=USERNAME, password=PASSWORD)
    url = f"{provider.api_url}/me"

    assert asked(made(auth, url, given), url) == 200
    assert refused(made(auth, url, {**given, "password": "wrong"})).status in (400, 401)


@proves("auth kind: login-then-token (custom token request)", "placement on the task request: Authorization: other scheme/prefix/raw")
def test_a_login(django_provider: DjangoProvider) -> None:
    """Django REST framework gives a token for a login, and wants it as `Authorization: Token …`; it refuses it as bearer token."""
    auth = {"type": "session", "token_url": django_provider.login_url, "token_response": {"access_token": "{{ response.json.token }}"}}
    scheme = [{"in": "header", "key": "Authorization", "value": "Token {{ token.access_token }}"}]
    given, url = {"username": USERNAME, "password": PASSWORD}, f"{django_provider.login_api_url}/me"

    assert asked(made({**auth, "fields": scheme}, url, given), url) == 200
    assert asked(made(auth, url, given), url) == 401
    assert refused(made({**auth, "fields": scheme}, url, {**given, "password": "wrong"})).status == 400


@proves("token request and response: non-standard grant_type")
def test_a_vendors_grant(oidc_provider: OidcProvider) -> None:
    """oidc-provider's `account_credentials`; a client of this grant may not ask for another."""
    client = vendor_client(oidc_provider)
    standard = made(oauth(oidc_provider.token_url), oidc_provider.origin, inputs_of(client))

    assert asked(vendor(oidc_provider, client), f"{oidc_provider.api_url}/me") == 200
    assert refused(vendor(oidc_provider, client, account="unknown")).error == "invalid_grant"
    assert refused(standard).error in ("unauthorized_client", "invalid_client", "invalid_request")


@proves("token request and response: public client (no secret)")
def test_a_public_client(oidc_provider: OidcProvider) -> None:
    """A client without secret says its id only; oidc-provider refuses it if it brings a secret."""
    client = vendor_client(oidc_provider, client_auth="none")
    account = [{"key": "account_id", "value": "7"}]
    url = f"{oidc_provider.api_url}/me"

    def connection(client_auth: str) -> Any:
        auth = oauth(oidc_provider.token_url, grant_type="account_credentials", client_auth=client_auth, token_request={"fields": account})
        return made(auth, url, inputs_of(client))

    assert asked(connection("none"), url) == 200
    assert refused(connection("client_secret_post")).error == "invalid_client"


# ---- token requests and answers of vendors: the odd provider takes its own form only


@pytest.fixture
def client(odd_provider: OddProvider) -> Client:
    return odd_provider.new_client(client_secret=token_hex(), grant_types=GRANTS)


def members(*names: str, at: str = "") -> list[dict[str, Any]]:
    """The standard parameters as fields of a payload."""
    values = {"grant_type": "client_credentials", "client_id": "{{ inputs.client_id }}", "client_secret": "{{ inputs.client_secret }}"}
    return [{"key": f"{at}{name}", "value": values[name]} for name in names]


STANDARD = ("grant_type", "client_id", "client_secret")
XML = "<login><grant_type>client_credentials</grant_type><client_id>{{ inputs.client_id }}</client_id><client_secret>{{ inputs.client_secret }}</client_secret></login>"
SECRET_AS_USER = {"in": "header", "key": "Authorization", "value": "Basic {{ basic(inputs.client_secret, '') }}"}
SIGNED = {"in": "header", "key": "X-Signature", "value": "sha256={{ hmac(inputs.client_secret, request.body, 'sha256') | hex }}"}
NONCE = {"name": "nonce", "request": {"method": "POST", "url": "{origin}/nonce/nonce", "encoding": "none"}, "response": {"keep": {"nonce": "{{ response.json.nonce }}"}}}
REQUESTS = [
    pytest.param("json", {"token_request": {"encoding": "json"}}, id="json", marks=proves("token request and response: JSON token body")),
    pytest.param("nested", {"client_auth": "none", "token_request": {"encoding": "json", "omit": ["grant_type", "client_id"], "fields": members(*STANDARD, at="/auth/")}},
                 id="nested", marks=proves("token request and response: nested token body")),
    pytest.param("query", {"token_request": {"encoding": "query"}}, id="query", marks=proves("token request and response: token params in query")),
    pytest.param("get", {"token_request": {"method": "GET"}}, id="get", marks=proves("token request and response: token request by GET")),
    pytest.param("xml,answer-xml", {"client_auth": "none", "token_request": {"encoding": "xml", "content": XML, "omit": ["grant_type", "client_id"]},
                                    "token_response": {"access_token": "{{ response.xml.result.session.token }}"}},
                 id="xml", marks=proves("token request and response: XML token request/response")),
    pytest.param("renamed", {"token_request": {"rename": {"client_id": "client_key", "client_secret": "client_code"}}},
                 id="renamed", marks=proves("token request and response: renamed OAuth param names")),
    pytest.param("gateway", {"token_request": {"fields": [{"in": "header", "key": "X-Gateway-Key", "value": "gateway-7"}]}},
                 id="header", marks=proves("token request and response: extra token headers")),
    pytest.param("audience", {"token_request": {"fields": [{"key": "audience", "value": "crm"}]}},
                 id="parameter", marks=proves("token request and response: extra token params")),
    pytest.param("secret-as-user", {"client_auth": "none", "token_request": {"omit": ["client_id"], "fields": [SECRET_AS_USER]}},
                 id="secret as user", marks=proves("token request and response: Basic with another pair (secret as user)")),
    pytest.param("signed", {"client_auth": "none", "token_request": {"fields": [SIGNED]}},
                 id="signed", marks=proves("token request and response: signed token request")),
    pytest.param("nonce", {"before": [NONCE], "token_request": {"fields": [{"key": "nonce", "value": "{{ kept.nonce }}"}]}},
                 id="steps", marks=proves("token request and response: chained token steps")),
]  # fmt: skip


@pytest.mark.parametrize(("ways", "how"), REQUESTS)
def test_a_token_request(odd_provider: OddProvider, client: Client, ways: str, how: dict[str, Any]) -> None:
    """As the vendor wants it, the token is granted and opens the API; the standard request, and a wrong secret, are refused."""
    how = json.loads(json.dumps(how).replace("{origin}", odd_provider.origin))
    url, api = f"{odd_provider.at(ways)}/token", f"{odd_provider.api_url}/me"
    common = oauth(url, client_auth="client_secret_post")
    answer = {"token_response": how["token_response"]} if "token_response" in how else {}

    assert asked(made({**common, **how}, api, inputs_of(client)), api) == 200
    assert refused(made({**common, **answer}, api, inputs_of(client))).status >= 400
    assert refused(made({**common, **how}, api, inputs_of(Client(client.client_id, "wrong")))).status >= 400


def header(value: str, key: str = "Authorization", **more: Any) -> dict[str, Any]:
    return {"in": "header", "key": key, "value": value, **more}


X_TOKEN = [header("{{ token.access_token }}", "X-Auth-Token")]
COOKIE = [{"in": "cookie", "key": "session", "value": "{{ token.access_token }}"}]
SUBSCRIPTION = [header("{{ kept.subscription }}", "X-Subscription-Key")]
ANSWERS = [
    pytest.param("answer-nested", {"access_token": "{{ response.json.data.token }}"}, {}, {}, id="nested",
                 marks=proves("token request and response: token path renamed/nested")),
    pytest.param("answer-header", {"access_token": "{{ response.headers['x-auth-token'] }}"}, {"fields": X_TOKEN}, {}, id="header",
                 marks=proves("token request and response: token/cookie from response header")),
    pytest.param("answer-cookie", {"access_token": "{{ response.cookies.session }}"}, {"fields": COOKIE}, {}, id="cookie",
                 marks=proves("token request and response: token/cookie from response header")),
    pytest.param("answer-whole", {"access_token": "{{ response.text | trim }}"}, {}, {}, id="whole body",
                 marks=proves("token request and response: token is the whole body")),
    pytest.param("two-tokens", {"keep": {"subscription": "{{ response.json.subscription_key }}"}}, {}, {"fields": SUBSCRIPTION}, id="two tokens",
                 marks=proves("token request and response: two tokens in one response")),
]  # fmt: skip


@pytest.mark.parametrize(("ways", "reading", "placing", "more"), ANSWERS)
def test_a_token_answer(odd_provider: OddProvider, client: Client, ways: str, reading: dict[str, Any], placing: dict[str, Any], more: dict[str, Any]) -> None:
    """Read where it is, the token opens the API; without the reading there is none, or none that the API takes."""
    url, api = f"{odd_provider.at(ways)}/token", f"{odd_provider.at(ways)}/api/me"
    common = oauth(url, client_auth="client_secret_post")

    assert asked(made({**common, **placing, "token_response": reading}, api, inputs_of(client), **more), api) == 200
    twin = made(common, api, inputs_of(client))
    if ways == "two-tokens":
        assert asked(twin, api) == 401
    else:
        assert isinstance(refused(twin), TokenAnswerError)
    nobody = made({"type": "none"}, api, {})
    assert asked(nobody, api) == 401


@proves("token request and response: value from token response used later")
def test_a_value_of_the_answer_is_the_base_url(odd_provider: OddProvider, client: Client) -> None:
    """The answer says where the API is for this token; anywhere else it is refused."""
    common = oauth(f"{odd_provider.at('instance')}/token", client_auth="client_secret_post")
    keep = {"base": {"value": "{{ response.json.instance_url }}", "pattern": r"http://127\.0\.0\.1:[0-9]+/at-[0-9a-f]+"}}
    connection = made({**common, "token_response": {"keep": keep}}, "", inputs_of(client), servers=["{{ kept.base }}"])
    wrong = made(common, odd_provider.origin, inputs_of(client))

    assert sent(connection, "/api/me") == 200
    assert asked(wrong, f"{odd_provider.at('at-0123')}/api/me") == 401


@proves("token request and response: success judged by a body field")
def test_success_is_a_field_of_the_body(odd_provider: OddProvider, client: Client) -> None:
    """A refusal with 200 is one; without the rule its empty token is taken, and the API refuses it."""
    common = oauth(f"{odd_provider.at('code-0')}/token", client_auth="client_secret_post")
    judged = {**common, "token_response": {"accepted_when": [{"when": "{{ response.json.code == 0 }}"}], "error": "{{ response.json.message }}"}}
    api, wrong = f"{odd_provider.api_url}/me", inputs_of(Client(client.client_id, "wrong"))

    assert asked(made(judged, api, inputs_of(client)), api) == 200
    assert refused(made(judged, api, wrong)).error == "invalid_client"
    assert asked(made(common, api, wrong), api) == 401


@proves("token request and response: expired-token status not 401")
@pytest.mark.parametrize(("way", "rule"), [("expired-403", {"status": [403]}), ("expired-200", {"status": [200], "when": "{{ response.json.code == 419 }}"})])
def test_the_end_of_a_token_is_told_otherwise(odd_provider: OddProvider, client: Client, way: str, rule: dict[str, Any]) -> None:
    """A dead token is renewed where the rule says how the API tells; without the rule the refusal is what comes back."""
    common = oauth(odd_provider.token_url, client_auth="client_secret_post")
    api = f"{odd_provider.at(way)}/api/me"
    answers = []

    for auth in ({**common, "rejected_when": [rule]}, common):
        connection = made(auth, api, inputs_of(client))
        connection.token().result(20)
        odd_provider.kill(client)
        with httpx.Client(auth=connection.auth, trust_env=False) as http:
            answers.append(http.get(api).json()["error"])

    assert answers == [None, "expired"]


# ---- how long a token lives: who knows it is not refused, who does not is refused once


AT_ONCE = {"refresh_before": 0}
LIVES = [
    pytest.param("no-expiry", {"expires_in": 2}, id="fixed", marks=proves("token request and response: fixed TTL")),
    pytest.param("expires-ms", {"expires_in": "{{ response.json.expires_ms / 1000 }}"}, id="milliseconds",
                 marks=proves("token request and response: expiry renamed/absolute/other unit")),
    pytest.param("expires-at", {"expires_at": "{{ response.json.expires_at }}"}, id="absolute",
                 marks=proves("token request and response: expiry renamed/absolute/other unit")),
]  # fmt: skip


@pytest.mark.parametrize(("way", "reading"), LIVES)
def test_how_long_a_token_lives(odd_provider: OddProvider, way: str, reading: dict[str, Any]) -> None:
    """With the reading the token is renewed before the API refuses it; without, the API has to refuse it first."""
    counted = []

    for how in (reading, {}):
        client = odd_provider.new_client(ttl=2)
        auth = oauth(f"{odd_provider.at(way)}/token", client_auth="client_secret_post", **AT_ONCE, **({"token_response": how} if how else {}))
        connection = made(auth, odd_provider.origin, inputs_of(client))
        first = asked(connection, f"{odd_provider.api_url}/me")
        time.sleep(2.1)
        assert (first, asked(connection, f"{odd_provider.api_url}/me")) == (200, 200)
        counts = odd_provider.counts(client)
        counted.append((counts["granted"], counts["api_401"]))

    assert counted == [(2, 0), (2, 1)]


@proves("other: token introspection for expiry")
def test_introspection_tells_how_long(oidc_provider: OidcProvider) -> None:
    """RFC 7662: the server itself says when the token ends, and it is renewed in time; who does not ask is refused first."""
    ask = {"method": "POST", "url": oidc_provider.introspection_url, "fields": [
        {"key": "token", "value": "{{ token.access_token }}"},
        header("Basic {{ basic(inputs.client_id, inputs.client_secret) }}"),
    ]}  # fmt: skip
    step = {"name": "introspection", "request": ask, "response": {"expires_at": "{{ response.json.exp }}"}}
    silent = {"token_response": {"expires_in": "{{ response.json.nothing }}"}, **AT_ONCE}
    counted = []

    for how in ({**silent, "after": [step]}, silent):
        client = oidc_provider.new_client(ttl=2)
        connection = connected(oidc_provider, client, **how)
        first = asked(connection, f"{oidc_provider.api_url}/me")
        time.sleep(2.1)
        assert (first, asked(connection, f"{oidc_provider.api_url}/me")) == (200, 200)
        counted.append((oidc_provider.counts(client)["granted"], oidc_provider.counts(client)["api_401"]))

    assert counted == [(2, 0), (2, 1)]


# ---- refreshing


LONG = 700
"""Seconds after which a token of ten minutes has ended by the connection's clock. The server's own goes on as ever."""


def by_password(provider: IdentityProvider, url: str, **how: Any) -> dict[str, Any]:
    return oauth(url, grant_type="password", client_auth="client_secret_post", **how)


RENEW = {"omit": ["grant_type", "refresh_token"], "fields": [{"key": "mode", "value": "renew"}, {"key": "renew_token", "value": "{{ token.refresh_token }}"}]}
REFRESHES = [
    pytest.param("no-refresh", "only-refresh", {}, id="its own URL", marks=proves("token request and response: separate refresh URL")),
    pytest.param("standard", "renew", {"refresh_request": RENEW}, id="other parameters", marks=proves("token request and response: refresh params differ")),
]  # fmt: skip


@pytest.mark.parametrize(("first", "then", "how"), REFRESHES)
def test_a_refresh_of_its_own(odd_provider: OddProvider, client: Client, first: str, then: str, how: dict[str, Any]) -> None:
    """Where and as the vendor wants it, every refresh is granted; without it the server refuses each one."""
    urls = {way: f"{odd_provider.at(way)}/token" for way in (first, then)}
    good = by_password(odd_provider, urls[first], refresh_url=urls[then], **how)
    twin = without(good, "refresh_request") if how else without(good, "refresh_url")
    refusals = []

    for auth in (good, twin):
        odd_provider.forget(client)
        clock = Clock()
        connection = made(auth, odd_provider.origin, inputs_of(client, username=USERNAME, password=PASSWORD), run=engine(inputs={}, clock=clock))
        for _ in range(3):
            assert asked(connection, f"{odd_provider.api_url}/me") == 200
            clock.ahead += LONG
        counts = odd_provider.counts(client)
        refusals.append(counts["token"] - counts["granted"])

    assert refusals[0] == 0
    assert refusals[1] >= 1


@proves("token request and response: refresh token kept when response omits it")
def test_a_refresh_token_that_the_answer_omits_stays(odd_provider: OddProvider, client: Client) -> None:
    """Three refreshes with the first refresh token, and no second login; once the server ends it, it is refused."""
    clock = Clock()
    auth = by_password(odd_provider, odd_provider.token_url, refresh_url=f"{odd_provider.at('no-rotation')}/token")
    connection = made(auth, odd_provider.origin, inputs_of(client, username=USERNAME, password=PASSWORD), run=engine(inputs={}, clock=clock))

    for _ in range(4):
        assert asked(connection, f"{odd_provider.api_url}/me") == 200
        clock.ahead += LONG
    seen = odd_provider.seen(client, kind="token")
    odd_provider.kill(client, refresh=True)
    odd_provider.forget(client)
    asked(connection, f"{odd_provider.api_url}/me")

    assert [each.body.count("grant_type=password") for each in seen] == [1, 0, 0, 0]
    assert len({each.body for each in seen[1:]}) == 1
    assert odd_provider.counts(client)["invalid_grant"] == 1


@proves("token request and response: rotating refresh token written back")
def test_a_rotating_refresh_token_is_written_back(oidc_provider: OidcProvider) -> None:
    """Each refresh is made with the token of the one before; the first one again is refused by the server."""
    client = vendor_client(oidc_provider)
    clock = Clock()
    connection = vendor(oidc_provider, client, engine(inputs={}, clock=clock))
    first = connection.token().result(20).refresh_token.reveal()

    for _ in range(3):
        clock.ahead += LONG
        assert asked(connection, f"{oidc_provider.api_url}/me") == 200
    counts = oidc_provider.counts(client)
    auth = oauth(oidc_provider.token_url, grant_type="refresh_token")
    again = made(auth, oidc_provider.origin, inputs_of(client, refresh_token=first))

    assert (counts["granted"], counts["invalid_grant"]) == (4, 0)
    assert "invalid_grant" in refused(again).reason


@proves("token request and response: refresh = exchange of the access token")
def test_a_refresh_by_the_access_token(odd_provider: OddProvider) -> None:
    """Before its end the token is exchanged for the next, without another login; a dead one is not."""
    fields = [{"key": "grant_type", "value": "exchange"}, {"key": "access_token", "value": "{{ token.access_token }}"}]
    how = {"refresh_with": "access_token", "refresh_request": {"fields": fields}}
    grants = []

    for is_good in (True, False):
        client = odd_provider.new_client(grant_types=GRANTS, ttl=1000)
        clock = Clock()
        auth = by_password(odd_provider, f"{odd_provider.at('access-only')}/token", **(how if is_good else {}))
        connection = made(auth, odd_provider.origin, inputs_of(client, username=USERNAME, password=PASSWORD), run=engine(inputs={}, clock=clock))
        assert asked(connection, f"{odd_provider.api_url}/me") == 200
        clock.ahead = 990
        assert asked(connection, f"{odd_provider.api_url}/me") == 200
        until(lambda known=client: odd_provider.counts(known)["granted"] == 2)  # renewed beside the request
        grants.append([dict(httpx.QueryParams(each.body))["grant_type"] for each in odd_provider.seen(client, kind="token")])

    assert grants == [["password", "exchange"], ["password", "password"]]


@proves("token request and response: second token for another resource")
def test_a_second_token(odd_provider: OddProvider, client: Client) -> None:
    """The first token is exchanged for one of another API, which refuses the first."""
    fields = [
        {"key": "grant_type", "value": "exchange"}, {"key": "access_token", "value": "{{ token.access_token }}"}, {"key": "resource", "value": "files"},
        {"key": "client_id", "value": "{{ inputs.client_id }}"}, {"key": "client_secret", "value": "{{ inputs.client_secret }}"},
    ]  # fmt: skip
    step = {"name": "files", "request": {"method": "POST", "url": odd_provider.token_url, "fields": fields}, "response": {"access_token": "{{ response.json.access_token }}"}}
    common = oauth(odd_provider.token_url, client_auth="client_secret_post")
    api = f"{odd_provider.at('files')}/api/me"

    assert asked(made({**common, "after": [step]}, api, inputs_of(client)), api) == 200
    assert asked(made(common, api, inputs_of(client)), api) == 401


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


# ---- the consent step: a person at the odd provider agrees, and comes back


BACK = "http://127.0.0.1:7777/callback"  # nobody listens there: what comes back is handed over
REALM = {"value": "{{ callback.realmId }}", "pattern": "[a-z0-9]+"}
OFFLINE = {"fields": [{"key": "access_type", "value": "offline"}]}
RENAMED = {"rename": {"client_id": "appid", "redirect_uri": "callback"}}
LISTED = {"scopes": ["api:read", "api:write"]}
CONSENTS = [
    pytest.param("offline", {"authorization_request": OFFLINE}, {}, id="extra parameter", marks=proves("consent step (authorization code): extra authorize params")),
    pytest.param("strict", {"pkce": False}, {}, id="no PKCE", marks=proves("consent step (authorization code): PKCE can be switched off")),
    pytest.param("comma", {**LISTED, "scope_separator": ","}, LISTED, id="separator", marks=proves("consent step (authorization code): scope separator not space")),
    pytest.param("renamed", {"authorization_request": RENAMED, "callback": {"code": "{{ callback.auth_code }}"}}, {"callback": {"code": "{{ callback.auth_code }}"}},
                 id="renamed parameters", marks=proves("consent step (authorization code): renamed authorize params")),
]  # fmt: skip


def signing_in(provider: Any, client: Client, ways: str = "standard", *, servers: list[str] | None = None, **how: Any) -> Any:
    """A connection whose person has not signed in yet."""
    places = {"authorization_url": f"{provider.at(ways)}/authorize", "token_url": provider.token_url, "redirect_uri": BACK}
    auth = {"type": "oauth2", "grant_type": "authorization_code", "client_auth": "client_secret_post", **places, **how}
    return made(auth, "", inputs_of(client), servers=servers or [provider.origin], subject="application")


def signed_in(connection: Any) -> None:
    """A person follows the link and comes back."""
    begun = connection.begin_authorization().result(20)
    connection.complete_authorization(sign_in(begun.url)).result(20)


@pytest.fixture
def consenting(odd_provider: OddProvider) -> Client:
    return odd_provider.new_client(grant_types=GRANTS, redirect_uris=[BACK])


@pytest.mark.parametrize(("way", "how", "twin"), CONSENTS)
def test_the_request_for_consent(odd_provider: OddProvider, consenting: Client, way: str, how: dict[str, Any], twin: dict[str, Any]) -> None:
    """As the provider wants it, the person comes back with a code that is worth a token; otherwise the page is a 400."""
    connection = signing_in(odd_provider, consenting, way, **how)
    signed_in(connection)

    link = signing_in(odd_provider, consenting, way, **twin).begin_authorization().result(20).url

    assert asked(connection, f"{odd_provider.api_url}/me") == 200
    assert httpx.get(link, trust_env=False).status_code == 400


@proves("consent step (authorization code): renamed code param")
def test_the_code_has_another_name(odd_provider: OddProvider, consenting: Client) -> None:
    """`auth_code` is read where the profile says so; else there is no code, and nothing to redeem."""
    connection = signing_in(odd_provider, consenting, "renamed", authorization_request=RENAMED, callback={"code": "{{ callback.auth_code }}"})
    twin = signing_in(odd_provider, consenting, "renamed", authorization_request=RENAMED)

    signed_in(connection)

    assert asked(connection, f"{odd_provider.api_url}/me") == 200
    with pytest.raises(SignInFailed):
        signed_in(twin)


@proves("consent step (authorization code): value from callback used later")
def test_the_redirect_says_where_the_api_is(odd_provider: OddProvider, consenting: Client) -> None:
    """The company that the redirect names is a part of the API's URL; another company's API refuses the token."""
    keep = {"callback": {"keep": {"realm": REALM}}}
    base = f"{odd_provider.origin}/company-{{{{ kept.realm }}}}"
    right = signing_in(odd_provider, consenting, "company", servers=[base], **keep)
    wrong = signing_in(odd_provider, consenting, "company", servers=[f"{odd_provider.origin}/company-other"])

    for connection in (right, wrong):
        signed_in(connection)

    assert [sent(connection, "/api/me") for connection in (right, wrong)] == [200, 401]


@proves("auth kind: oauth2 authorization_code", "consent step (authorization code): PKCE")
def test_pkce(oidc_provider: OidcProvider) -> None:
    """oidc-provider asks this client for PKCE, S256: with it the code is worth a token, without it there is no code."""
    client = oidc_provider.new_client(grant_types=("authorization_code",), redirect_uris=[BACK], pkce=True)
    places = {"authorization_url": oidc_provider.authorization_url, "redirect_uri": BACK, "scopes": ["openid"]}

    def connection(**how: Any) -> Any:
        return made(oauth(oidc_provider.token_url, grant_type="authorization_code", **places, **how), oidc_provider.origin, inputs_of(client), subject="application")

    good, twin = connection(), connection(pkce=False)
    signed_in(good)

    assert asked(good, f"{oidc_provider.api_url}/me") == 200
    with pytest.raises(SignInFailed, match="invalid_request"):
        signed_in(twin)


@proves("consent step (authorization code): consent first, then client credentials")
def test_consent_first(odd_provider: OddProvider, consenting: Client) -> None:
    """An administrator agrees once, for a tenant that the redirect names; then the client asks in its own name. Without consent it is refused."""
    tenant = f"t{token_hex(4)}"
    ways = {"authorization_url": f"{odd_provider.at('consented')}/authorize", "token_url": f"{odd_provider.at('consented')}/token", "redirect_uri": BACK}
    hint = {"authorization_request": {"omit": ["response_type"], "fields": [{"key": "tenant_hint", "value": tenant}]}, "pkce": False}
    named = {"callback": {"keep": {"tenant": "{{ callback.tenant }}"}}, "token_request": {"fields": [{"key": "tenant", "value": "{{ kept.tenant }}"}]}}
    auth = {**oauth(ways["token_url"], client_auth="client_secret_post"), **ways, **hint, **named}
    connection = made(auth, odd_provider.origin, inputs_of(consenting), subject="application")
    direct = {**oauth(ways["token_url"], client_auth="client_secret_post"), "token_request": {"fields": [{"key": "tenant", "value": tenant}]}}
    before = refused(made(direct, odd_provider.origin, inputs_of(consenting)))

    signed_in(connection)

    assert before.error == "consent_required"
    assert asked(connection, f"{odd_provider.api_url}/me") == 200


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
def test_a_check_judged_by_the_body(odd_provider: OddProvider, client: Client) -> None:
    """An API that says 200 to a dead token is judged by its body; without the rule the check would be content."""
    auth, api = {"type": "bearer"}, f"{odd_provider.at('expired-200')}/api/me"
    token = made(oauth(odd_provider.token_url, client_auth="client_secret_post"), api, inputs_of(client)).token().result(20).access_token.reveal()
    rule = {"request": {"url": api}, "accepted_when": [{"status": [200], "when": "{{ not response.json.code }}"}], "rules": [{"when": "{{ response.json.code == 419 }}", "message": "It has ended."}]}

    reports = [checked(auth, api, {"token": each}, test) for each, test in ((token, rule), ("dead", rule), ("dead", {"request": {"url": api}}))]

    assert [report.credential.word for report in reports] == ["accepted", "refused", "accepted"]
