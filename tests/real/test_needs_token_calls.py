"""What connectors need of token calls, refreshes included, judged by providers that are not ours.

The odd provider takes its own form only: the standard one is refused, which is the negative twin of each way.
"""

from __future__ import annotations

import json
import time
from secrets import token_hex
from typing import Any

import httpx
import pytest

from authweave.errors import TokenAnswerError
from identities import connected, inputs_of, vendor, vendor_client
from parts.django_provider import DjangoProvider
from parts.identity import PASSWORD, USERNAME, Client, IdentityProvider
from parts.odd import OddProvider
from parts.oidc import OidcProvider
from proving import asked, first_tokens, header, made, refused, sent, without
from services import Clock, engine, oauth, until

proves = pytest.mark.proves


GRANTS = ("client_credentials", "password", "refresh_token", "authorization_code")


@pytest.fixture
def client(odd_provider: OddProvider) -> Client:
    return odd_provider.new_client(client_secret=token_hex(), grant_types=GRANTS)


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
