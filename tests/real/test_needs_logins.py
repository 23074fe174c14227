"""Logins and odd token calls at servers that decide by themselves, each with a twin that lacks the feature and is refused.

The odd provider dresses @node-oauth/oauth2-server up as real providers are; django is Django REST framework's own login and
Django's own sessions; oidc-provider introspects.
"""

from __future__ import annotations

from secrets import token_hex
from typing import Any

import httpx
import pytest

from authweave.errors import AuthweaveError
from parts.django_provider import DjangoProvider
from parts.identity import PASSWORD, USERNAME, Client
from parts.odd import OddProvider
from parts.oidc import OidcProvider
from services import Clock, engine, profile

GRANTS = ("client_credentials", "password", "refresh_token")
PERSON = {"username": USERNAME, "password": PASSWORD}
PAIR = [{"key": "client_id", "value": "{{ inputs.client_id }}"}, {"key": "client_secret", "value": "{{ inputs.client_secret }}"}]
GRANT = {"key": "grant_type", "value": "client_credentials"}
DECLARED = {"client_id": {"title": "Client"}, "client_secret": {"title": "Secret", "secret": True}}


@pytest.fixture
def client(odd_provider: OddProvider) -> Client:
    return odd_provider.new_client(client_secret=token_hex(), grant_types=GRANTS)


class Bot:
    """A host that sends through the connection's auth, at a time that the test moves."""

    def __init__(self, auth: Any, server: str, supplied: dict[str, Any], **more: Any) -> None:
        self.clock = Clock()
        self.connection = engine(inputs=supplied, clock=self.clock).connect(profile(auth, server, **more))
        self.url = server

    def get(self, path: str = "/me") -> httpx.Response:
        with httpx.Client(auth=self.connection.auth, trust_env=False) as http:
            return http.get(self.url + path)

    def me(self, path: str = "/me") -> int:
        """The status of a call, or 0 where no token could be had."""
        try:
            return self.get(path).status_code
        except AuthweaveError:
            return 0

    def later(self, seconds: float) -> None:
        self.clock.ahead += seconds


def supplied(client: Client, **more: Any) -> dict[str, Any]:
    return {"client_id": client.client_id, "client_secret": client.client_secret, **more}


def oauth(token_url: str, **auth: Any) -> dict[str, Any]:
    return {"type": "oauth2", "grant_type": "client_credentials", "client_auth": "client_secret_post", "token_url": token_url, **auth}


def session(token_url: str, **auth: Any) -> dict[str, Any]:
    """A login with the client's pair: the odd provider decides on clients."""
    request = {"encoding": "form", "fields": [GRANT, *PAIR], **auth.pop("token_request", {})}
    return {"type": "session", "token_url": token_url, "token_request": request, **auth}


# Logins


@pytest.mark.proves("auth kind: login-then-token (custom token request)")
def test_a_login_gives_a_token(django_provider: DjangoProvider) -> None:
    """Django REST framework's own login: user name and password as JSON, the token under a name and a scheme of its own."""
    auth = {
        "type": "session", "token_url": django_provider.login_url, "token_response": {"access_token": "{{ response.json.token }}"},
        "fields": [{"in": "header", "key": "Authorization", "value": "Token {{ token.access_token }}"}],
    }  # fmt: skip
    right = Bot(auth, django_provider.login_api_url, PERSON)
    wrong = Bot(auth, django_provider.login_api_url, {**PERSON, "password": "wrong"})
    bearer = Bot({**auth, "fields": [{"in": "header", "key": "Authorization", "value": "Bearer {{ token.access_token }}"}]}, django_provider.login_api_url, PERSON)
    without = Bot({"type": "none"}, django_provider.login_api_url, {})

    assert [right.me(), right.me(), wrong.me(), bearer.me(), without.me()] == [200, 200, 0, 401, 401]


