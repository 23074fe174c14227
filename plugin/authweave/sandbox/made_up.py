"""Good values for the inputs of a profile: what a form could be filled in with, secrets random in each run."""

from __future__ import annotations

import base64
import secrets
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from authweave.errors import PatternError
from authweave.patterns import compile_pattern
from authweave.profile import Input
from authweave.sandbox.from_pattern import text_of_pattern

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

TRIED: Final = 20
_AWKWARD: Final = "+/%:"
"""Characters that Basic encodes or not: a profile that gets `basic_encoding` wrong shows it."""


def good_value(wanted: Input, members: Iterable[tuple[str, ...]] = (), algorithm: str = "") -> Any:
    """A value that fits the declaration. `members` are what templates read inside an input of type json, `algorithm` what it signs with.

    Not secret: the default, the first of `enum`, the example, something of the declared form. Secret: random.
    """
    if wanted.enum:
        return wanted.default if wanted.default in wanted.enum else wanted.enum[0]
    if not wanted.secret and wanted.default not in (None, ""):
        return wanted.default
    if not wanted.secret and wanted.example and fits(wanted, wanted.example):
        return wanted.example
    if wanted.pattern is not None:
        return _of_pattern(wanted)
    if wanted.format is not None:
        return _FORMATS[wanted.format](_host_label(wanted.name))
    if wanted.type == "pem" and algorithm in _CURVES:
        return _pem_of(_CURVES[algorithm]())
    return _of_type(wanted, members)


def fits(wanted: Input, text: str) -> bool:
    """Does a text have the declared pattern?"""
    return wanted.pattern is None or compile_pattern(wanted.pattern).matches(text)


def _of_pattern(wanted: Input) -> str:
    text = ""
    for _ in range(TRIED):
        text = text_of_pattern(wanted.pattern or "", long=wanted.secret)
        if text and fits(wanted, text):
            return text
    raise PatternError(f"the sandbox finds no value for the pattern of {wanted.name}")


def _of_type(wanted: Input, members: Iterable[tuple[str, ...]]) -> Any:
    if wanted.type in ("integer", "number"):
        return 1
    if wanted.type == "boolean":
        return True
    if wanted.type == "list":
        return ["sandbox"]
    if wanted.type == "json":
        return _json(members)
    if wanted.type == "pem":
        return certificate_pem() if "cert" in wanted.name else private_key_pem()
    if wanted.type == "pkcs12":
        return _pkcs12()
    return _text(wanted)


def _text(wanted: Input) -> str:
    if not wanted.secret:
        return f"sandbox-{_host_label(wanted.name)}-{secrets.token_hex(3)}"
    return secrets.token_urlsafe(24) + (_AWKWARD + secrets.token_hex(2) if wanted.name == "client_secret" else "")


def _json(members: Iterable[tuple[str, ...]]) -> dict[str, Any]:
    """A map with everything that templates look up in it."""
    whole: dict[str, Any] = {}
    for path in members:
        inside = whole
        for name in path[:-1]:
            inside = inside.setdefault(name, {})
        if path:
            inside[path[-1]] = (
                private_key_pem()
                if "private_key" in path[-1] and not path[-1].endswith("id")
                else f"sandbox-{secrets.token_hex(8)}"
            )
    return whole


_FORMATS: Final = {
    "hostname": lambda name: f"{name}.sandbox.example",
    "url": lambda name: f"https://{name}.sandbox.example",
    "uuid": lambda name: str(uuid.uuid4()),
    "email": lambda name: f"{name}@sandbox.example",
}


def _host_label(name: str) -> str:
    return name.replace("_", "-").strip("-")


def private_key_pem() -> str:
    """A new RSA key, in PKCS #8."""
    return _pem_of(_rsa_key())


def _curve(name: str) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(getattr(ec, name)())


def _edwards() -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.generate()


_CURVES: Final[Mapping[str, Callable[[], Any]]] = {
    **dict.fromkeys(("ES256", "ecdsa-p256-sha256"), partial(_curve, "SECP256R1")), **dict.fromkeys(("ES384", "ecdsa-p384-sha384"), partial(_curve, "SECP384R1")),
    "ES512": partial(_curve, "SECP521R1"), "ES256K": partial(_curve, "SECP256K1"), **dict.fromkeys(("EdDSA", "Ed25519", "ed25519"), _edwards),
}  # fmt: skip
"""What makes a key for an algorithm that RSA is not for."""


def _pem_of(key: Any) -> str:
    from cryptography.hazmat.primitives import serialization

    pem: str = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return pem


def certificate_pem() -> str:
    """A certificate that vouches for itself."""
    from cryptography.hazmat.primitives import serialization

    return _certificate(_rsa_key()).public_bytes(serialization.Encoding.PEM).decode()


def _pkcs12() -> str:
    from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12

    key = _rsa_key()
    return base64.b64encode(
        pkcs12.serialize_key_and_certificates(b"sandbox", key, _certificate(key), None, NoEncryption())
    ).decode()


def _rsa_key() -> RSAPrivateKey:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _certificate(key: RSAPrivateKey) -> x509.Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import NameOID

    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sandbox.example")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    )  # fmt: skip
