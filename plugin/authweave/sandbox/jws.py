"""A signed JWT as a server reads it (RFC 7515 §5.2, RFC 7519 §7.2), by `cryptography` and code of its own.

Nothing that signs is used here: what both sides got wrong alike would never show.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

LONGEST: Final = 64 * 1024
_HASHES: Final = {"256": "SHA256", "384": "SHA384", "512": "SHA512"}
_CURVES: Final = {"ES256": ("secp256r1", 32), "ES384": ("secp384r1", 48), "ES512": ("secp521r1", 66)}


class NotVerified(Exception):
    """Why a JWT is not believed, in words without any part of it."""


@dataclass(frozen=True, slots=True)
class Read:
    """What a JWT says."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]


def opened(text: str, algorithm: str, key: Any) -> Read:
    """What it says, if it is signed with this key by this algorithm, and no other. Raises NotVerified.

    `key`: what the customer signs with, as supplied (PEM, PKCS #12, JWK, or the shared secret); or a public key of `cryptography`.
    """
    data, _, last = text.rpartition(".")
    first, _, second = data.partition(".")
    if len(text) > LONGEST or not (first and second):
        raise NotVerified("is not a signed JWT: three parts, with dots between them")
    header = _map(first, "header")
    if header.get("alg") != algorithm:
        raise NotVerified(f"says another `alg` than {algorithm}, which this client is registered for")
    if "crit" in header or header.get("b64", True) is not True:
        raise NotVerified("has critical extensions (`crit`) that are not known here")
    if not _is_signed(algorithm, key, data.encode(), _decoded(last)):
        raise NotVerified("is signed with another key, or was changed afterwards")
    return Read(header, _map(second, "claims"))


def check_times(read: Read, now: float, *, leeway: float = 60.0) -> None:
    """Raise NotVerified unless it has begun and not ended (RFC 7519 §4.1.4, §4.1.5)."""
    for name in ("exp", "iat", "nbf"):
        if name in read.claims and (isinstance(read.claims[name], bool) or not isinstance(read.claims[name], int | float)):
            raise NotVerified(f"has a claim `{name}` that is no number of seconds")
    if read.claims.get("exp", now + 1) <= now - leeway:
        raise NotVerified("has ended: its claim `exp` is over")
    if max(read.claims.get("iat", now), read.claims.get("nbf", now)) > now + leeway:
        raise NotVerified("is of the future: its claim `iat` or `nbf` is to come; is the clock right?")


def public_key(material: Any) -> Any:
    """The public half of what a customer signs with. Raises NotVerified."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12

    try:
        if isinstance(material, str) and "-----BEGIN" in material:
            return load_pem_private_key(material[material.index("-----BEGIN") :].encode(), None).public_key()
        if isinstance(material, bytes):
            key, _, _ = pkcs12.load_key_and_certificates(material, None)
            return key.public_key() if key is not None else None
        if isinstance(material, Mapping):
            from joserfc.jwk import JWKRegistry

            return JWKRegistry.import_key(dict(material)).public_key
    except Exception:  # noqa: BLE001 - whatever is wrong with it: the customer has no key then
        return None
    return material


def _is_signed(algorithm: str, key: Any, data: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    if algorithm.startswith("HS"):
        secret = key.encode() if isinstance(key, str) else key
        is_secret = isinstance(secret, bytes) and b"-----BEGIN" not in secret
        return is_secret and hmac.compare_digest(signature, hmac.digest(secret, data, f"sha{algorithm[2:]}"))
    public = public_key(key)
    digest = getattr(hashes, _HASHES[algorithm[2:]])() if algorithm[2:] in _HASHES else None
    try:
        if algorithm.startswith("RS") and isinstance(public, rsa.RSAPublicKey) and digest:
            public.verify(signature, data, padding.PKCS1v15(), digest)
        elif algorithm.startswith("PS") and isinstance(public, rsa.RSAPublicKey) and digest:
            public.verify(signature, data, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
        elif algorithm in ("EdDSA", "Ed25519") and isinstance(public, ed25519.Ed25519PublicKey):
            public.verify(signature, data)
        elif algorithm in _CURVES and isinstance(public, ec.EllipticCurvePublicKey) and digest:
            curve, half = _CURVES[algorithm]
            if public.curve.name != curve or len(signature) != 2 * half:
                return False
            pair = int.from_bytes(signature[:half]), int.from_bytes(signature[half:])
            public.verify(encode_dss_signature(*pair), data, ec.ECDSA(digest))
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _map(part: str, name: str) -> Mapping[str, Any]:
    try:
        found = json.loads(_decoded(part))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise NotVerified(f"is not a signed JWT: its {name} is no JSON object in base64url")
    return found


def _decoded(part: str) -> bytes:
    if "=" in part or "+" in part or "/" in part:
        raise NotVerified("is not in base64url without padding (RFC 7515 §2)")
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        raise NotVerified("is not in base64url without padding (RFC 7515 §2)") from None