@pytest.mark.proves("auth kind: login-then-token (custom token request)", "token request and response: chained token steps")
def test_a_session_of_a_web_framework(django_provider: DjangoProvider) -> None:
    """Django's session login: its CSRF cookie first, then the form, then the session cookie of a 302; logged out, it is worth nothing."""
    auth = {
        "type": "session",
        "token_url": django_provider.session_url + "/login",
        "before": [{"name": "csrf", "request": {"url": django_provider.session_url + "/login"}, "response": {"keep": {"csrf": "{{ response.cookies.csrftoken }}"}}}],
        "token_request": {"encoding": "form", "fields": [
            {"key": "username", "value": "{{ inputs.username }}"}, {"key": "password", "value": "{{ inputs.password }}"},
            {"in": "header", "key": "X-CSRFToken", "value": "{{ kept.csrf }}"}, {"in": "cookie", "key": "csrftoken", "value": "{{ kept.csrf }}"},
        ]},
        "token_response": {"access_token": "{{ response.cookies.sessionid }}", "expires_in": 1209600, "accepted_when": [{"status": [302]}]},
        "fields": [{"in": "cookie", "key": "sessionid", "value": "{{ token.access_token }}"}],
        "revoke_request": {"method": "POST", "url": django_provider.session_url + "/logout", "fields": [
            {"in": "cookie", "key": "sessionid", "value": "{{ token.access_token }}"},
            {"in": "header", "key": "X-CSRFToken", "value": "{{ kept.csrf }}"}, {"in": "cookie", "key": "csrftoken", "value": "{{ kept.csrf }}"},
        ]},
    }  # fmt: skip
    without_csrf = {**{key: part for key, part in auth.items() if key not in ("before", "revoke_request")}, "token_request": {"encoding": "form"}}
    bot = Bot(auth, django_provider.session_url, PERSON)
    refused = Bot(without_csrf, django_provider.session_url, PERSON)

    assert [bot.me(), refused.me()] == [200, 0]
    token = bot.connection.token().result(10)
    assert bot.connection.revoke().result(10) is True
    assert httpx.get(django_provider.session_url + "/me", cookies={"sessionid": token.access_token.reveal()}, trust_env=False).status_code == 401
    assert bot.me() == 200


def test_a_dead_session_is_followed_by_another_login(odd_provider: OddProvider, client: Client) -> None:
    """The API rejects it before its time; the next answer is a good one."""
    bot = Bot(session(odd_provider.token_url), odd_provider.api_url, supplied(client), inputs=DECLARED)

    assert bot.me() == 200
    odd_provider.kill(client)
    assert bot.me() == 200
    assert odd_provider.counts(client)["granted"] == 2


@pytest.mark.proves("token request and response: token/cookie from response header")
@pytest.mark.parametrize(
    ("way", "reading", "field"),
    [
        ("answer-header", "{{ response.headers['x-auth-token'] }}", {"in": "header", "key": "X-Auth-Token", "value": "{{ token.access_token }}"}),
        ("answer-cookie", "{{ response.cookies.session }}", {"in": "cookie", "key": "session", "value": "{{ token.access_token }}"}),
    ],
)
def test_a_token_in_a_header(odd_provider: OddProvider, client: Client, way: str, reading: str, field: dict[str, str]) -> None:
    """Header or cookie of the answer; the twin looks for it in the body."""
    login = f"{odd_provider.at(way)}/token"
    api = f"{odd_provider.at(way)}/api"
    right = Bot(session(login, token_response={"access_token": reading, "expires_in": 600}, fields=[field]), api, supplied(client), inputs=DECLARED)
    in_body = Bot(session(login, fields=[field]), api, supplied(client), inputs=DECLARED)
    elsewhere = Bot(session(login, token_response={"access_token": reading, "expires_in": 600}), api, supplied(client), inputs=DECLARED)

    assert [right.me(), in_body.me(), elsewhere.me()] == [200, 0, 401]


@pytest.mark.proves("token request and response: token is the whole body")
def test_the_token_is_the_body(odd_provider: OddProvider, client: Client) -> None:
    """Text and nothing around it; the twin wants JSON."""
    login = f"{odd_provider.at('answer-whole')}/token"
    right = Bot(session(login, token_response={"access_token": "{{ response.text | trim }}"}), odd_provider.api_url, supplied(client), inputs=DECLARED)
    wrong = Bot(session(login), odd_provider.api_url, supplied(client), inputs=DECLARED)

    assert [right.me(), wrong.me()] == [200, 0]


