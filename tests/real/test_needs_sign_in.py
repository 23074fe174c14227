"""Signing in at providers that we did not write: oidc-provider, django-oauth-toolkit, @node-oauth/oauth2-server with odd ways.

Each feature has its negative twin: the same profile without it, refused by the same server.
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterator
from dataclasses import dataclass
from secrets import token_hex
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import httpx
import pytest

from authweave.errors import (
    AuthorizationDenied,
    AuthorizationRequired,
    AuthweaveError,
    CallbackRefused,
    SignInNeeded,
    TokenEndpointError,
)
from authweave.stores.memory import MemoryStore
from parts.browsing import Lost, confirm_device, sign_in
from parts.django_provider import DjangoProvider
from parts.identity import Client, IdentityProvider
from parts.odd import OddProvider
from parts.oidc import OidcProvider
from services import Clock, engine, profile

BACK = "http://127.0.0.1:7777/callback"
GRANTS = ("authorization_code", "refresh_token")
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass
class Person:
    """Somebody with a connection of their own, who can sign in and call the API."""

    connection: Any
    api: str

    def link(self, **how: Any) -> str:
        return str(self.connection.begin_authorization(**how).result(20).url)

    def signs_in(self, **how: Any) -> Any:
        return self.completes(sign_in(self.link(), **how))

    def completes(self, answer: Any) -> Any:
        return self.connection.complete_authorization(answer).result(20)

    def status(self, path: str = "/me") -> int:
        with httpx.Client(auth=self.connection.auth, trust_env=False) as client:
            return client.get(self.api + path).status_code


def person(client: Client, api: str, *, run: Any = None, subject: str = "robot", **auth: Any) -> Person:
    supplied = {"client_id": client.client_id, "client_secret": client.client_secret}
    made = profile({"type": "oauth2", "grant_type": "authorization_code", "redirect_uri": BACK, **auth}, "{0.scheme}://{0.netloc}".format(urlsplit(api)))
    return Person((run or engine(inputs=supplied)).connect(made, subject=subject), api)


def of_oidc(provider: OidcProvider, client: Client, **auth: Any) -> Person:
    return person(client, provider.api_url, **{"authorization_url": provider.authorization_url, "token_url": provider.token_url, "scopes": ["openid"], **auth})


def of_odd(provider: OddProvider, ways: str, client: Client, api: str = "", **auth: Any) -> Person:
    urls = {"authorization_url": f"{provider.at(ways)}/authorize", "token_url": f"{provider.at(ways)}/token", "client_auth": "client_secret_post"}
    return person(client, (api or provider.at("standard")) + "/api", **{**urls, **auth})


def of_django(provider: DjangoProvider, client: Client, **auth: Any) -> Person:
    return person(client, provider.api_url, **{"authorization_url": provider.origin + "/o/authorize/", "token_url": provider.token_url, "scopes": ["read"], **auth})


@pytest.fixture
def clock() -> Iterator[Clock]:
    return Clock()  # type: ignore[return-value]  # a fixture that returns


@pytest.fixture
def client(odd_provider: OddProvider) -> Client:
    return odd_provider.new_client(client_secret=token_hex(), grant_types=(*GRANTS, "client_credentials"), redirect_uris=[BACK])


# ---- the whole way


@pytest.mark.proves("auth kind: oauth2 authorization_code", "consent step (authorization code): PKCE")
def test_code_with_proof_key(oidc_provider: OidcProvider) -> None:
    """A provider that wants a proof key gives a token that its API takes; without one it does not even show a login page."""
    client = oidc_provider.new_client(grant_types=GRANTS, redirect_uris=[BACK], pkce=True)
    good, bad = of_oidc(oidc_provider, client, scopes=["openid", "api:read"]), of_oidc(oidc_provider, client, scopes=["openid"], pkce=False, subject="berta")

    with pytest.raises(AuthorizationRequired):
        good.status()
    good.signs_in()
    with pytest.raises(AuthorizationDenied, match="PKCE"):
        bad.signs_in()

    assert 200 == good.status("/read")
    assert 1 == oidc_provider.counts(client)["token"]


@pytest.mark.proves("auth kind: oauth2 authorization_code")
def test_code_at_django(django_provider: DjangoProvider) -> None:
    """Another author's rules: form login, consent page, code, API; another redirect URI is refused on the spot."""
    client = django_provider.new_client(grant_types=GRANTS, redirect_uris=[BACK])
    good = of_django(django_provider, client, scopes=["read"])
    good.signs_in()

    assert 200 == good.status()
    with pytest.raises(Lost):
        sign_in(of_django(django_provider, client, scopes=["read"], subject="other").link(redirect_uri=f"{BACK}/"))


