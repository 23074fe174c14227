"""What can be said of a key or certificate: the template functions that read PEM."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Final

from authweave.templates.bounds import Unfit, charge

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

_READING_A_KEY: Final = 256 * 1024


def fingerprint(pem: bytes) -> bytes:
    """SHA-256 of the DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) of a private key, public key or certificate."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    charge(_READING_A_KEY)
    der = _public_key(pem).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).digest()


def _public_key(pem: bytes) -> PublicKeyTypes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.x509 import load_pem_x509_certificate

    try:
        if b"PRIVATE KEY-----" in pem:
            return serialization.load_pem_private_key(pem, password=None).public_key()
        if b"BEGIN CERTIFICATE-----" in pem:
            return load_pem_x509_certificate(pem).public_key()
        return serialization.load_pem_public_key(pem)
    except Exception:  # noqa: BLE001 - the library raises its own kinds for unknown algorithms; its words may quote the key
        raise Unfit("not a PEM key or certificate that can be read without a password") from None


def x5t(pem: bytes) -> str:
    """The `x5t` header of a certificate: base64url of the SHA-1 of its DER (RFC 7515 §4.1.7)."""
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import load_pem_x509_certificate

    charge(_READING_A_KEY)
    try:
        der = load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    except Exception:  # noqa: BLE001 - as above
        raise Unfit("not a PEM certificate") from None
    digest = hashlib.sha1(der, usedforsecurity=False).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
