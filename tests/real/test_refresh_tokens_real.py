"""A person's refresh token in an operator's hands, at oidc-provider: rotated, kept, spent twice, and ended."""

from __future__ import annotations

import base64
import os
from urllib.parse import parse_qsl

import httpx
import pytest

from authweave.errors import SignInNeeded, TokenEndpointError
from authweave.probe import test_profile as probe
from identities import inputs_of, vendor_client
from services import Clock, engine, oauth, profile

CONSENT = "account_credentials"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=[True, False], ids=["rotated", "kept"])
def rotate(request):
    return request.param


def seed_of(provider, client):
    """The refresh token that a consent elsewhere gave: got by nothing of authweave's."""
    asked = {"grant_type": CONSENT, "account_id": "7"}
    with httpx.Client(trust_env=False) as http:
        answer = http.post(provider.token_url, data=asked, auth=(client.client_id, client.client_secret))
    assert 200 == answer.status_code
    provider.forget(client)
    return answer.json()["refresh_token"]


def holding(provider, client, seed, run, *, version="1.0.0", secret=None, **auth):
    """A connection that holds the seed."""
    how = {"grant_type": "refresh_token", "refresh_url": f"{provider.token_url}?refresh", **auth}
    made = profile(oauth(provider.token_url, **how), provider.origin, version=version)
    more = {"client_secret": secret} if secret else {}
    return run.connect(made, inputs=inputs_of(client, refresh_token=seed, **more))


def token_of(connection):
    return connection.token().result(20)


def status_of(provider, connection):
    with httpx.Client(auth=connection.auth, trust_env=False) as http:
        return http.get(provider.api_url + "/me").status_code


def status_with(provider, token):
    """What the API says to a token as such."""
    with httpx.Client(trust_env=False) as http:
        return http.get(provider.api_url + "/me", headers={"Authorization": f"Bearer {token.access_token.reveal()}"}).status_code


def is_active(provider, client, text):
    """What introspection says (RFC 7662)."""
    with httpx.Client(trust_env=False) as http:
        answer = http.post(provider.introspection_url, data={"token": text}, auth=(client.client_id, client.client_secret))
    return answer.json()["active"]


def spent(provider, client):
    return [dict(parse_qsl(seen.body))["refresh_token"] for seen in provider.seen(client, kind="token")]


def targets(provider, client):
    return [seen.target for seen in provider.seen(client, kind="token")]


def test_the_given_one_opens_the_api_and_lives_on(oidc_provider, clock, rotate):
    """The first call is the grant with the seed, later ones are refreshes with what is stored; the provider takes each."""
    client = vendor_client(oidc_provider, rotate=rotate)
    seed = seed_of(oidc_provider, client)
    connection = holding(oidc_provider, client, seed, engine(clock=clock), scopes=["api:read"])

    statuses = []
    for _ in range(3):
        statuses.append(status_of(oidc_provider, connection))
        clock.ahead += 700

    assert [200] * 3 == statuses
    assert ["/token", "/token?refresh", "/token?refresh"] == targets(oidc_provider, client)
    assert seed == spent(oidc_provider, client)[0]
    assert (3 if rotate else 1) == len(set(spent(oidc_provider, client)))
    assert {"token": 3, "granted": 3, "api": 3, "api_200": 3} == oidc_provider.counts(client)


def test_the_store_outlives_the_process(oidc_provider, clock, tmp_path, rotate):
    """A second engine on the file goes on with the stored one: the seed is presented once in all."""
    client = vendor_client(oidc_provider, rotate=rotate)
    seed = seed_of(oidc_provider, client)
    for _ in range(3):
        with engine(clock=clock, settings=stored(tmp_path)) as run:
            assert 200 == status_of(oidc_provider, holding(oidc_provider, client, seed, run))
        clock.ahead += 700

    assert [seed] == spent(oidc_provider, client)[:1]
    assert rotate is (seed not in spent(oidc_provider, client)[1:])
    assert {"token": 3, "granted": 3, "api": 3, "api_200": 3} == oidc_provider.counts(client)