def test_a_verifier_of_another_sign_in_is_refused(oidc_provider: OidcProvider) -> None:
    """Code injection: a code that was made for somebody else's link buys nothing (RFC 7636 §4.6)."""
    client = oidc_provider.new_client(grant_types=GRANTS, redirect_uris=[BACK])
    anna, eve = (of_oidc(oidc_provider, client, subject=name) for name in ("anna", "eve"))
    of_eve = dict(parse_qsl(urlsplit(sign_in(eve.link(), login="eve")).query))
    state = dict(parse_qsl(urlsplit(anna.link()).query))["state"]

    with pytest.raises(TokenEndpointError) as caught:
        anna.completes(f"{BACK}?{urlencode({**of_eve, 'state': state})}")

    assert "invalid_grant" == caught.value.error
    with pytest.raises(SignInNeeded):
        anna.status()


@pytest.mark.parametrize("provider", ["oidc_provider", "django_provider"])
def test_a_person_may_say_no(request: pytest.FixtureRequest, provider: str) -> None:
    """access_denied in the provider's own words, and no token request."""
    idp: IdentityProvider = request.getfixturevalue(provider)
    client = idp.new_client(grant_types=GRANTS, redirect_uris=[BACK])
    anna = of_oidc(idp, client) if isinstance(idp, OidcProvider) else of_django(idp, client)  # type: ignore[arg-type]  # one of the two

    with pytest.raises(AuthorizationDenied) as caught:
        anna.signs_in(refuse=True)

    assert "access_denied" == caught.value.error
    assert 0 == idp.counts(client)["token"]


def test_the_answer_of_another_issuer_is_refused(oidc_provider: OidcProvider) -> None:
    """RFC 9207: the provider names itself; another name in its place ends the sign-in before any token request."""
    client = oidc_provider.new_client(grant_types=GRANTS, redirect_uris=[BACK])
    anna = of_oidc(oidc_provider, client)
    answer = urlsplit(sign_in(anna.link()))
    words = dict(parse_qsl(answer.query))
    assert oidc_provider.origin == words["iss"]

    with pytest.raises(CallbackRefused) as caught:
        anna.completes(urlunsplit(answer._replace(query=urlencode({**words, "iss": "https://attacker.example"}))))

    assert "issuer" == caught.value.reason
    assert 0 == oidc_provider.counts(client)["token"]


# ---- afterwards


@pytest.mark.proves("token request and response: rotating refresh token written back")
@pytest.mark.parametrize("name", ["oidc_provider", "django_provider"])
def test_rotating_refresh_tokens(request: pytest.FixtureRequest, clock: Clock, name: str) -> None:
    """Each refresh presents what the last answer brought; one that was presented before is refused."""
    idp: IdentityProvider = request.getfixturevalue(name)
    client = idp.new_client(grant_types=GRANTS, redirect_uris=[BACK], ttl=600)
    store = MemoryStore(clock)
    supplied = {"client_id": client.client_id, "client_secret": client.client_secret}
    of: Any = of_oidc if isinstance(idp, OidcProvider) else of_django
    run = engine(inputs=supplied, clock=clock, store=store)
    anna = of(idp, client, run=run)
    first = anna.signs_in()
    for _ in range(3):
        clock.ahead += 700
        assert 200 == anna.status()

    assert 4 == idp.counts(client)["granted"]
    stale = {"grant_type": "refresh_token", "refresh_token": first.refresh_token.reveal(), **supplied}
    auth = (client.client_id, client.client_secret)
    refused = httpx.post(idp.token_url, data={name: value for name, value in stale.items() if not name.startswith("client_")}, auth=auth, trust_env=False)
    assert "invalid_grant" == refused.json()["error"]


