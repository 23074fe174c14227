"""From what somebody supplied to a client certificate that can be shown: everything that can be known to be wrong is said
before a connection is made. RFC 5280, RFC 7468, RFC 7292.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from authweave.errors import InvalidInput
from authweave.net.values import ClientCertificate

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

CERTIFICATE: Final = "tls.certificate"
PRIVATE_KEY: Final = "tls.private_key"
PASSWORD: Final = "tls.password"
CA: Final = "tls.ca"
_LONGEST_NAME: Final = 120


@dataclass(frozen=True, slots=True)
class Read:
    """A client certificate that can be shown until `until` (Unix seconds), and PEM authorities to believe."""

    client: ClientCertificate | None
    authorities: str
    until: float


def read(certificate: str | bytes | None, private_key: str | None, password: str | None, ca: str | None, now: float) -> Read:
    """Everything that was supplied, checked. Raises InvalidInput as `client_certificate` and `authorities` do."""
    client, ends = None, []
    if certificate:
        client, end = client_certificate(certificate, private_key, password, now)
        ends.append(end)
    elif private_key:
        raise InvalidInput(CERTIFICATE, f"{CERTIFICATE} is empty, and {PRIVATE_KEY} alone proves nothing: supply the certificate")
    believed, end = authorities(ca, now) if ca else ("", float("inf"))
    return Read(client, believed, min([*ends, end]))


def client_certificate(
    certificate: str | bytes, private_key: str | None, password: str | None, now: float
) -> tuple[ClientCertificate, float]:
    """The certificate with its chain, the client's own first, and its key, as PEM texts; and until when it is valid.

    `certificate` is PEM (the key may stand in it) or the bytes of a PKCS #12 file; times are Unix seconds.

    Raises InvalidInput that names the part that is wrong: no certificate, a key of another one, a key or file that the
    password does not open, a certificate that is not valid today.
    """
    if isinstance(certificate, bytes):
        chain, key = _of_pkcs12(certificate, private_key, password)
    else:
        chain = _certificates(certificate, CERTIFICATE)
        key = _private_key(private_key if private_key is not None else certificate, password, stands_alone=private_key is not None)
    chain = _led_by(_own(chain, key), chain)
    for one in chain:
        _refuse_out_of_date(one, now, CERTIFICATE)
    return ClientCertificate("".join(map(_pem, chain)), _key_pem(key)), _end(chain)


def authorities(ca: str, now: float) -> tuple[str, float]:
    """The PEM text of authorities to believe, and until when it holds. A certificate that signed itself may stand for itself.

    Raises InvalidInput for a text without a certificate, for one that is neither an authority's nor signed by itself, and
    for one that is not valid today.
    """
    found = _certificates(ca, CA)
    for one in found:
        _refuse_out_of_date(one, now, CA)
        if not _is_authority(one) and one.issuer != one.subject:
            raise InvalidInput(CA, f"{CA} holds the certificate of {_name(one)}, which is no authority: supply the certificate of {_issuer(one)}, who issued it")
    return "".join(map(_pem, found)), _end(found)


def _of_pkcs12(data: bytes, private_key: str | None, password: str | None) -> tuple[list[Certificate], Any]:
    from cryptography.hazmat.primitives.serialization import pkcs12

    if private_key is not None:
        raise InvalidInput(PRIVATE_KEY, f"{PRIVATE_KEY} is not for a PKCS #12 file, which holds its key: leave it out")
    opened = _opened(lambda given: pkcs12.load_pkcs12(data, given), password)
    if opened is None:
        wrong = "that is encrypted: supply tls.password" if password is None else "that tls.password does not open, or it is damaged"
        raise InvalidInput(PASSWORD, f"{CERTIFICATE} is a PKCS #12 file {wrong}")
    if opened.cert is None or opened.key is None:
        raise InvalidInput(CERTIFICATE, f"{CERTIFICATE} is a PKCS #12 file without {'a certificate' if opened.cert is None else 'a private key'}")
    return [opened.cert.certificate, *(other.certificate for other in opened.additional_certs)], opened.key


def _opened(load: Any, password: str | None) -> Any:
    """What the password opens, or None. A file that needs none is opened whatever password comes with it."""
    from cryptography.exceptions import UnsupportedAlgorithm

    for given in dict.fromkeys((password.encode() if password is not None else None, None, b"")):
        try:
            return load(given)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue
    return None


def _certificates(text: str, key: str) -> list[Certificate]:
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificates(text.encode(errors="replace"))
    except (ValueError, x509.InvalidVersion):
        found = []
    if not found:
        what = "a private key" if "PRIVATE KEY-----" in text else "a request for a certificate" if "CERTIFICATE REQUEST-----" in text else ""
        raise InvalidInput(key, f"{key} holds no PEM certificate" + (f", but {what}" if what else ": it has no readable -----BEGIN CERTIFICATE-----"))
    return found


def _private_key(text: str, password: str | None, *, stands_alone: bool) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = _opened(lambda given: load_pem_private_key(text.encode(errors="replace"), given), password)
    if key is not None:
        return key
    if "ENCRYPTED" in text:
        wrong = "is encrypted: supply tls.password" if password is None else "is not opened by tls.password"
        raise InvalidInput(PASSWORD, f"{PRIVATE_KEY if stands_alone else f'the key in {CERTIFICATE}'} {wrong}")
    if stands_alone or "PRIVATE KEY-----" in text:
        raise InvalidInput(PRIVATE_KEY, f"{PRIVATE_KEY if stands_alone else f'the key in {CERTIFICATE}'} is no PEM private key that can be read")
    raise InvalidInput(PRIVATE_KEY, f"{PRIVATE_KEY} is missing, and {CERTIFICATE} holds none")


def _own(chain: Iterable[Certificate], key: Any) -> Certificate:
    """The certificate of this very key, wherever it stands in the chain."""
    mine = _public(key)
    for one in chain:
        if mine is not None and _public(one) == mine:
            return one
    raise InvalidInput(PRIVATE_KEY, f"{PRIVATE_KEY} does not belong to {CERTIFICATE}, which is for {_name(next(iter(chain)))}")


def _led_by(own: Certificate, chain: Sequence[Certificate]) -> list[Certificate]:
    """TLS wants the client's own certificate first (RFC 8446 §4.4.2); files often have it last."""
    return [own, *(one for one in chain if one != own)]


