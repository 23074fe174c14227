"""Tokens from real identity providers: oidc-provider, django-oauth-toolkit, and one that wants Basic raw."""

from __future__ import annotations

import time
from urllib.parse import parse_qsl

import httpx
import pytest

from authweave.engine import Engine
from authweave.errors import InvalidInput, TlsFailure, TokenEndpointError
from identities import connected, inputs_of, vendor, vendor_client
from parts.identity import COLON_ID, SPECIAL_SECRET
from services import Clock, connect, engine, oauth

WRITTEN = {"oidc_provider": "api:read api:write", "django_provider": "read write"}
FORMS = {
    "text": lambda first, second: f"{first} {second}",
    "list": lambda first, second: [first, second],
    "pairs": lambda first, second: [{"key": "scope", "value": first}, {"key": "scope", "value": second}],
}


@pytest.fixture(params=["oidc_provider", "django_provider"])
def provider(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def scopes(request, provider):
    """Two scopes that the provider knows."""
    return WRITTEN[request.node.callspec.params["provider"]].split()


def token_of(connection):
    return connection.token().result(20)


def status_of(connection, url):
    """What the API says to a request of an ordinary client with the connection's `auth`."""
    with httpx.Client(auth=connection.auth, trust_env=False) as http:
        return http.get(url).status_code


def error_of(connection):
    with pytest.raises(TokenEndpointError) as caught:
        token_of(connection)
    return caught.value


# ---- client authentication


@pytest.mark.parametrize("client_auth", ["client_secret_basic", "client_secret_post"])
def test_client_credentials_open_the_api(provider, client_auth):
    """A token is got by either client authentication, once, and the provider's own API accepts it."""
    client = provider.new_client(client_auth=client_auth)
    connection = connected(provider, client, client_auth=client_auth)

    statuses = [status_of(connection, provider.api_url + "/me") for _ in range(2)]

    assert [200, 200] == statuses
    assert {"token": 1, "granted": 1, "api": 2, "api_200": 2} == provider.counts(client)


@pytest.mark.parametrize("client_auth", ["client_secret_basic", "client_secret_post"])
def test_id_and_secret_are_in_one_place_only(provider, client_auth):
    """Basic leaves the body without credentials, and the body leaves the header empty (RFC 6749 §2.3)."""
    client = provider.new_client(client_auth=client_auth)

    token_of(connected(provider, client, client_auth=client_auth))

    [seen] = provider.seen(client, kind="token")
    in_header = seen.header("authorization") is not None
    assert in_header is (client_auth == "client_secret_basic")
    assert ("client_secret=" in seen.body) is not in_header


@pytest.mark.parametrize("client_auth", ["client_secret_basic", "client_secret_post"])
def test_a_wrong_secret_is_invalid_client(provider, client_auth):
    """The server's refusal is a typed error in its own words, without the secret, after one request."""
    client = provider.new_client(client_auth=client_auth)
    wrong = inputs_of(client, client_secret="wr0ng-one")
    connection = connect(oauth(provider.token_url, client_auth=client_auth), provider.origin, inputs=wrong)

    error = error_of(connection)

    assert ("invalid_client", 401, provider.token_url) == (error.error, error.status, error.url)
    assert "wr0ng-one" not in f"{error} {error!r} {vars(error)}"
    assert {"token": 1, "invalid_client": 1} == provider.counts(client)


@pytest.mark.parametrize("client_auth", ["client_secret_basic", "client_secret_post"])
def test_a_secret_with_every_odd_character(provider, client_auth):
    """`+ / % :` and space arrive as they are, in the header (form-encoded, RFC 6749 §2.3.1) and in the body."""
    client = provider.new_client(client_secret=SPECIAL_SECRET, client_auth=client_auth)

    assert 200 == status_of(connected(provider, client, client_auth=client_auth), provider.api_url + "/me")


@pytest.mark.parametrize(
    ("server", "good", "bad"),
    [
        ("oidc_provider", "rfc6749", "raw"),
        ("django_provider", "rfc6749", "raw"),
        ("raw_basic_provider", "raw", "rfc6749"),
    ],
)
def test_basic_encoding_alone_decides(request, server, good, bad):
    """The same profile, client and secret: with the server's own encoding a token, with the other one a refusal."""
    provider = request.getfixturevalue(server)
    client = provider.new_client(client_secret=SPECIAL_SECRET)

    status = status_of(connected(provider, client, basic_encoding=good), provider.api_url + "/me")
    error = error_of(connected(provider, client, basic_encoding=bad))

    assert 200 == status
    assert error.error == ("invalid_request" if server == "oidc_provider" else "invalid_client")
    assert SPECIAL_SECRET not in str(error)
    assert 1 == provider.counts(client)["granted"]


@pytest.mark.parametrize("written", [COLON_ID, COLON_ID.replace(":", "%3A")], ids=["colons", "encoded"])
def test_an_id_with_colons(provider, written):
    """An id with colons is encoded, and one that is written encoded already is not encoded twice."""
    client = provider.new_client(client_id=COLON_ID, client_secret=SPECIAL_SECRET)
    inputs = inputs_of(client, client_id=written)
    connection = connect(oauth(provider.token_url), provider.origin, inputs=inputs)

    assert 200 == status_of(connection, provider.api_url + "/me")
    assert {"token": 1, "granted": 1, "api": 1, "api_200": 1} == provider.counts(client)


def test_an_id_with_colons_cannot_be_raw(provider):
    """Raw Basic cannot say a colon in an id (RFC 7617 §2): a typed error, and the server is not asked."""
    client = provider.new_client(client_id=COLON_ID)

    with pytest.raises(InvalidInput, match="colon"):
        token_of(connected(provider, client, basic_encoding="raw"))

    assert 0 == provider.counts(client)["token"]


# ---- scopes


@pytest.mark.parametrize("form", FORMS)
def test_scopes_in_every_form(provider, scopes, form):
    """As text, list and pairs the same one parameter arrives, the server grants it, and the scope opens the API."""
    client = provider.new_client()
    connection = connected(provider, client, scopes=FORMS[form](*scopes))

    token = token_of(connection)

    [seen] = provider.seen(client, kind="token")
    assert parse_qsl(seen.body) == [("grant_type", "client_credentials"), ("scope", " ".join(scopes))]
    assert set(scopes) == set((token.scope or "").split())
    assert 200 == status_of(connection, provider.api_url + "/write")


def test_without_the_scope_the_api_forbids(provider, scopes):
    """The twin: with the first scope only, the same API says 403, and no new token is asked for."""
    client = provider.new_client()
    connection = connected(provider, client, scopes=scopes[:1])

    statuses = [status_of(connection, provider.api_url + path) for path in ("/read", "/write")]

    assert [200, 403] == statuses
    assert 1 == provider.counts(client)["token"]


def test_a_scope_that_is_not_the_clients(oidc_provider):
    """invalid_scope comes back typed."""
    client = oidc_provider.new_client(scope="api:read")

    error = error_of(connected(oidc_provider, client, scopes=["api:write"]))

    assert ("invalid_scope", 400) == (error.error, error.status)


# ---- https


def https_engine(client, **settings):
    return Engine(inputs=inputs_of(client), sources=[], proxy="none", **settings)


def test_https_with_a_private_authority(oidc_provider):
    """With the authority's file as `ca`, token and API are had over https."""
    secure = oidc_provider.over_https()
    client = secure.new_client()
    connection = connected(secure, client, run=https_engine(client, ca=secure.ca))

    with connection.client() as http:
        answer = http.get(secure.api_url + "/me")

    assert (200, client.client_id) == (answer.status_code, answer.json()["client_id"])
    assert secure.token_url.startswith("https://")


def test_https_with_an_unknown_authority(oidc_provider):
    """The twin: without `ca` there is a typed error, and the server sees no request."""
    secure = oidc_provider.over_https()
    client = secure.new_client()

    with pytest.raises(TlsFailure) as caught:
        token_of(connected(secure, client, run=https_engine(client)))

    assert "plain-secret" not in str(caught.value)
    assert 0 == secure.counts(client)["token"]


# ---- early ends


def test_a_token_that_ends_early_is_renewed_once(oidc_provider):
    """The server ends a token before its time: 401, one renewal, 200; the caller sees the 200 alone."""
    client = oidc_provider.new_client()
    connection = connected(oidc_provider, client)
    status_of(connection, oidc_provider.api_url + "/me")

    oidc_provider.kill(client)
    status = status_of(connection, oidc_provider.api_url + "/me")

    assert 200 == status
    assert {"token": 2, "granted": 2, "api": 3, "api_200": 2, "api_401": 1} == oidc_provider.counts(client)


def test_django_with_challenges_is_renewed_too(django_provider):
    """The same at django-oauth-toolkit's API with challenges."""
    client = django_provider.new_client()
    connection = connected(django_provider, client)
    url = django_provider.challenged_api_url + "/me"
    status_of(connection, url)

    django_provider.kill(client)

    assert 200 == status_of(connection, url)
    assert {"token": 2, "granted": 2, "api": 3, "api_200": 2, "api_401": 1} == django_provider.counts(client)


@pytest.mark.parametrize(
    ("rule", "status", "tokens"),
    [({"rejected_when": [{"status": [403]}]}, 200, 2), ({}, 403, 1)],
    ids=["with the rule", "without"],
)
def test_djangos_bare_403(django_provider, rule, status, tokens):
    """Where an ended token is a 403 without a word, `rejected_when` renews it; without the rule the 403 stays."""
    client = django_provider.new_client()
    connection = connected(django_provider, client, **rule)
    first = status_of(connection, django_provider.api_url + "/me")

    django_provider.kill(client)
    second = status_of(connection, django_provider.api_url + "/me")

    assert (200, status) == (first, second)
    assert tokens == django_provider.counts(client)["token"]


def test_a_token_that_expires_in_real_time(provider):
    """After the lifetime the server stated, a new token is got before the API could refuse the old one."""
    client = provider.new_client(ttl=2)
    connection = connected(provider, client, refresh_before=0)
    first = status_of(connection, provider.api_url + "/me")

    time.sleep(2.1)
    second = status_of(connection, provider.api_url + "/me")

    assert (200, 200) == (first, second)
    assert {"token": 2, "granted": 2, "api": 2, "api_200": 2} == provider.counts(client)


# ---- a vendor's grant, and refresh


def api_url(provider):
    return provider.api_url + "/me"


def targets(provider, client):
    """Where the token requests went: the grant to token_url, a refresh to refresh_url."""
    return [seen.target for seen in provider.seen(client, kind="token")]


@pytest.fixture
def clock():
    return Clock()


def refresh_token_of(connection):
    return token_of(connection).refresh_token.reveal()


@pytest.mark.parametrize("rotate", [True, False], ids=["rotated", "kept"])
def test_an_expired_token_is_refreshed(oidc_provider, clock, rotate):
    """Expired: the refresh token goes to refresh_url, three times over; a rotated one is stored, so none is used twice."""
    client = vendor_client(oidc_provider, rotate=rotate)
    connection = vendor(oidc_provider, client, engine(clock=clock))
    held = [refresh_token_of(connection)]

    for _ in range(3):
        clock.ahead += 700
        oidc_provider.kill(client)
        assert 200 == status_of(connection, api_url(oidc_provider))
        held.append(refresh_token_of(connection))

    assert ["/token", "/token?refresh", "/token?refresh", "/token?refresh"] == targets(oidc_provider, client)
    assert {"token": 4, "granted": 4, "api": 3, "api_200": 3} == oidc_provider.counts(client)
    assert (4 if rotate else 1) == len(set(held))


def test_a_refresh_presents_the_token_that_is_held(oidc_provider, clock):
    """Each refresh carries the refresh token of the answer before it, and nothing of the grant's name."""
    client = vendor_client(oidc_provider)
    connection = vendor(oidc_provider, client, engine(clock=clock))
    held = []

    for _ in range(3):
        held.append(refresh_token_of(connection))
        clock.ahead += 700

    sent = [dict(parse_qsl(seen.body)) for seen in oidc_provider.seen(client, kind="token")]
    assert ["account_credentials", "refresh_token", "refresh_token"] == [body["grant_type"] for body in sent]
    assert held[:2] == [body["refresh_token"] for body in sent[1:]]


def test_a_refused_token_is_refreshed_not_granted(oidc_provider):
    """Ended early: the API's 401 leads to a refresh, and the renewed token is accepted."""
    client = vendor_client(oidc_provider)
    connection = vendor(oidc_provider, client)
    status_of(connection, api_url(oidc_provider))

    oidc_provider.kill(client)
    status = status_of(connection, api_url(oidc_provider))

    assert 200 == status
    assert ["/token", "/token?refresh"] == targets(oidc_provider, client)
    assert {"token": 2, "granted": 2, "api": 3, "api_200": 2, "api_401": 1} == oidc_provider.counts(client)


def test_a_refresh_token_that_ended_gives_way_to_the_grant(oidc_provider, clock):
    """The server ended the refresh token as well: one invalid_grant, then the grant again, which nobody has to consent to."""
    client = vendor_client(oidc_provider)
    connection = vendor(oidc_provider, client, engine(clock=clock))
    status_of(connection, api_url(oidc_provider))

    oidc_provider.kill(client, refresh=True)
    clock.ahead += 700
    status = status_of(connection, api_url(oidc_provider))

    assert 200 == status
    assert ["/token", "/token?refresh", "/token"] == targets(oidc_provider, client)
    assert {"token": 3, "granted": 2, "invalid_grant": 1, "api": 2, "api_200": 2} == oidc_provider.counts(client)


def test_a_lost_answer_of_a_refresh_gives_way_to_the_grant(oidc_provider, clock):
    """The server rotated, but its answer never came: the spent refresh token is not presented again; the grant is used."""
    client = vendor_client(oidc_provider)
    connection = vendor(oidc_provider, client, engine(clock=clock))
    status_of(connection, api_url(oidc_provider))

    oidc_provider.lose(client)
    clock.ahead += 700
    status = status_of(connection, api_url(oidc_provider))

    assert 200 == status
    assert ["/token", "/token?refresh", "/token"] == targets(oidc_provider, client)
    assert 0 == oidc_provider.counts(client)["invalid_grant"]


def test_refresh_with_grant_never_refreshes(oidc_provider, clock):
    """`refresh_with: grant` leaves the refresh token alone, though the server gave one."""
    client = vendor_client(oidc_provider)
    connection = vendor(oidc_provider, client, engine(clock=clock), refresh_with="grant", refresh_url=None)
    token_of(connection)

    clock.ahead += 700
    token_of(connection)

    assert ["/token", "/token"] == targets(oidc_provider, client)


def test_an_account_that_the_vendor_does_not_know(oidc_provider):
    """The vendor's own refusal is typed: invalid_grant."""
    client = vendor_client(oidc_provider)

    error = error_of(vendor(oidc_provider, client, account="unknown"))

    assert ("invalid_grant", 400) == (error.error, error.status)
    assert 1 == oidc_provider.counts(client)["token"]
