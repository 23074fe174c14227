"""DPoP (RFC 9449) at oidc-provider, whose own code judges every proof: at its token endpoint and before its API."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import joserfc.jwk
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from authweave.errors import SignInNeeded, TokenAnswerError, TokenEndpointError
from authweave.proofs.dpop import key_thumbprint
from authweave.values import TaskRequest, TaskResponse
from identities import ACCOUNT, connected, inputs_of, vendor_client
from parts.browsing import sign_in
from services import Clock, engine, oauth, profile

BOUND = {"dpop_bound_access_tokens": True}


def keeping(connection):
    """An ordinary client with the connection's `auth`, and the requests it really sent."""
    sent: list[httpx.Request] = []
    return httpx.Client(auth=connection.auth, trust_env=False, event_hooks={"request": [sent.append]}), sent


def claims(proof):
    part = proof.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@pytest.mark.parametrize("nonce", [False, True])
def test_a_bound_token_opens_the_api(oidc_provider, nonce):
    """One token for many requests, each with a proof of its own; nonces of both servers are answered once and then known."""
    client = oidc_provider.new_client(**BOUND, dpop_nonce=nonce)
    connection = connected(oidc_provider, client, dpop=True)
    http, _ = keeping(connection)

    with http:
        answers = [http.get(oidc_provider.api_url + "/me"), http.get(oidc_provider.api_url + "/me?x=1"), http.post(oidc_provider.api_url + "/me", json={"a": 1})]

    counts = oidc_provider.counts(client)
    assert [200, 200, 200] == [answer.status_code for answer in answers]
    assert ["accepted"] * 3 == [answer.extensions["authweave"].verdict for answer in answers]
    assert (1, 2 if nonce else 1) == (counts["granted"], counts["token"])
    assert (3, 1 if nonce else 0) == (counts["api_200"], counts["api_401"])


@pytest.mark.parametrize("door", ["bearer", "no dpop"])
def test_without_dpop_the_same_server_refuses(oidc_provider, door):
    """The negative twin: the same profile without `dpop`, and one that sends the bound token as Bearer."""
    client = oidc_provider.new_client(**BOUND)
    if door == "no dpop":
        with pytest.raises(TokenEndpointError) as caught:
            connected(oidc_provider, client).token().result(20)
        assert "invalid_grant" == caught.value.error
        return
    token = connected(oidc_provider, client, dpop=True).token().result(20)

    answer = httpx.get(oidc_provider.api_url + "/me", headers={"Authorization": f"Bearer {token.access_token.reveal()}"}, trust_env=False)

    assert 401 == answer.status_code


def test_a_thief_of_the_token_has_nothing(oidc_provider):
    """The token with a proof of another key is refused: it is the key that opens the API."""
    client = oidc_provider.new_client(**BOUND)
    mine, other = connected(oidc_provider, client, dpop=True), connected(oidc_provider, client, engine(), dpop=True)
    stolen, own = mine.token().result(20), other.token().result(20)
    url = oidc_provider.api_url + "/me"
    proof = other.authorize(TaskRequest("GET", url)).result(20).header("DPoP")

    answers = [
        httpx.get(url, headers={"Authorization": f"DPoP {token.access_token.reveal()}", "DPoP": proof}, trust_env=False) for token in (stolen, own)
    ]

    assert [401, 200] == [answer.status_code for answer in answers]
    assert key_thumbprint(stolen.proof_key) != key_thumbprint(own.proof_key)


def test_the_doors_that_do_not_send(oidc_provider):
    """`authorize` and `handle_response`: a nonce that is asked for is answered with another proof of the same token."""
    client = oidc_provider.new_client(**BOUND, dpop_nonce=True)
    connection = connected(oidc_provider, client, dpop=True)
    first = connection.authorize(TaskRequest("GET", oidc_provider.api_url + "/me")).result(20)

    refused = sent(first)
    again = connection.handle_response(first, refused).result(20)
    accepted = sent(again.request)

    assert (401, "send_again", 200) == (refused.status, again.verdict, accepted.status)
    assert first.header("Authorization") == again.request.header("Authorization")
    assert claims(first.header("DPoP"))["jti"] != claims(again.request.header("DPoP"))["jti"]
    assert "accepted" == connection.handle_response(again.request, accepted).result(20).verdict