# The password grant


@pytest.mark.proves("auth kind: password grant")
def test_the_password_grant(django_provider: DjangoProvider) -> None:
    """django-oauth-toolkit gives a token for a person's name and password, and no other; the client's own grant gets none."""
    client = django_provider.new_client(client_secret=token_hex(), grant_types=("password", "refresh_token"))
    auth = {"type": "oauth2", "grant_type": "password", "token_url": django_provider.token_url}
    right = Bot(auth, django_provider.api_url, supplied(client, **PERSON))
    wrong = Bot(auth, django_provider.api_url, supplied(client, username=USERNAME, password="wrong"))
    other = Bot({**auth, "grant_type": "client_credentials"}, django_provider.api_url, supplied(client))

    assert [right.me(), wrong.me(), other.me()] == [200, 0, 0]
    right.later(601)
    assert right.me() == 200
    grants = [dict(httpx.QueryParams(seen.body))["grant_type"] for seen in django_provider.seen(client, kind="token") if seen.status == 200]
    assert grants == ["password", "refresh_token"]


# Forms of requests and answers


@pytest.mark.proves("token request and response: XML token request/response")
def test_xml(odd_provider: OddProvider, client: Client) -> None:
    """The login is a document, and so is its answer; the twins send a form, and read JSON."""
    login = f"{odd_provider.at('xml,answer-xml')}/token"
    content = "<login><grant_type>client_credentials</grant_type><client_id>{{ inputs.client_id }}</client_id><client_secret>{{ inputs.client_secret }}</client_secret></login>"
    reading = {"access_token": "{{ response.xml.result.session.token }}", "expires_in": "{{ response.xml.result.session.seconds }}"}
    xml = {"type": "session", "token_url": login, "token_request": {"encoding": "xml", "content": content}, "token_response": reading}
    right = Bot(xml, odd_provider.api_url, supplied(client), inputs=DECLARED)
    form = Bot(session(login, token_response=reading), odd_provider.api_url, supplied(client), inputs=DECLARED)
    json = Bot({**xml, "token_response": {}}, odd_provider.api_url, supplied(client), inputs=DECLARED)

    assert [right.me(), form.me(), json.me()] == [200, 0, 0]


def test_a_secret_in_xml_is_escaped(odd_provider: OddProvider) -> None:
    """A secret with markup in it is sent as text, and cannot end its element."""
    client = odd_provider.new_client(client_secret="a</client_secret><b>&amp;\"'", grant_types=GRANTS)
    content = "<login><grant_type>client_credentials</grant_type><client_id>{{ inputs.client_id }}</client_id><client_secret>{{ inputs.client_secret }}</client_secret></login>"
    auth = {"type": "session", "token_url": f"{odd_provider.at('xml')}/token", "token_request": {"encoding": "xml", "content": content}}

    assert Bot(auth, odd_provider.api_url, supplied(client), inputs=DECLARED).me() == 200


@pytest.mark.proves("token request and response: nested token body", "token request and response: JSON token body")
def test_a_nested_body(odd_provider: OddProvider, client: Client) -> None:
    """Members below `auth`, by JSON pointers; the twin writes them at the top."""
    login = f"{odd_provider.at('nested')}/token"
    nested = [{**field, "key": f"/auth/{field['key']}"} for field in [GRANT, *PAIR]]
    right = Bot(session(login, token_request={"encoding": "json", "fields": nested}), odd_provider.api_url, supplied(client), inputs=DECLARED)
    flat = Bot(session(login, token_request={"encoding": "json"}), odd_provider.api_url, supplied(client), inputs=DECLARED)

    assert [right.me(), flat.me()] == [200, 0]


@pytest.mark.proves("token request and response: success judged by a body field")
def test_success_is_a_field_of_the_body(odd_provider: OddProvider, client: Client) -> None:
    """A refusal comes as 200 with a token that is none: `accepted_when` sees it, and no such token is ever used."""
    url = f"{odd_provider.at('code-0')}/token"
    judged = oauth(url, token_response={"accepted_when": [{"when": "{{ response.json.code == 0 }}"}], "error": "{{ response.json.message }}"})
    wrong = supplied(Client(client.client_id, "wrong"))
    right, refused, misled = Bot(judged, odd_provider.api_url, supplied(client)), Bot(judged, odd_provider.api_url, wrong), Bot(oauth(url), odd_provider.api_url, wrong)

    assert [right.me(), refused.me(), misled.me()] == [200, 0, 401]


