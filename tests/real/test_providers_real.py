"""What real identity providers do that an honest test server would not: odd secrets, slow answers, rotation, bare refusals."""

from __future__ import annotations

import time

import httpx
import pytest

from authweave.errors import DeadlineExceeded, TokenEndpointError
from identities import connected, inputs_of
from parts.identity import PASSWORD, USERNAME
from services import Clock, engine, oauth, profile

OIDC, DJANGO, RAW = "oidc_provider", "django_provider", "raw_basic_provider"
SCOPES = {OIDC: "api:read", RAW: "api:read", DJANGO: "read"}


@pytest.fixture
def provider(request):
    """The identity provider of that name."""
    return request.getfixturevalue(request.param)


def token_of(connection):
    return connection.token().result(20)


def get(connection, url):
    with httpx.Client(auth=connection.auth, trust_env=False) as client:
        return client.get(url)


@pytest.mark.parametrize("provider", [OIDC, DJANGO], indirect=True)
@pytest.mark.parametrize("secret", ["a+b c", "100%", "%41", "colon:in:secret", "~!*'()", "a&b=c?d#e", "x" * 200])
def test_any_secret_form_encoded(provider, secret):
    """Servers that form-decode (RFC 6749 §2.3.1) read every secret back."""
    client = provider.new_client(client_secret=secret)

    assert token_of(connected(provider, client)).access_token
    assert 1 == provider.counts(client)["granted"]


@pytest.mark.parametrize("provider", [RAW], indirect=True)
@pytest.mark.parametrize("secret", ["a+b c", "100%", "%41", "~!*'()", "a&b=c?d#e", "x" * 200])
def test_any_secret_raw(provider, secret):
    """A server that takes Basic as it is reads every secret back, by `basic_encoding: raw` alone."""
    client = provider.new_client(client_secret=secret)

    assert token_of(connected(provider, client, basic_encoding="raw")).access_token


@pytest.mark.parametrize("provider", [OIDC, DJANGO, RAW], indirect=True)
def test_an_unknown_client(provider):
    """An id that nobody knows is refused by each server in words that end as `invalid_client`."""
    client = provider.new_client()
    made = profile(oauth(provider.token_url), provider.origin)
    with pytest.raises(TokenEndpointError) as caught:
        token_of(engine().connect(made, inputs={**inputs_of(client), "client_id": "nobody-knows"}))

    assert "invalid_client" == caught.value.error
    assert (None, None) == (caught.value.__cause__, caught.value.__context__)


@pytest.mark.parametrize("provider", [OIDC, DJANGO, RAW], indirect=True)
def test_a_narrow_token_is_forbidden_and_not_renewed(request, provider):
    """The API wants another scope: each server says so in its own way, and no new token is asked for."""
    scope = SCOPES[request.node.callspec.params["provider"]]
    client = provider.new_client(**({} if scope == "read" else {"scope": "api:read api:write"}))
    response = get(connected(provider, client, scopes=scope), f"{provider.api_url}/write")

    assert (403, "forbidden") == (response.status_code, response.extensions["authweave"].verdict)
    assert 1 == provider.counts(client)["token"]


def test_rotation_of_another_author(django_provider):
    """django-oauth-toolkit: refresh tokens that rotate, without a grace period: each is presented once, none is refused."""
    client = django_provider.new_client(grant_types=("password", "refresh_token"))
    fields = [{"key": "username", "value": USERNAME}, {"key": "password", "value": "{{ inputs.user_password }}"}]
    auth = oauth(
        django_provider.token_url, grant_type={"vendor": "password"}, token_request={"fields": fields},
        refresh_request={"omit": ["username", "password"]},
    )  # fmt: skip
    run = engine(clock=Clock())
    made = profile(auth, django_provider.origin, inputs={"client_id": {}, "client_secret": {"secret": True}, "user_password": {"secret": True}})
    connection = run.connect(made, inputs=inputs_of(client, user_password=PASSWORD))
    for _ in range(4):
        assert 200 == get(connection, f"{django_provider.api_url}/me").status_code
        run.clock.ahead += 601

    bodies = [seen.body for seen in django_provider.seen(client, kind="token")]
    assert [False, True, True, True] == ["grant_type=refresh_token" in body for body in bodies]
    assert 4 == len(set(bodies))
    assert (4, 0) == (django_provider.counts(client)["granted"], django_provider.counts(client)["invalid_grant"])


def test_a_slow_server_holds_nobody_beyond_the_deadline(oidc_provider):
    """The server acts and answers too late: the deadline, not the answer; afterwards all is well again."""
    client = oidc_provider.new_client(delay=4)
    start = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        token_of(connected(oidc_provider, client, engine(settings={"deadline": 1.0})))
    assert 0.9 < time.monotonic() - start < 3.5

    quick = oidc_provider.new_client(client_id=client.client_id, client_secret=client.client_secret)
    assert 200 == get(connected(oidc_provider, quick), f"{oidc_provider.api_url}/me").status_code


def test_many_early_ends_in_a_row(oidc_provider):
    """A token that the server ends again and again: every request gets through, each end costs one renewal, no pause."""
    client = oidc_provider.new_client()
    connection = connected(oidc_provider, client)
    with httpx.Client(auth=connection.auth, trust_env=False) as http:
        for _ in range(8):
            assert 200 == http.get(f"{oidc_provider.api_url}/me").status_code
            oidc_provider.kill(client)
        assert 200 == http.get(f"{oidc_provider.api_url}/me").status_code

    counts = oidc_provider.counts(client)
    assert (9, 9, 8) == (counts["token"], counts["api_200"], counts["api_401"])