def _refuse_out_of_date(one: Certificate, now: float, key: str) -> None:
    start, end = one.not_valid_before_utc, one.not_valid_after_utc
    today = datetime.fromtimestamp(now, UTC)
    if today > end:
        raise InvalidInput(key, f"{key}: the certificate of {_name(one)} expired on {end:%Y-%m-%d}; supply one that is valid today")
    if today < start:
        raise InvalidInput(key, f"{key}: the certificate of {_name(one)} is not valid before {start:%Y-%m-%d}; is the clock of this machine right?")


def _end(chain: Iterable[Certificate]) -> float:
    return min(one.not_valid_after_utc.timestamp() for one in chain)


def _is_authority(one: Certificate) -> bool:
    from cryptography import x509

    try:
        return bool(one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return False


def _public(holder: Any) -> bytes | None:
    """The public key of a certificate or of a private key; None for one of a kind that cannot be used."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    try:
        encoded: bytes = holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return encoded


def _pem(one: Certificate) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return one.public_bytes(Encoding.PEM).decode()


def _key_pem(key: Any) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return str(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def _name(one: Certificate) -> str:
    return _printable(one.subject.rfc4514_string()) or "nobody"


def _issuer(one: Certificate) -> str:
    return _printable(one.issuer.rfc4514_string()) or "its issuer"


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)[:_LONGEST_NAME]
