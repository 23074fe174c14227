"""Throw-away authorities and certificates, sound and broken, for servers on 127.0.0.1."""

from __future__ import annotations

import ipaddress
import ssl
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)
_SIGNS_CERTIFICATES = x509.KeyUsage(
    digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
    key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
)  # fmt: skip


@dataclass(frozen=True)
class Issued:
    """A certificate and its key as PEM texts."""

    certificate: str
    key: str


@dataclass(frozen=True)
class Authority:
    """An authority that nobody knows but the tests."""

    name: str = "authweave test authority"
    _key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def pem(self) -> str:
        return _text(_certificate(self.name, self._key, self.name, self._key, (), -DAY, 30 * DAY, authority=True))

    def issue(self, *names: str, begins: timedelta = -DAY, ends: timedelta = 30 * DAY) -> Issued:
        """A certificate for these host names and addresses; the first is its common name."""
        key = ec.generate_private_key(ec.SECP256R1())
        return Issued(_text(_certificate(names[0], key, self.name, self._key, names, begins, ends)), _key_text(key))


def self_signed(*names: str) -> Issued:
    """A certificate that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Issued(_text(_certificate(names[0], key, names[0], key, names, -DAY, 30 * DAY)), _key_text(key))


def server_context(issued: Issued, *, clients_of: Authority | None = None, tls12: bool = False) -> ssl.SSLContext:
    """What a TLS server shows; with `clients_of` it wants a client certificate of that authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "server.pem")
        path.write_text(issued.certificate + issued.key)
        context.load_cert_chain(path)
    if clients_of is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=clients_of.pem)
    if tls12:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def _certificate(subject, key, issuer, issuer_key, names, begins, ends, *, authority=False):
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if authority:
        builder = builder.add_extension(_SIGNS_CERTIFICATES, critical=True)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _general(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _text(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_text(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
