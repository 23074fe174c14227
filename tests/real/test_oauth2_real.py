"""Tokens from real identity providers: oidc-provider, django-oauth-toolkit, and one that wants Basic raw."""

from __future__ import annotations

import httpx
import pytest

from authweave.engine import Engine
from authweave.errors import InvalidInput, TlsFailure, TokenEndpointError
from authweave.values import TaskRequest
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


def inputs_of(client, **more):
    return {"client_id": client.client_id, "client_secret": client.client_secret, **more}


def connected(provider, client, run=None, more=None, **auth):
    """A connection for this client, to the provider's own APIs."""
    return connect(oauth(provider.token_url, **auth), provider.origin, run=run or engine(), inputs=inputs_of(client), **(more or {}))


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