@pytest.mark.proves("token request and response: refresh token kept when response omits it")
def test_an_answer_without_refresh_token(odd_provider: OddProvider, client: Client, clock: Clock) -> None:
    """The one that was presented goes on; a server that does rotate refuses it the second time."""
    supplied = {"client_id": client.client_id, "client_secret": client.client_secret}
    anna = of_odd(odd_provider, "no-rotation", client, run=engine(inputs=supplied, clock=clock))
    token = anna.signs_in()
    for _ in range(3):
        clock.ahead += 700
        assert 200 == anna.status()
    ask = {"grant_type": "refresh_token", "refresh_token": token.refresh_token.reveal(), **supplied}
    rotating = [httpx.post(f"{odd_provider.at('standard')}/token", data=ask, trust_env=False).status_code for _ in range(2)]

    assert 4 + 1 == odd_provider.counts(client)["granted"]
    assert [200, 400] == rotating


def test_many_workers_refresh_once(oidc_provider: OidcProvider, clock: Clock) -> None:
    """Engines on one store, all at the same moment: one refresh, and the family lives on."""
    client = oidc_provider.new_client(grant_types=GRANTS, redirect_uris=[BACK], delay=0.2)
    store = MemoryStore(clock)
    supplied = {"client_id": client.client_id, "client_secret": client.client_secret}
    people = [of_oidc(oidc_provider, client, run=engine(inputs=supplied, clock=clock, store=store)) for _ in range(6)]
    people[0].signs_in()
    clock.ahead += 700
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(Person.status, people))

    assert [200] * 6 == statuses
    assert 2 == oidc_provider.counts(client)["token"]


def test_logging_out(oidc_provider: OidcProvider) -> None:
    """`revoke` ends the refresh token at the provider: presented by hand, it is refused."""
    client = oidc_provider.new_client(grant_types=GRANTS, redirect_uris=[BACK])
    anna = of_oidc(oidc_provider, client, revoke_request={"url": oidc_provider.revocation_url})
    token = anna.signs_in()

    assert anna.connection.revoke().result(20)

    ask = {"grant_type": "refresh_token", "refresh_token": token.refresh_token.reveal()}
    assert 400 == httpx.post(oidc_provider.token_url, data=ask, auth=(client.client_id, client.client_secret), trust_env=False).status_code
    with pytest.raises(AuthorizationRequired):
        anna.status()


@pytest.mark.proves("token request and response: public client (no secret)")
def test_public_client(oidc_provider: OidcProvider) -> None:
    """Only the id, and a proof key; the same client with a secret in the header is refused."""
    client = oidc_provider.new_client(client_auth="none", grant_types=GRANTS, redirect_uris=[BACK])
    good, bad = (of_oidc(oidc_provider, client, client_auth=method, subject=method) for method in ("none", "client_secret_basic"))
    good.signs_in()
    with pytest.raises(TokenEndpointError) as caught:
        bad.signs_in()

    assert 200 == good.status()
    assert "invalid_client" == caught.value.error


def test_two_people_at_one_client(oidc_provider: OidcProvider) -> None:
    """Each has a token of their own; whose it is the provider says."""
    client = oidc_provider.new_client(grant_types=GRANTS, redirect_uris=[BACK])
    supplied = {"client_id": client.client_id, "client_secret": client.client_secret}
    run = engine(inputs=supplied)
    people = {name: of_oidc(oidc_provider, client, run=run, subject=name, scopes=["openid"]) for name in ("anna", "berta")}
    for name, one in people.items():
        one.signs_in(login=name)

    def told(name: str) -> str:
        token = people[name].connection.token().result(20).access_token.reveal()
        answer = httpx.get(oidc_provider.origin + "/me", headers={"Authorization": f"Bearer {token}"}, trust_env=False)
        return str(answer.json()["sub"])

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert ["anna", "berta"] * 4 == list(pool.map(told, ["anna", "berta"] * 4))


# ---- the consent step in odd ways


def refused_without(good: Person, bad: Person) -> None:
    """The one signs in and its token opens the API; the other is refused, wherever on the way."""
    good.signs_in()
    assert 200 == good.status()
    with pytest.raises((Lost, AuthweaveError)):
        bad.signs_in()


@pytest.mark.proves("consent step (authorization code): extra authorize params")
def test_extra_parameters(odd_provider: OddProvider, client: Client) -> None:
    """`authorization_request.fields`."""
    extra = {"fields": [{"in": "query", "key": "access_type", "value": "offline"}]}
    refused_without(of_odd(odd_provider, "offline", client, authorization_request=extra), of_odd(odd_provider, "offline", client, subject="b"))


