"""Keys and certificates for tests of signatures, made once a run; a reader of JWTs that shares nothing with the writer."""

from __future__ import annotations

import base64
import datetime
import functools
import hashlib
import hmac
import json
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509.oid import NameOID

_CURVES = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1}
SECRET = "a secret that is shared by the two of us, and long enough for SHA-512"


@functools.cache
def key(kind: str = "RSA", number: int = 1) -> Any:
    """A private key: RSA, RSA-1024, P-256, P-384, P-521, secp256k1, Ed25519. The same for the same `number`."""
    if kind.startswith("RSA"):
        return rsa.generate_private_key(65537, int(kind.partition("-")[2] or 2048))
    if kind == "Ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(ec.SECP256K1() if kind == "secp256k1" else _CURVES[kind]())


def pem(private: Any, password: str = "", form: str = "PKCS8") -> str:
    """A private key in PEM."""
    lock: Any = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    return private.private_bytes(serialization.Encoding.PEM, getattr(serialization.PrivateFormat, form), lock).decode()


def der(private: Any) -> bytes:
    """A private key in DER."""
    return private.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def public_pem(private: Any) -> str:
    """The public half in PEM."""
    return private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def certificate(private: Any, begin: str = "2020-01-01", days: int = 20_000) -> x509.Certificate:
    """A certificate of the key, signed by itself: the same each time."""
    return _certificate(private, begin, days)


@functools.cache
def _certificate(private: Any, begin: str, days: int) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "signer")])
    start = datetime.datetime.fromisoformat(begin).replace(tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(name, name, private.public_key(), 7, start, start + datetime.timedelta(days=days))
    return builder.sign(private, None if isinstance(private, ed25519.Ed25519PrivateKey) else hashes.SHA256())


def certificate_pem(private: Any, begin: str = "2020-01-01", days: int = 20_000) -> str:
    """The same in PEM."""
    return certificate(private, begin, days).public_bytes(serialization.Encoding.PEM).decode()


def decoded(part: str) -> bytes:
    """What base64url without padding stands for."""
    assert "=" not in part
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a JWT."""
    header, claims, _ = token.split(".")
    return json.loads(decoded(header)), json.loads(decoded(claims))


def verify(token: str, algorithm: str, public: Any) -> None:
    """Raise InvalidSignature (or AssertionError for HS*) unless the token is signed so (RFC 7518 §3), by `cryptography` alone."""
    data, _, last = token.rpartition(".")
    raw, signature = data.encode(), decoded(last)
    if algorithm in ("EdDSA", "Ed25519"):
        public.verify(signature, raw)
        return
    digest = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[algorithm[2:]]
    if algorithm.startswith("HS"):
        assert hmac.compare_digest(signature, hmac.digest(public, raw, hashlib.new(f"sha{algorithm[2:]}").name))
    elif algorithm.startswith("RS"):
        public.verify(signature, raw, padding.PKCS1v15(), digest)
    elif algorithm.startswith("PS"):
        public.verify(signature, raw, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    else:
        half = (public.curve.key_size + 7) // 8
        assert len(signature) == 2 * half
        public.verify(encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:])), raw, ec.ECDSA(digest))