@pytest.mark.proves("token request and response: Basic with another pair (secret as user)")
def test_basic_with_another_pair(odd_provider: OddProvider, client: Client) -> None:
    """The secret is the user name and the password is empty; the usual pair is refused."""
    url = f"{odd_provider.at('secret-as-user')}/token"
    own = {"client_auth": "none", "token_request": {"omit": ["client_id"], "fields": [{"in": "header", "key": "Authorization", "value": "Basic {{ basic(inputs.client_secret, '') }}"}]}}
    right = Bot(oauth(url, **own), odd_provider.api_url, supplied(client), inputs={"client_secret": DECLARED["client_secret"]})
    usual = Bot(oauth(url, client_auth="client_secret_basic"), odd_provider.api_url, supplied(client))

    assert [right.me(), usual.me()] == [200, 0]


@pytest.mark.proves("token request and response: two tokens in one response")
def test_two_tokens_in_one_answer(odd_provider: OddProvider, client: Client) -> None:
    """The API wants both; with one it refuses."""
    url, api = f"{odd_provider.at('two-tokens')}/token", f"{odd_provider.at('two-tokens')}/api"
    both = [
        {"in": "header", "key": "Authorization", "value": "Bearer {{ token.access_token }}"},
        {"in": "header", "key": "X-Subscription-Key", "value": "{{ kept.subscription }}"},
    ]
    right = Bot(oauth(url, token_response={"keep": {"subscription": "{{ response.json.subscription_key }}"}}, fields=both), api, supplied(client))
    one = Bot(oauth(url), api, supplied(client))

    assert [right.me(), one.me()] == [200, 401]


@pytest.mark.proves("token request and response: expired-token status not 401")
@pytest.mark.parametrize(
    ("way", "rule"),
    [("expired-403", {"status": [403]}), ("expired-200", {"status": [200], "when": "{{ response.json.code == 419 }}"}), ("expired-419", {"status": [419]})],
)
def test_a_dead_token_is_told_by_another_status(odd_provider: OddProvider, client: Client, way: str, rule: dict[str, Any]) -> None:
    """The rule makes it a rejection, so that a new token is got; without it the dead one stays in use."""
    api = f"{odd_provider.at(way)}/api"
    right, wrong = (Bot(oauth(odd_provider.token_url, **more), api, supplied(client)) for more in ({"rejected_when": [rule]}, {}))

    def is_good(bot: Bot) -> bool:
        return bot.get().json().get("client_id") == client.client_id

    assert [is_good(right), is_good(wrong)] == [True, True]
    odd_provider.kill(client)
    assert [is_good(right), is_good(wrong)] == [True, False]


# Steps


@pytest.mark.proves("token request and response: chained token steps")
@pytest.mark.parametrize("auth_type", ["oauth2", "session"])
def test_a_step_before(odd_provider: OddProvider, client: Client, auth_type: str) -> None:
    """A nonce that is good once has to be fetched first, for every token call; without the step, or with a nonce made up, nothing is given."""
    place = odd_provider.at("nonce")
    step = {"name": "nonce", "request": {"method": "POST", "url": f"{place}/nonce"}, "response": {"keep": {"nonce": "{{ response.json.nonce }}"}}}
    field = {"key": "nonce", "value": "{{ kept.nonce }}"}
    made_up = {"key": "nonce", "value": "{{ uuid() }}"}

    def auth(*steps: Any, fields: Any) -> dict[str, Any]:
        if auth_type == "oauth2":
            return oauth(f"{place}/token", before=list(steps), token_request={"fields": fields})
        return session(f"{place}/token", before=list(steps), token_request={"fields": [GRANT, *PAIR, *fields]})

    more = {} if auth_type == "oauth2" else {"inputs": DECLARED}
    right = Bot(auth(step, fields=[field]), odd_provider.api_url, supplied(client), **more)
    wrong = Bot(auth(fields=[made_up]), odd_provider.api_url, supplied(client), **more)

    assert [right.me(), wrong.me()] == [200, 0]
    odd_provider.kill(client)
    assert right.me() == 200