def sent(request):
    answer = httpx.request(request.method, request.url, headers=list(request.headers), content=request.body, trust_env=False)
    return TaskResponse(answer.status_code, tuple(answer.headers.multi_items()), answer.content)


@pytest.mark.parametrize("client_auth", ["client_secret_basic", "none"])
def test_a_refresh_is_proved_with_the_same_key(oidc_provider, client_auth):
    """RFC 9449 §5: the refresh token of a public client is bound to the key, and the new token has the same one."""
    client = vendor_client(oidc_provider, **BOUND, ttl=60, client_auth=client_auth)
    clock = Clock()
    connection = account(oidc_provider, client, engine(clock=clock), client_auth=client_auth)

    before = connection.token().result(20)
    clock.ahead = 61
    after = connection.token().result(20)

    assert before.access_token.reveal() != after.access_token.reveal()
    assert key_thumbprint(before.proof_key) == key_thumbprint(after.proof_key)
    assert (2, 0) == (oidc_provider.counts(client)["granted"], oidc_provider.counts(client)["invalid_grant"])


def test_the_refresh_token_of_a_public_client_is_of_no_use_without_its_key(oidc_provider):
    """The negative twin: the same refresh with another key is refused."""
    client = vendor_client(oidc_provider, **BOUND, client_auth="none")
    token = account(oidc_provider, client, engine(), client_auth="none").token().result(20)
    made = profile(oauth(oidc_provider.token_url, dpop=True, client_auth="none", grant_type="refresh_token"), oidc_provider.origin)
    stranger = engine(inputs={"client_id": client.client_id, "refresh_token": token.refresh_token.reveal()}).connect(made)

    with pytest.raises(SignInNeeded, match="invalid_grant"):
        stranger.token().result(20)


def account(provider, client, run, *, client_auth):
    """A connection by the provider's vendor grant, which gives refresh tokens."""
    how = {"grant_type": "account_credentials", "token_request": {"fields": [ACCOUNT]}, "client_auth": client_auth, "dpop": True}
    made = profile(oauth(provider.token_url, **how), provider.origin, inputs={"account_id": {}})
    return run.connect(made, inputs={"client_id": client.client_id, "account_id": "7", **({} if client_auth == "none" else {"client_secret": client.client_secret})})


WORKER = """
import json, sys, httpx

from authweave.engine import Engine
from authweave.loading import loads
from authweave.settings import Settings
from authweave.wire import Wire
said = json.load(sys.stdin)
settings = Settings.load({"sources": [], "store": said["store"], "store_key": said["key"]}, env={})
with Engine(wire=Wire(environ={}, proxy=""), inputs=said["inputs"], settings=settings) as run:
    connection = run.connect(loads(said["profile"], "acme.json"))
    with httpx.Client(auth=connection.auth, trust_env=False) as http:
        print(http.get(said["url"]).status_code, connection.token().result(20).proof_key.mark is not None)
"""


def test_one_token_and_one_key_for_many_processes(oidc_provider, tmp_path: Path):
    """The key is kept with the token: workers that never asked for it sign with it, and nobody gets another token."""
    client = oidc_provider.new_client(**BOUND, dpop_nonce=True)
    text = json.dumps({
        "format": 1, "name": "acme", "identity_provider": "Acme", "servers": [oidc_provider.origin],
        "auth": {"type": "oauth2", "grant_type": "client_credentials", "token_url": oidc_provider.token_url, "dpop": True},
    })  # fmt: skip
    key = tmp_path / "store.key"
    key.touch(mode=0o600)
    key.write_bytes(base64.b64encode(os.urandom(32)))
    said = json.dumps({
        "store": f"sqlite://{tmp_path}/tokens.db", "key": str(key), "inputs": inputs_of(client), "profile": text,
        "url": oidc_provider.api_url + "/me",
    })  # fmt: skip

    answers = []
    for _ in range(3):
        worker = subprocess.run([sys.executable, "-c", WORKER], input=said, capture_output=True, text=True, timeout=60, check=False)
        answers.append((worker.stdout.strip(), worker.stderr))

    assert [("200 True", "")] * 3 == answers
    assert 1 == oidc_provider.counts(client)["granted"]
    assert b"P-256" not in (tmp_path / "tokens.db").read_bytes()


