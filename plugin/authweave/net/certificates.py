"""What a certificate says of itself, in words for people."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from typing import Any

from authweave.net.values import Certificate, TlsInfo

_SHORT = {
    "commonName": "CN", "organizationName": "O", "organizationalUnitName": "OU", "countryName": "C",
    "localityName": "L", "stateOrProvinceName": "ST",
}  # fmt: skip
_MOST_NAMES = 20


def tls_info(session: ssl.SSLObject, *, verified: bool) -> TlsInfo:
    """The session as it was agreed."""
    cipher = session.cipher()
    return TlsInfo(session.version() or "", cipher[0] if cipher else "", verified, _shown(session), session.getpeercert(binary_form=True))


def _shown(session: ssl.SSLObject) -> Certificate | None:
    described = session.getpeercert()
    if described:
        return _described(described)
    encoded = session.getpeercert(binary_form=True)
    return decoded(encoded) if encoded else None


def decoded(encoded: bytes) -> Certificate | None:
    """A certificate that was not verified, from its DER form; None if it cannot be read."""
    from cryptography import x509

    try:
        found = x509.load_der_x509_certificate(encoded)
        listed = [extension.value for extension in found.extensions]
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return None
    names = [name for value in listed if isinstance(value, x509.SubjectAlternativeName) for name in value]
    plain = [str(name.value) for name in names if isinstance(name, x509.DNSName | x509.IPAddress)]
    return Certificate(
        subject=_printable(found.subject.rfc4514_string()),
        issuer=_printable(found.issuer.rfc4514_string()),
        names=tuple(map(_printable, plain[:_MOST_NAMES])),
        not_before=_date(found.not_valid_before_utc.timestamp()),
        not_after=_date(found.not_valid_after_utc.timestamp()),
    )


def _described(found: Any) -> Certificate:
    plain = tuple(value for kind, value in found.get("subjectAltName", ()) if kind in ("DNS", "IP Address"))
    return Certificate(
        subject=_name(found.get("subject", ())),
        issuer=_name(found.get("issuer", ())),
        names=tuple(map(_printable, plain[:_MOST_NAMES])),
        not_before=_date(ssl.cert_time_to_seconds(found["notBefore"])),
        not_after=_date(ssl.cert_time_to_seconds(found["notAfter"])),
    )


def _name(parts: Any) -> str:
    """As RFC 4514 writes it: the most special part first."""
    pairs = [(_SHORT.get(key, key), value) for part in parts for key, value in part]
    return _printable(",".join(f"{key}={value}" for key, value in reversed(pairs)))


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _printable(text: str) -> str:
    """A peer chooses these words: no control characters, and not too many."""
    return "".join(character if character.isprintable() else "?" for character in text)[:200]
