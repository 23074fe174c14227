"""What can be said of a key or certificate: the template functions that read PEM."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any, Final

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


_THUMBPRINTS: Final = ("sha1", "sha256")


def check_thumbprint(algorithm: Any) -> None:
    """Refuse an algorithm that no header is named after."""
    if algorithm not in _THUMBPRINTS:
        raise Unfit(f"the algorithm is one of {', '.join(_THUMBPRINTS)}")


def x5t(pem: bytes, algorithm: Any = "sha1") -> str:
    """The header `x5t` of a certificate, with `sha256` the header `x5t#S256`: base64url of its DER's hash (RFC 7515 §4.1.7)."""
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import load_pem_x509_certificate

    check_thumbprint(algorithm)
    charge(_READING_A_KEY)
    try:
        der = load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    except Exception:  # noqa: BLE001 - as above
        raise Unfit("not a PEM certificate") from None
    digest = hashlib.new(algorithm, der, usedforsecurity=False).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
