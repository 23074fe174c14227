"""Keys and certificates of a customer that nobody supplied any for: one key of each kind, so that what belongs together fits."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cryptography import x509

RSA: Final = "RSA"


class MadeUpKeys:
    """Made when they are first asked for. Kinds: RSA, P-256, P-384, P-521, Ed25519."""

    def __init__(self) -> None:
        self._keys: dict[str, Any] = {}

    def private_key_pem(self, kind: str = RSA) -> str:
        """In PKCS #8."""
        from cryptography.hazmat.primitives import serialization

        encoding, form, lock = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        pem: bytes = self._key(kind).private_bytes(encoding, form, lock)
        return pem.decode()

    def certificate_pem(self, kind: str = RSA) -> str:
        """A certificate of that key, which vouches for itself."""
        from cryptography.hazmat.primitives import serialization

        return self._certificate(kind).public_bytes(serialization.Encoding.PEM).decode()

    def pkcs12(self, kind: str = RSA) -> str:
        """Both in base64."""
        from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12

        made = pkcs12.serialize_key_and_certificates(b"sandbox", self._key(kind), self._certificate(kind), None, NoEncryption())
        return base64.b64encode(made).decode()

    def _key(self, kind: str) -> Any:
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

        if kind not in self._keys:
            curves: dict[str, Any] = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1}
            if kind == "Ed25519":
                self._keys[kind] = ed25519.Ed25519PrivateKey.generate()
            else:
                self._keys[kind] = ec.generate_private_key(curves[kind]()) if kind in curves else rsa.generate_private_key(65537, 2048)
        return self._keys[kind]

    def _certificate(self, kind: str) -> x509.Certificate:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.x509.oid import NameOID

        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sandbox.example")])
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self._key(kind).public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1)).sign(self._key(kind), None if kind == "Ed25519" else hashes.SHA256())
        )  # fmt: skip
