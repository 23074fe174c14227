"""OAuth 1.0 at oauthlib's server side, which checks the signature over the request target as it came, time and nonce."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from authweave.errors import AuthorizationDenied, AuthorizationRequired, CallbackRefused, TokenEndpointError
from authweave.values import TaskRequest
from parts.browsing import sign_in
from parts.identity import Client
from parts.oauth1 import OAuth1Provider
from services import engine, profile

KEY, ANOTHER_KEY = (rsa.generate_private_key(65537, 2048) for _ in range(2))
PRIVATE, ANOTHER = (key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode() for key in (KEY, ANOTHER_KEY))
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
METHODS = ["HMAC-SHA1", "HMAC-SHA256", "HMAC-SHA512", "RSA-SHA1", "RSA-SHA256", "PLAINTEXT"]


def signing(method: str, **more: Any) -> dict[str, Any]:
    return {"type": "oauth1", "signature_method": method, **more}


def inputs(client: Client, method: str, **more: str) -> dict[str, str]:
    return {"consumer_key": client.client_id, "consumer_secret": PRIVATE if method.startswith("RSA") else client.client_secret, **more}


def another_secret(method: str) -> str:
    """One that the provider does not know."""
    return ANOTHER if method.startswith("RSA") else "another"


def sender(auth: dict[str, Any], provider: OAuth1Provider, **supplied: str) -> httpx.Client:
    connection = engine(inputs=supplied).connect(profile(auth, provider.origin))
    return httpx.Client(auth=connection.auth, trust_env=False)


@pytest.mark.proves("auth kind: oauth1")
@pytest.mark.parametrize("method", METHODS)
def test_three_legs(oauth1_provider: OAuth1Provider, method: str) -> None:
    """Consumer and token open the API, again and again; another secret does not, nor the request without a signature."""
    client = oauth1_provider.new_client(signature_method=method, rsa_key=PUBLIC, token=f"tok+/{method}", token_secret="t s&")
    supplied = inputs(client, method, token=f"tok+/{method}", token_secret="t s&")
    other = {**supplied, "consumer_secret": another_secret(method)}
    url = f"{oauth1_provider.api_url}/me"

    with sender(signing(method), oauth1_provider, **supplied) as right, sender(signing(method), oauth1_provider, **other) as wrong:
        good = [right.get(url, params={"q": "a b+c~", "r[]": ["2", "1"], "e": ""}), right.post(url, data={"x": "ü & =", "y": ""}), right.post(url, json={"a": 1})]
        bad = wrong.get(url)
    with sender({"type": "none"}, oauth1_provider) as unsigned:
        none = unsigned.get(url)

    assert [answer.status_code for answer in good] == [200] * 3
    assert (bad.status_code, none.status_code) == (401, 401)


@pytest.mark.parametrize("method", METHODS)
def test_two_legs(oauth1_provider: OAuth1Provider, method: str) -> None:
    """An empty token signs in the consumer's name alone."""
    client = oauth1_provider.new_client(signature_method=method, rsa_key=PUBLIC)
    auth = signing(method, token="", token_secret="")
    other = {**inputs(client, method), "consumer_secret": another_secret(method)}

    with sender(auth, oauth1_provider, **inputs(client, method)) as right, sender(auth, oauth1_provider, **other) as wrong:
        answers = [http.get(f"{oauth1_provider.two_legged_api_url}/me").status_code for http in (right, wrong)]

    assert answers == [200, 401]


@pytest.mark.parametrize("place", ["query", "payload"])
@pytest.mark.parametrize("method", ["HMAC-SHA1", "RSA-SHA1", "PLAINTEXT"])
def test_in_query_and_form(oauth1_provider: OAuth1Provider, place: str, method: str) -> None:
    """The protocol parameters may stand in the query or in a form body; the twin has another secret."""
    client = oauth1_provider.new_client(signature_method=method, rsa_key=PUBLIC, token=f"{place}-{method}", token_secret="ts")
    supplied = inputs(client, method, token=f"{place}-{method}", token_secret="ts")
    auth = signing(method, signature_in=place)

    with sender(auth, oauth1_provider, **supplied) as http:
        answer = http.post(f"{oauth1_provider.api_url}/me?a=1&b=x+y", data={"status": "Hello, ü + &"})
    with sender(auth, oauth1_provider, **{**supplied, "token": "other"}) as http:
        refused = http.post(f"{oauth1_provider.api_url}/me?a=1", data={"status": "x"})

    assert (answer.status_code, refused.status_code) == (200, 401)
    assert "authorization" not in answer.request.headers


def test_a_realm(oauth1_provider: OAuth1Provider) -> None:
    """NetSuite's way: an account in the realm, HMAC-SHA256. Without the realm it is refused."""
    client = oauth1_provider.new_client(signature_method="HMAC-SHA256", realm="1234567_SB1", token="of-account", token_secret="ts")
    supplied = inputs(client, "HMAC", token="of-account", token_secret="ts")
    url = f"{oauth1_provider.api_url}/me"

    with sender(signing("HMAC-SHA256", realm="1234567_SB1"), oauth1_provider, **supplied) as right:
        good = right.get(url)
    with sender(signing("HMAC-SHA256"), oauth1_provider, **supplied) as wrong:
        bad = wrong.get(url)

    assert (good.status_code, bad.status_code, bad.text) == (200, 401, "problem=realm")