def test_a_server_that_binds_nothing_is_told_of(django_provider):
    """A Bearer token for a request with a proof is an error that says so: it would be worth more to a thief than was asked for."""
    connection = connected(django_provider, django_provider.new_client(), dpop=True)

    with pytest.raises(TokenAnswerError, match="the token is Bearer, although the request proved a key") as caught:
        connection.token().result(20)

    assert "token_not_bound" == caught.value.kind


def test_a_stored_token_without_its_key_is_not_used(oidc_provider):
    """A profile that turns `dpop` on gets another token: the one of yesterday is bound to nothing."""
    client = oidc_provider.new_client()
    run = engine()
    plain = connected(oidc_provider, client, run).token().result(20)

    bound = connected(oidc_provider, client, run, dpop=True).token().result(20)
    plain_again = connected(oidc_provider, client, run).token().result(20)

    assert (None, "DPoP", "Bearer") == (plain.proof_key, bound.token_type, plain_again.token_type)
    assert 3 == len({token.access_token.reveal() for token in (plain, bound, plain_again)})


def test_a_person_signs_in_and_their_tokens_stay_bound(oidc_provider):
    """Code with PKCE by a public client: the refresh token is bound to the key, too (RFC 9449 §5), and each renewal proves it."""
    back = "http://127.0.0.1:7777/callback"
    client = oidc_provider.new_client(
        client_auth="none", grant_types=("authorization_code", "refresh_token"), redirect_uris=[back], ttl=60, **BOUND, dpop_nonce=True
    )
    auth = {
        "type": "oauth2", "grant_type": "authorization_code", "redirect_uri": back, "client_auth": "none", "dpop": True, "scopes": ["openid"],
        "authorization_url": oidc_provider.authorization_url, "token_url": oidc_provider.token_url,
    }  # fmt: skip
    clock = Clock()
    connection = engine(inputs={"client_id": client.client_id}, clock=clock).connect(profile(auth, oidc_provider.origin), subject="robot")

    before = connection.complete_authorization(sign_in(connection.begin_authorization().result(20).url)).result(20)
    http, _ = keeping(connection)
    with http:
        first = http.get(oidc_provider.api_url + "/me")
        clock.ahead = 61
        second = http.get(oidc_provider.api_url + "/me")
    after = connection.token().result(20)

    assert [200, 200] == [first.status_code, second.status_code]
    assert before.access_token.reveal() != after.access_token.reveal()
    assert key_thumbprint(before.proof_key) == key_thumbprint(after.proof_key)


def test_a_client_that_signs_its_assertion_too(oidc_provider):
    """`private_key_jwt` and `dpop`: two keys, one of the client and one of the token; nonces leave the assertion fresh."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    public = {**joserfc.jwk.import_key(pem, "EC").as_dict(private=False), "use": "sig"}
    client = oidc_provider.new_client(client_auth="private_key_jwt", jwks={"keys": [public]}, **BOUND, dpop_nonce=True)
    auth = oauth(oidc_provider.token_url, dpop=True, client_auth="private_key_jwt", client_assertion={"algorithm": "ES256"})
    connection = engine(inputs={"client_id": client.client_id, "signing_key": pem}).connect(profile(auth, oidc_provider.origin))
    http, _ = keeping(connection)

    with http:
        answer = http.get(oidc_provider.api_url + "/me")

    assert (200, 1) == (answer.status_code, oidc_provider.counts(client)["granted"])
    assert key_thumbprint(connection.token().result(20).proof_key) != joserfc.jwk.import_key(pem, "EC").thumbprint()
