"""OAuth 1.0 at oauthlib's server side, which checks the signature over the request target as it came, time and nonce."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

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
