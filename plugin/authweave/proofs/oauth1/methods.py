"""The signature methods: RFC 5849 §3.4.2 to §3.4.4, and the same with SHA-2, as NetSuite and others want it.

oauthlib makes HMAC and PLAINTEXT. For RSA it wants PyJWT, so `cryptography` signs, which it would use in the end.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_HMAC: Final[Mapping[str, str]] = {
    "HMAC-SHA1": "sign_hmac_sha1_with_client",
    "HMAC-SHA256": "sign_hmac_sha256_with_client",
    "HMAC-SHA512": "sign_hmac_sha512_with_client",
    "PLAINTEXT": "sign_plaintext_with_client",
}
_RSA: Final[Mapping[str, str]] = {"RSA-SHA1": "SHA1", "RSA-SHA256": "SHA256", "RSA-SHA512": "SHA512"}
METHODS: Final = (*_HMAC, *_RSA)
"""The names, as `oauth_signature_method` has them."""

SMALLEST_RSA: Final = 1024
"""Bits: old registrations of Jira have no more."""


class BadKey(ValueError):
    """The consumer secret is no RSA key that can sign. Says what would be right, and nothing of the key."""


@dataclass(frozen=True, slots=True)
class _Secrets:
    client_secret: str = field(repr=False)
    resource_owner_secret: str = field(repr=False)


def uses_rsa(method: str) -> bool:
    """Is the consumer secret an RSA key in PEM?"""
    return method in _RSA


def signature(method: str, base: str, consumer_secret: str | RSAPrivateKey, token_secret: str) -> str:
    """The value of `oauth_signature`, not yet encoded. An RSA method takes the key that `rsa_key` gives."""
    if method in _RSA:
        return _rsa_signature(_RSA[method], base, consumer_secret)
    from oauthlib.oauth1.rfc5849 import signature as oauthlib  # type: ignore[import-untyped]  # oauthlib has no types

    return str(getattr(oauthlib, _HMAC[method])(base, _Secrets(str(consumer_secret), token_secret)))


def rsa_key(pem: str) -> RSAPrivateKey:
    """The private key in a PEM text. Raises BadKey."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    wrong, key = "", None
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except TypeError:
        wrong = "is encrypted; supply the key without its password"
    except (ValueError, UnsupportedAlgorithm):
        wrong = _no_key(pem)
    if not wrong and not isinstance(key, RSAPrivateKey):
        wrong = "is a key of another kind; RSA signature methods want an RSA private key"
    if isinstance(key, RSAPrivateKey) and key.key_size < SMALLEST_RSA:
        wrong = f"is an RSA key of {key.key_size} bits, which anybody can break; {SMALLEST_RSA} are the least, and 2048 are usual"
    if wrong or not isinstance(key, RSAPrivateKey):
        raise BadKey(wrong)
    return key


def _no_key(pem: str) -> str:
    if "PUBLIC KEY-----" in pem:
        return "is the public key; the private one signs, the public one is what the provider gets"
    if "BEGIN CERTIFICATE-----" in pem:
        return "is a certificate; supply the private key that belongs to it"
    return "is no RSA private key in PEM (-----BEGIN PRIVATE KEY-----); with an HMAC method it would be the shared secret"


def _rsa_signature(digest: str, base: str, key: Any) -> str:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

    return base64.b64encode(key.sign(base.encode("ascii"), PKCS1v15(), getattr(hashes, digest)())).decode()