@pytest.mark.proves("token request and response: chained token steps")
def test_the_token_url_is_discovered(oidc_provider: OidcProvider) -> None:
    """DocuWare's way: a step asks for the metadata, and the token endpoint that stands there is called."""
    client = oidc_provider.new_client(client_secret=token_hex())
    metadata = f"{oidc_provider.origin}/.well-known/openid-configuration"
    keep = {"endpoint": {"value": "{{ response.json.token_endpoint }}", "pattern": r"http://127\.0\.0\.1:[0-9]+/.*"}}
    auth = {
        "type": "oauth2", "grant_type": "client_credentials", "token_url": "{{ kept.endpoint }}",
        "before": [{"name": "metadata", "request": {"url": metadata}, "response": {"keep": keep}}],
    }  # fmt: skip
    right = Bot(auth, oidc_provider.api_url, supplied(client))
    another = {**auth, "before": [{"name": "metadata", "request": {"url": metadata}, "response": {"keep": {"endpoint": {**keep["endpoint"], "value": "{{ response.json.issuer }}/no"}}}}]}
    wrong = Bot(another, oidc_provider.api_url, supplied(client))

    assert [right.me(), wrong.me()] == [200, 0]
    right.later(3600)
    assert right.me() == 200


@pytest.mark.proves("token request and response: second token for another resource")
def test_a_second_token_for_another_resource(odd_provider: OddProvider, client: Client) -> None:
    """The token that the client gets is exchanged for one that the other API takes; as it is, that API refuses it."""
    exchange = {
        "name": "files",
        "request": {"method": "POST", "url": odd_provider.token_url, "fields": [
            {"key": "grant_type", "value": "exchange"}, *PAIR, {"key": "access_token", "value": "{{ token.access_token }}"}, {"key": "resource", "value": "files"},
        ]},
        "response": {"keep": {"files": "{{ response.json.access_token }}"}},
    }  # fmt: skip
    auth = [
        {"name": "files", "when": "{{ request.path == '/files/api/me' }}", **oauth(odd_provider.token_url, after=[exchange]),
         "fields": [{"in": "header", "key": "Authorization", "value": "Bearer {{ kept.files }}"}]},
        {"name": "plain", **oauth(odd_provider.token_url)},
    ]  # fmt: skip
    right = Bot(auth, odd_provider.origin, supplied(client))
    wrong = Bot(oauth(odd_provider.token_url), odd_provider.origin, supplied(client))

    assert [right.me("/files/api/me"), right.me("/standard/api/me"), wrong.me("/files/api/me")] == [200, 200, 401]


@pytest.mark.proves("other: token introspection for expiry")
def test_introspection_tells_the_end(oidc_provider: OidcProvider, odd_provider: OddProvider) -> None:
    """The answer that is read says nothing of the end; introspection (RFC 7662) does. The token is renewed before its end, and without
    the step it is used beyond it."""
    client = oidc_provider.new_client(client_secret=token_hex(), ttl=30)
    introspect = {
        "name": "introspect",
        "request": {"method": "POST", "url": oidc_provider.introspection_url, "fields": [
            {"key": "token", "value": "{{ token.access_token }}"}, {"in": "header", "key": "Authorization", "value": "Basic {{ basic(inputs.client_id, inputs.client_secret) }}"},
        ]},
        "response": {"expires_at": "{{ response.json.exp }}", "accepted_when": [{"when": "{{ response.json.active }}"}]},
    }  # fmt: skip
    silent = {"expires_in": "{{ response.json.nothing }}"}
    auth = {"type": "oauth2", "grant_type": "client_credentials", "token_url": oidc_provider.token_url, "token_response": silent}
    told = Bot({**auth, "after": [introspect]}, oidc_provider.api_url, supplied(client))
    untold = Bot(auth, oidc_provider.api_url, supplied(client))

    tokens = [bot.connection.token().result(10) for bot in (told, untold)]

    assert abs(tokens[0].expires_at - tokens[0].issued_at - 30) < 3
    assert tokens[1].expires_at == float("inf")
    assert [told.me(), untold.me()] == [200, 200]
    for bot in (told, untold):
        bot.later(31)
        bot.me()
    later = [bot.connection.token().result(10) for bot in (told, untold)]
    assert [one.access_token.matches(other.access_token) for one, other in zip(tokens, later, strict=True)] == [False, True]