def test_a_second_engine_on_an_empty_store_has_to_sign_in(oidc_provider):
    """The seed was rotated away: invalid_grant is a typed error, told once by the server and then by the store."""
    client = vendor_client(oidc_provider)
    seed = seed_of(oidc_provider, client)
    token_of(holding(oidc_provider, client, seed, engine()))
    other = engine()

    for _ in range(3):
        with pytest.raises(SignInNeeded, match=r"reauthorize \(invalid_grant") as caught:
            token_of(holding(oidc_provider, client, seed, other))
        assert seed not in f"{caught.value} {vars(caught.value)}"

    assert {"token": 2, "granted": 1, "invalid_grant": 1} == oidc_provider.counts(client)


def test_a_rotated_client_secret_and_another_profile_version(oidc_provider, clock, tmp_path):
    """The secret and the way it is sent change, the profile becomes 1.1.0: the same stored refresh token still works."""
    client = vendor_client(oidc_provider)
    seed = seed_of(oidc_provider, client)
    with engine(clock=clock, settings=stored(tmp_path)) as run:
        first = token_of(holding(oidc_provider, client, seed, run))
    oidc_provider.new_client(client_id=client.client_id, client_secret="rotated-secret", client_auth="client_secret_post", grant_types=(CONSENT, "refresh_token"))
    clock.ahead += 700

    with engine(clock=clock, settings=stored(tmp_path)) as run:
        changed = {"version": "1.1.0", "secret": "rotated-secret", "client_auth": "client_secret_post"}
        second = token_of(holding(oidc_provider, client, seed, run, **changed))

    assert [first.refresh_token.reveal()] == spent(oidc_provider, client)
    assert 200 == status_with(oidc_provider, second)


def test_a_wrong_client_secret_costs_nobody_the_consent(oidc_provider, clock):
    """invalid_client before the refresh token is looked at: with the right secret the same one goes on."""
    client = vendor_client(oidc_provider)
    seed = seed_of(oidc_provider, client)
    run = engine(clock=clock)
    with pytest.raises(TokenEndpointError, match="invalid_client"):
        token_of(holding(oidc_provider, client, seed, run, secret="wr0ng-secret"))

    assert 200 == status_of(oidc_provider, holding(oidc_provider, client, seed, run))
    assert {"token": 2, "invalid_client": 1, "granted": 1, "api": 1, "api_200": 1} == oidc_provider.counts(client)


def test_two_people_never_meet(oidc_provider, clock, tmp_path):
    """Two consents of one client in one store, tenant and profile: each gets tokens of its own account, again and again."""
    client = vendor_client(oidc_provider)
    seeds = [seed_of(oidc_provider, client) for _ in range(2)]
    with engine(clock=clock, settings=stored(tmp_path)) as run:
        for _ in range(2):
            for seed in seeds:
                assert 200 == status_of(oidc_provider, holding(oidc_provider, client, seed, run))
            clock.ahead += 700

    assert 4 == len(set(spent(oidc_provider, client)))
    assert seeds == spent(oidc_provider, client)[:2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_processes_that_begin_together_spend_it_once(oidc_provider, tmp_path):
    """Eight processes with the seed and an empty store in common, all at once: one token request, one token for all."""
    client = vendor_client(oidc_provider, delay=0.3)
    seed = seed_of(oidc_provider, client)
    stored(tmp_path)
    ready, go = os.pipe()
    children = [forked(lambda: os.read(ready, 1) and status_in_child(oidc_provider, client, seed, tmp_path)) for _ in range(8)]
    os.write(go, b"!" * 8)

    assert [200] * 8 == [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) + 200 for child in children]
    assert {"token": 1, "granted": 1, "api": 8, "api_200": 8} == oidc_provider.counts(client)
    os.close(ready)
    os.close(go)


