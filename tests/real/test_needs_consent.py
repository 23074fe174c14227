"""What connectors need of the step in which a person consents, judged by providers that are not ours, each with a twin that is refused."""

from __future__ import annotations

from secrets import token_hex
from typing import Any

import httpx
import pytest

from authweave.errors import SignInFailed
from identities import inputs_of
from parts.browsing import sign_in
from parts.identity import Client
from parts.odd import OddProvider
from parts.oidc import OidcProvider
from proving import asked, made, refused, sent
from services import oauth

proves = pytest.mark.proves


GRANTS = ("client_credentials", "password", "refresh_token", "authorization_code")


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