# Refreshing


@pytest.mark.proves("token request and response: refresh = exchange of the access token")
def test_the_access_token_buys_the_next(odd_provider: OddProvider) -> None:
    """The old access token is presented before its end, and after it the login. The twin, that presents none, is refused."""
    place = odd_provider.at("no-refresh")

    def auth(*fields: Any) -> dict[str, Any]:
        request = {"fields": [{"key": "grant_type", "value": "exchange"}, *fields]}
        return oauth(f"{place}/token", refresh_with="access_token", refresh_request=request)

    def refreshed(*fields: Any) -> tuple[Any, list[str]]:
        """The token that a token not yet at its end gives, and the grants that were granted."""
        own = odd_provider.new_client(client_secret=token_hex(), grant_types=GRANTS)
        endpoint = Bot(auth(*fields), odd_provider.api_url, supplied(own)).connection
        old = endpoint.token().result(10)
        token = endpoint.credential(endpoint.profile.variants[0]).endpoint().get(old)
        granted = [dict(httpx.QueryParams(seen.body))["grant_type"] for seen in odd_provider.seen(own, kind="token") if seen.status == 200]
        return token, granted

    token, granted = refreshed({"key": "access_token", "value": "{{ token.access_token }}"})
    headers = {"Authorization": f"Bearer {token.access_token.reveal()}"}

    assert granted == ["client_credentials", "exchange"]
    assert httpx.get(odd_provider.api_url + "/me", headers=headers, trust_env=False).status_code == 200
    assert refreshed()[1] == ["client_credentials", "client_credentials"]


@pytest.mark.proves("token request and response: refresh params differ", "token request and response: separate refresh URL")
def test_a_refresh_with_parameters_of_its_own(odd_provider: OddProvider, client: Client) -> None:
    """Its own URL, `mode=renew` and `renew_token`; the twin sends what RFC 6749 §6 has, and is refused."""
    ways = odd_provider.at("renew")
    password = {"type": "oauth2", "grant_type": "password", "client_auth": "client_secret_post", "token_url": odd_provider.token_url, "refresh_url": f"{ways}/token"}
    renew = {"omit": ["grant_type"], "rename": {"refresh_token": "renew_token"}, "fields": [{"key": "mode", "value": "renew"}]}

    def refreshed(**auth: Any) -> Any:
        bot = Bot({**password, **auth}, odd_provider.api_url, supplied(client, **PERSON))
        assert bot.me() == 200
        odd_provider.forget(client)
        bot.later(601)
        assert bot.me() == 200
        return [seen.target for seen in odd_provider.seen(client, kind="token") if seen.status == 200]

    assert refreshed(refresh_request=renew) == ["/renew/token"]
    assert refreshed() == ["/standard/token"]


@pytest.mark.proves("token request and response: refresh token kept when response omits it")
def test_the_old_refresh_token_stays(odd_provider: OddProvider, client: Client) -> None:
    """A refresh answer without one: the old one is presented again. With `refresh_with: grant` none ever is."""
    ways = f"{odd_provider.at('no-rotation')}/token"
    password = {"type": "oauth2", "grant_type": "password", "client_auth": "client_secret_post", "token_url": ways}
    kept = Bot(password, odd_provider.api_url, supplied(client, **PERSON))
    anew = Bot({**password, "refresh_with": "grant"}, odd_provider.api_url, supplied(client, **PERSON))

    def grants(bot: Bot) -> list[str]:
        odd_provider.forget(client)
        for _ in range(3):
            assert bot.me() == 200
            bot.later(601)
        return [dict(httpx.QueryParams(seen.body))["grant_type"] for seen in odd_provider.seen(client, kind="token") if seen.status == 200]

    assert grants(kept) == ["password", "refresh_token", "refresh_token"]
    assert grants(anew) == ["password", "password", "password"]