def forked(work):
    """A child process; its exit code is 0 if the work gave 200."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if work() == 200 else 2
        finally:
            os._exit(code)
    return child


def status_in_child(provider, client, seed, folder):
    with engine(settings=stored(folder)) as run:
        return status_of(provider, holding(provider, client, seed, run))


def test_testing_the_profile_keeps_the_consent(oidc_provider, clock):
    """Each test renews for real; the engine then goes on with what the last test was given."""
    client = vendor_client(oidc_provider)
    seed = seed_of(oidc_provider, client)
    with engine(clock=clock, inputs=inputs_of(client, refresh_token=seed)) as run:
        made = profile(oauth(oidc_provider.token_url, grant_type="refresh_token"), oidc_provider.origin, test={"request": {"url": "/api/me"}})
        reports = [probe(run, made) for _ in range(3)]

        assert [("obtained", "accepted")] * 3 == [(report.token.word, report.credential.word) for report in reports]
        assert 200 == status_of(oidc_provider, run.connect(made))
    assert 0 == oidc_provider.counts(client)["invalid_grant"]


# ---- ended


def test_ended_at_the_provider(oidc_provider, rotate):
    """RFC 7009: after it neither the API nor introspection takes the access token, nor the provider the refresh token."""
    client = vendor_client(oidc_provider, rotate=rotate)
    connection = holding(oidc_provider, client, seed_of(oidc_provider, client), engine(), revoke_request={"url": oidc_provider.revocation_url})
    token = token_of(connection)
    texts = [token.access_token.reveal(), token.refresh_token.reveal()]
    before = [status_with(oidc_provider, token), *(is_active(oidc_provider, client, text) for text in texts)]

    assert connection.revoke().result(20) is True

    assert [200, True, True] == before
    assert [401, False, False] == [status_with(oidc_provider, token), *(is_active(oidc_provider, client, text) for text in texts)]
    with pytest.raises(SignInNeeded):
        token_of(connection)


@pytest.mark.parametrize("client_auth", ["client_secret_basic", "client_secret_post"])
def test_an_access_token_alone_is_ended(oidc_provider, client_auth):
    """Client credentials have no other; the next need gets a new one, in the client's own name."""
    client = oidc_provider.new_client(client_auth=client_auth)
    auth = oauth(oidc_provider.token_url, client_auth=client_auth, revoke_request={"url": oidc_provider.revocation_url})
    connection = engine().connect(profile(auth, oidc_provider.origin), inputs=inputs_of(client))
    token = token_of(connection)

    assert connection.revoke().result(20) is True

    assert (401, 200) == (status_with(oidc_provider, token), status_of(oidc_provider, connection))
    assert 2 == oidc_provider.counts(client)["granted"]


def test_a_token_that_the_provider_does_not_know_is_ended(oidc_provider):
    """RFC 7009 §2.2: it died before; there is nothing left to do, and it is forgotten."""
    client = vendor_client(oidc_provider)
    connection = holding(oidc_provider, client, seed_of(oidc_provider, client), engine(), revoke_request={"url": oidc_provider.revocation_url})
    token_of(connection)
    oidc_provider.kill(client, refresh=True)

    assert connection.revoke().result(20) is True
    assert connection.revoke().result(20) is False


def test_a_client_that_is_refused_ends_nothing(oidc_provider):
    """invalid_client is told, the token stays and works; with the right secret it is ended."""
    client = vendor_client(oidc_provider)
    seed, run = seed_of(oidc_provider, client), engine()
    how = {"revoke_request": {"url": oidc_provider.revocation_url}}
    token = token_of(holding(oidc_provider, client, seed, run, **how))

    with pytest.raises(TokenEndpointError, match="invalid_client"):
        holding(oidc_provider, client, seed, run, secret="wr0ng-secret", **how).revoke().result(20)

    assert 200 == status_with(oidc_provider, token)
    assert holding(oidc_provider, client, seed, run, **how).revoke().result(20) is True
    assert 401 == status_with(oidc_provider, token)


def test_another_process_ends_what_the_workers_hold(oidc_provider, tmp_path):
    """As the command line does: on the store alone, without ever having had the token."""
    client = vendor_client(oidc_provider)
    seed = seed_of(oidc_provider, client)
    how = {"revoke_request": {"url": oidc_provider.revocation_url}}
    with engine(settings=stored(tmp_path)) as worker, engine(settings=stored(tmp_path)) as operator:
        held = holding(oidc_provider, client, seed, worker, **how)
        assert 200 == status_of(oidc_provider, held)

        assert holding(oidc_provider, client, seed, operator, **how).revoke().result(20) is True

        assert 401 == status_of(oidc_provider, held)
    assert 1 == oidc_provider.counts(client)["granted"]


def stored(folder):
    """Settings of a store in a file of its own, sealed."""
    key = folder / "store.key"
    if not key.exists():
        key.touch(mode=0o600)
        key.write_bytes(base64.b64encode(os.urandom(32)))
    return {"store": f"sqlite:///{folder}/tokens.db", "store_key": str(key)}