@pytest.mark.proves("consent step (authorization code): PKCE can be switched off")
def test_without_proof_key(odd_provider: OddProvider, client: Client) -> None:
    """`pkce: false`, at a server that does not know code_challenge."""
    refused_without(of_odd(odd_provider, "strict", client, pkce=False), of_odd(odd_provider, "strict", client, subject="b"))


def test_plain_proof_key(django_provider: DjangoProvider) -> None:
    """`pkce: plain`: the verifier is the challenge, and checked."""
    client = django_provider.new_client(grant_types=GRANTS, redirect_uris=[BACK])
    anna = of_django(django_provider, client, pkce="plain", scopes=["read"])
    anna.signs_in()

    assert 200 == anna.status()


@pytest.mark.proves("consent step (authorization code): scope separator not space")
def test_scope_separator(odd_provider: OddProvider, client: Client) -> None:
    """`scope_separator`."""
    scopes = {"scopes": ["api:read", "api:write"]}
    refused_without(of_odd(odd_provider, "comma", client, scope_separator=",", **scopes), of_odd(odd_provider, "comma", client, subject="b", **scopes))


@pytest.mark.proves("consent step (authorization code): value from callback used later")
def test_value_from_callback(odd_provider: OddProvider, client: Client) -> None:
    """`callback.keep`, as Intuit's realmId: without it the API of this company cannot be called."""
    keep = {"keep": {"realm": {"value": "{{ callback.realmId }}", "pattern": "[A-Za-z0-9_]+"}}}
    server, url = f"{odd_provider.origin}/company-{{realm}}", odd_provider.at("company")
    made = {"type": "oauth2", "grant_type": "authorization_code", "redirect_uri": BACK, "authorization_url": f"{url}/authorize", "token_url": f"{url}/token", "callback": keep}
    field = {"in": "path", "key": "realm", "value": "{{ kept.realm }}"}
    supplied = {"client_id": client.client_id, "client_secret": client.client_secret}
    right = engine(inputs=supplied).connect(profile(made, server, fields=[field]), subject="a")
    right.complete_authorization(sign_in(right.begin_authorization().result(20).url)).result(20)
    wrong = engine(inputs=supplied).connect(profile({**made, "callback": {}}, server, fields=[{**field, "value": "another"}]), subject="b")
    wrong.complete_authorization(sign_in(wrong.begin_authorization().result(20).url)).result(20)
    with right.client(trust_env=False) as good_client, wrong.client(trust_env=False) as bad_client:
        assert [200, 401] == [each.get("/api/me").status_code for each in (good_client, bad_client)]


@pytest.mark.proves("token request and response: value from token response used later")
def test_value_from_the_answer(odd_provider: OddProvider, client: Client) -> None:
    """`token_response.keep`, as Salesforce's instance_url: the API of this token stands there, and nowhere else."""
    keep = {"keep": {"instance": {"value": "{{ response.json.instance_url }}", "pattern": r"http://127\.0\.0\.1:[0-9]+/at-[0-9a-f]+"}}}
    url, supplied = odd_provider.at("instance"), {"client_id": client.client_id, "client_secret": client.client_secret}
    made = {"type": "oauth2", "grant_type": "authorization_code", "redirect_uri": BACK, "authorization_url": f"{url}/authorize", "token_url": f"{url}/token"}
    statuses = []
    for subject, auth, server in (("a", {**made, "token_response": keep}, "{{ kept.instance }}"), ("b", made, f"{odd_provider.origin}/at-0123")):
        one = engine(inputs=supplied).connect(profile(auth, server), subject=subject)
        one.complete_authorization(sign_in(one.begin_authorization().result(20).url)).result(20)
        with httpx.Client(auth=one.auth, trust_env=False) as http:
            kept = one.token().result(20).kept.get("instance")
            base = kept.reveal() if hasattr(kept, "reveal") else kept or f"{odd_provider.origin}/at-0123"
            statuses.append(http.get(f"{base}/api/me").status_code)

    assert [200, 401] == statuses


RENAMED = {"authorization_request": {"rename": {"client_id": "appid", "redirect_uri": "callback"}}}
CODE = {"callback": {"code": "{{ callback.auth_code }}"}}