def test_another_method_than_agreed(oauth1_provider: OAuth1Provider) -> None:
    """The same secrets, signed in another way, are refused."""
    client = oauth1_provider.new_client(signature_method="HMAC-SHA1", token="sha1-only", token_secret="ts")
    supplied = inputs(client, "HMAC", token="sha1-only", token_secret="ts")

    answers = []
    for method in ("HMAC-SHA1", "HMAC-SHA256"):
        with sender(signing(method), oauth1_provider, **supplied) as http:
            answers.append(http.get(f"{oauth1_provider.api_url}/me").status_code)

    assert answers == [200, 401]


BACK = "http://127.0.0.1:7777/callback?from=acme"


def signing_in(provider: OAuth1Provider, **more: Any) -> dict[str, Any]:
    return signing(
        "HMAC-SHA256", request_token_url=provider.request_token_url, authorization_url=provider.authorization_url,
        access_token_url=provider.access_token_url, redirect_uri=BACK, **more,
    )  # fmt: skip


@pytest.mark.proves("auth kind: oauth1")
def test_a_person_signs_in(oauth1_provider: OAuth1Provider) -> None:
    """Temporary credentials, a person who allows it, and a token that opens the API; the redirect is sent letter for letter."""
    client = oauth1_provider.new_client(callbacks=[BACK])
    connection = engine(inputs=inputs(client, "HMAC")).connect(profile(signing_in(oauth1_provider), oauth1_provider.origin))
    url = f"{oauth1_provider.api_url}/me"

    with pytest.raises(AuthorizationRequired) as required:
        connection.authorize(TaskRequest("GET", url)).result(10)
    link = required.value.authorization.url
    again = connection.begin_authorization(redirect_uri=BACK).result(10)
    token = connection.complete_authorization(sign_in(link)).result(10)
    with httpx.Client(auth=connection.auth, trust_env=False) as http:
        answers = [http.get(url).status_code for _ in range(2)]

    assert link == again.url
    assert link.startswith(f"{oauth1_provider.authorization_url}?oauth_token=")
    assert set(token.kept) == {"token_secret"}
    assert answers == [200, 200]


def test_another_process_completes(oauth1_provider: OAuth1Provider, tmp_path: Path) -> None:
    """The answer names its sign-in by the temporary token: an engine on the same store finds it, once."""
    client = oauth1_provider.new_client()
    store, key = f"sqlite:///{tmp_path}/tokens.db", tmp_path / "key"
    key.touch(0o600)
    key.write_text(base64.b64encode(os.urandom(32)).decode())
    at = tmp_path / "acme.json"
    at.write_text(json.dumps({"format": 1, "name": "acme", "identity_provider": "Acme", "servers": [oauth1_provider.origin], "auth": signing_in(oauth1_provider)}))
    settings = {"store": store, "profiles": [str(tmp_path)], "store_key": str(key)}
    supplied = inputs(client, "HMAC")

    with engine(inputs=supplied, settings=settings) as first:
        begun = first.connect("acme").begin_authorization().result(10)
    answer = sign_in(begun.url)
    with engine(inputs=supplied, settings=settings) as second:
        second.complete_authorization(answer).result(10)
        with pytest.raises(CallbackRefused) as used:
            second.complete_authorization(answer).result(10)
    with engine(inputs=supplied, settings=settings) as third, httpx.Client(auth=third.connect("acme").auth, trust_env=False) as http:
        status = http.get(f"{oauth1_provider.api_url}/me").status_code

    assert used.value.reason == "used"
    assert status == 200


@pytest.mark.parametrize("change", ["verifier", "token", "missing", "denied"])
def test_answers_that_are_refused(oauth1_provider: OAuth1Provider, change: str) -> None:
    """Another verifier is refused by the provider; another token, none, and a person's no are told by what they are."""
    client = oauth1_provider.new_client()
    connection = engine(inputs=inputs(client, "HMAC")).connect(profile(signing_in(oauth1_provider), oauth1_provider.origin))
    answer = dict(parse_qsl(urlsplit(sign_in(connection.begin_authorization().result(10).url)).query))
    changed, error = {
        "verifier": ({**answer, "oauth_verifier": "guessed"}, TokenEndpointError),
        "token": ({**answer, "oauth_token": "of-somebody-else"}, CallbackRefused),
        "missing": ({"from": "acme"}, CallbackRefused),
        "denied": ({"denied": answer["oauth_token"]}, AuthorizationDenied),
    }[change]

    with pytest.raises(error):
        connection.complete_authorization(changed).result(10)


def test_a_consumer_that_the_provider_does_not_know(oauth1_provider: OAuth1Provider) -> None:
    """The request for temporary credentials is signed, too: with another secret it is refused, in the provider's words."""
    client = oauth1_provider.new_client()
    wrong = {**inputs(client, "HMAC"), "consumer_secret": "another"}

    with pytest.raises(TokenEndpointError, match="request_token"):
        engine(inputs=wrong).connect(profile(signing_in(oauth1_provider), oauth1_provider.origin)).begin_authorization().result(10)
