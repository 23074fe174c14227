"""Certificates beside a signing key: each has to be the key's own, and valid today."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from authweave.errors import KeyRefused
from authweave.inputs.pem import mended

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

BLOCK: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----\n.*?-----END \1-----", re.DOTALL)
"""A block of PEM (RFC 7468) and its label."""


def certificate_of(key: Any, pem: str, *, at: str, now: float) -> None:
    """Raise KeyRefused unless the PEM is a certificate of this key that is valid at `now`."""
    from cryptography.x509 import load_pem_x509_certificate

    found = next((match[0].encode() for match in BLOCK.finditer(mended(pem)[0]) if match[1] == "CERTIFICATE"), b"")
    certificate: Certificate | None = tried(load_pem_x509_certificate, found)
    if certificate is None:
        raise KeyRefused(at, "unreadable", "reads a certificate that cannot be read", "supply it in PEM")
    if not is_of(certificate, key):
        raise KeyRefused(at, "mismatch", "names a certificate of another key", "supply the certificate of the signing key")
    refuse_expired(certificate, at, now)


def refuse_expired(certificate: Certificate, at: str, now: float) -> None:
    """Raise KeyRefused where a certificate is not valid at `now` (0 does not ask)."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now and now > end.timestamp():
        raise KeyRefused(at, "expired", f"has a certificate that expired on {end:%Y-%m-%d}", "let a new one be issued, and register it with the provider")
    if now and now < begin.timestamp():
        raise KeyRefused(at, "not_yet_valid", f"has a certificate that is not valid before {begin:%Y-%m-%d %H:%M} UTC", "is the clock of this machine right?")


def is_of(certificate: Certificate, key: Any) -> bool:
    """Is it the certificate of this key?"""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    def public(holder: Any) -> bytes:
        encoded: bytes = holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return encoded

    theirs = tried(public, certificate)  # None for a key of a kind that cannot be used
    return theirs is not None and theirs == public(key)


def tried(read: Callable[..., Any], *arguments: Any) -> Any:
    """What comes of it; None where it fails. Libraries raise their own kinds for what they do not know, and quote the key."""
    try:
        return read(*arguments)
    except Exception:  # noqa: BLE001 - see above
        return None