@pytest.mark.proves("consent step (authorization code): renamed authorize params")
def test_renamed_parameters(odd_provider: OddProvider, client: Client) -> None:
    """`authorization_request.rename`."""
    refused_without(of_odd(odd_provider, "renamed", client, token_url=f"{odd_provider.at('standard')}/token", **RENAMED, **CODE), of_odd(odd_provider, "renamed", client, subject="b", **CODE))


@pytest.mark.proves("consent step (authorization code): renamed code param")
def test_renamed_code(odd_provider: OddProvider, client: Client) -> None:
    """`callback.code`."""
    refused_without(of_odd(odd_provider, "renamed", client, token_url=f"{odd_provider.at('standard')}/token", **RENAMED, **CODE), of_odd(odd_provider, "renamed", client, subject="b", **RENAMED))


@pytest.mark.proves("consent step (authorization code): consent first, then client credentials")
def test_consent_then_client_credentials(odd_provider: OddProvider, client: Client, clock: Clock) -> None:
    """Without the consent the other grant is refused; with it, it goes on for good, with what the redirect brought."""
    tenant = f"t-{client.client_id}"
    url, supplied = odd_provider.at("consented"), {"client_id": client.client_id, "client_secret": client.client_secret}
    auth = {
        "type": "oauth2", "grant_type": "client_credentials", "token_url": f"{url}/token", "client_auth": "client_secret_post",
        "token_request": {"fields": [{"key": "tenant", "value": "{{ kept.tenant }}"}]},
        "authorization_url": f"{url}/authorize", "redirect_uri": BACK, "callback": {"keep": {"tenant": {"value": "{{ callback.tenant }}", "pattern": "[a-z0-9-]+"}}},
        "authorization_request": {"omit": ["response_type"], "fields": [{"key": "tenant_hint", "value": tenant}]},
    }  # fmt: skip
    without = {"type": "oauth2", "grant_type": "client_credentials", "token_url": f"{url}/token", "client_auth": "client_secret_post", "token_request": {"fields": [{"key": "tenant", "value": tenant}]}}
    with pytest.raises(TokenEndpointError):
        engine(inputs=supplied).connect(profile(without, odd_provider.origin)).token().result(20)

    one = Person(engine(inputs=supplied, clock=clock).connect(profile(auth, odd_provider.origin)), f"{odd_provider.at('standard')}/api")
    one.signs_in()
    assert 200 == one.status()
    clock.ahead += 3700

    assert 200 == one.status()
    assert 2 == odd_provider.counts(client)["granted"]


# ---- at another device


def test_device(oidc_provider: OidcProvider) -> None:
    """RFC 8628: the code is typed at another device, and this one is told; a client that may not is refused."""
    client = oidc_provider.new_client(grant_types=(DEVICE, "refresh_token"))
    other = oidc_provider.new_client(grant_types=GRANTS, redirect_uris=[BACK])
    urls = {"grant_type": "device_code", "device_authorization_url": oidc_provider.device_authorization_url, "redirect_uri": None, "scopes": ["openid", "api:read"]}
    anna = of_oidc(oidc_provider, client, **{**urls, "authorization_url": None})
    with pytest.raises(AuthorizationRequired) as caught:
        anna.status()
    asked = caught.value.authorization
    pending = [anna.connection.await_authorization() for _ in range(3)]
    confirm_device(asked.verification_uri, asked.user_code)
    tokens = {one.result(60).access_token.reveal() for one in pending}

    assert 1 == len(tokens)
    assert 200 == anna.status("/read")
    assert 1 == oidc_provider.counts(client)["granted"]
    with pytest.raises(TokenEndpointError):
        of_oidc(oidc_provider, other, **{**urls, "authorization_url": None}).link()


def test_device_refused_by_the_person(oidc_provider: OidcProvider) -> None:
    """access_denied ends the polling, for everybody who waits."""
    client = oidc_provider.new_client(grant_types=(DEVICE, "refresh_token"))
    anna = of_oidc(oidc_provider, client, grant_type="device_code", device_authorization_url=oidc_provider.device_authorization_url, redirect_uri=None, authorization_url=None)
    asked = anna.connection.begin_authorization().result(20)
    pending = anna.connection.await_authorization()
    confirm_device(asked.verification_uri_complete, asked.user_code, refuse=True)

    with pytest.raises(AuthorizationDenied):
        pending.result(60)
