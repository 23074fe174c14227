"""OAuth 1.0 signatures by RFC 5849's examples and those of others who implement it."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from authweave.proofs.oauth1 import (
    METHODS,
    BadKey,
    authorization,
    base_string,
    base_string_uri,
    form_parameters,
    protocol_parameters,
    rsa_key,
    signature,
    written,
)
from parts.vectors import load

VECTORS = load("rfc5849_oauth1.json")


def _pem(field, label):
    text = VECTORS[field].removeprefix("base64 DER: ")
    return f"-----BEGIN {label}-----\n{text}\n-----END {label}-----\n"


def _secret(vector):
    if not vector["signature_method"].startswith("RSA"):
        return vector["consumer_secret"]
    if vector["id"].startswith("oauthlib"):
        return rsa_key(_pem("oauthlib_rsa_private_key_pem", "RSA PRIVATE KEY"))
    return rsa_key(_pem("rsa_private_key_pkcs8_b64", "PRIVATE KEY"))


RSA_512 = """-----BEGIN PRIVATE KEY-----
MIIBVAIBADANBgkqhkiG9w0BAQEFAASCAT4wggE6AgEAAkEA4ZnyrPaZdOdleHTk
PML1aK1ZiMN2SQ1ncrF8x+tms+Rc+NuDjgGw4wSh0upOtg6HWQuYtLoMMA/xWvMT
mX1ycwIDAQABAkBGu8H+wQK0SKjj76Jv+qB/RXrBCqfXl8BLkaKR/BijZetQ/4XY
GdkX3G84TmHLXik1mi1bPMgGcYf6XjVBwKchAiEA//LhKJqqCgtEAIQIe+EzDDiQ
5Mn9ajGf0k4RK9+OAC8CIQDhpYND4cEvt4pSaSy/n5W0lstMV9kMM3FJgrbAzlf8
/QIgDnIz+Sm5nTWDkg/htrRAQFlU/ETWU88XOTSEzZghmKsCIFaqLj9dLsi38r1y
Pcifb2072XtJ5kgkXeeA99YXqn21AiEAsugCy8+mgz3cgSUhO0gzVa8XOJ6NjPID
Y9+Cybrarc0=
-----END PRIVATE KEY-----
"""  # no library makes one any more


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: vector["id"])
def test_published_signatures(vector):
    """Base string and signature of every case, by all seven methods."""
    query = vector["url"].partition("?")[2]
    parameters = [*form_parameters(query), *form_parameters(vector["body"]), *vector["oauth"].items()]

    base = base_string(vector["method"], base_string_uri(vector["url"]), parameters)

    assert base == vector["base_string"]
    assert signature(vector["signature_method"], base, _secret(vector), vector["token_secret"]) == vector["signature"]


def test_the_misprint_of_the_rfc():
    """RFC 5849 §3.1 prints a signature that is not that of its own example."""
    [misprint] = VECTORS["negative"]
    [vector] = [vector for vector in VECTORS["vectors"] if vector["id"] == "rfc5849-3.4.1-basestring"]

    assert signature("HMAC-SHA1", vector["base_string"], vector["consumer_secret"], vector["token_secret"]) == misprint["recomputed"] != misprint["printed"]


@pytest.mark.parametrize("case", VECTORS["base_uris"], ids=lambda case: case["url"])
def test_base_string_uris(case):
    """Lower case, no usual port, `/` for no path: RFC 5849 §3.4.1.2."""
    assert base_string_uri(case["url"]) == case["base_uri"]


@pytest.mark.parametrize(
    ("url", "host", "uri"),
    [
        ("https://a.example/x;/y;", None, "https://a.example/x;/y;"),
        ("https://a.example:443/x", "b.example:8443", "https://b.example:8443/x"),
        ("https://[2001:DB8::1]:443/", None, "https://[2001:db8::1]/"),
        ("https://a.example:4430/", None, "https://a.example:4430/"),
        ("https://a.example//x//", None, "https://a.example//x//"),
    ],
)
def test_odd_base_string_uris(url, host, uri):
    """The path counts as it is sent, and the host is the one of the field Host."""
    assert base_string_uri(url, host) == uri


@pytest.mark.parametrize(
    ("query", "normal"),
    [
        ("a=b+c", "a=b%20c"),
        ("a[]=1&a[]=0", "a%5B%5D=0&a%5B%5D=1"),
        ("q=\"x\"|y", "q=%22x%22%7Cy"),
        ("k=%ff", "k=%FF"),
        ("empty=&x", "empty=&x="),
        ("a=1;b=2", "a=1%3Bb%3D2"),
        ("t=~%7E", "t=~~"),
        ("a=b=c", "a=b%3Dc"),
    ],
)
def test_odd_queries(query, normal):
    """Queries that clients send and oauthlib refuses; bytes beyond UTF-8 come through."""
    *_, parameters = base_string("GET", "https://a.example/", form_parameters(query)).split("&")

    assert parameters == normal.replace("%", "%25").replace("=", "%3D").replace("&", "%26")


def test_two_legged_parameters():
    """Without a token there is no `oauth_token`, and the base string ends its key with `&`."""
    names = [name for name, _ in protocol_parameters("ck", "HMAC-SHA1", now=1.9, nonce="n")]

    assert names == ["oauth_consumer_key", "oauth_signature_method", "oauth_timestamp", "oauth_nonce", "oauth_version"]


def test_steps_of_sign_in_add_their_own():
    """`oauth_callback` and `oauth_verifier` are protocol parameters, too."""
    pairs = protocol_parameters("ck", "HMAC-SHA1", token="t", now=1, nonce="n", verifier="v/1", callback="")

    assert ("oauth_verifier", "v/1") in pairs
    assert "oauth_callback" not in dict(pairs)


def test_three_ways_to_send():
    """Values are escaped everywhere; the realm of the header is a quoted string."""
    pairs = [("oauth_token", "a/b c"), ("oauth_signature", "x+y=")]

    assert authorization(pairs, 'a"b\\c d') == 'OAuth realm="a\\"b\\\\c d", oauth_token="a%2Fb%20c", oauth_signature="x%2By%3D"'
    assert authorization(pairs) == 'OAuth oauth_token="a%2Fb%20c", oauth_signature="x%2By%3D"'
    assert written(pairs) == "oauth_token=a%2Fb%20c&oauth_signature=x%2By%3D"


def _other_keys():
    curve = generate_private_key(SECP256R1())
    rsa = load_der_private_key(base64.b64decode(VECTORS["rsa_private_key_pkcs8_b64"]), password=None)
    pkcs8 = (Encoding.PEM, PrivateFormat.PKCS8)
    return {
        "of another kind": curve.private_bytes(*pkcs8, NoEncryption()).decode(),
        "encrypted": rsa.private_bytes(*pkcs8, BestAvailableEncryption(b"x")).decode(),
        "public key": rsa.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        "certificate": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        "no RSA private key": "kd94hf93k423kf44",
    }


@pytest.mark.parametrize(("words", "pem"), _other_keys().items(), ids=lambda value: value.replace(" ", "-") if len(value) < 20 else "")
def test_wrong_keys_are_told(words, pem):
    """What is no RSA private key is refused, with what would be right and nothing of the key."""
    with pytest.raises(BadKey, match=words) as caught:
        rsa_key(pem)

    assert pem.strip().splitlines()[min(1, len(pem.strip().splitlines()) - 1)] not in str(caught.value)


def test_a_short_rsa_key_is_refused():
    """One of 512 bits is broken in hours, and cannot hold the longer hashes."""
    with pytest.raises(BadKey, match="512 bits"):
        rsa_key(RSA_512)


def test_methods():
    """The names that a profile can write."""
    assert METHODS == ("HMAC-SHA1", "HMAC-SHA256", "HMAC-SHA512", "PLAINTEXT", "RSA-SHA1", "RSA-SHA256", "RSA-SHA512")
