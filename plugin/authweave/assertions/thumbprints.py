"""The name that a key gives itself: RFC 7638."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from authweave.assertions.algorithms import EC, OKP, RSA, SECRET, jose_key


def thumbprint(key: Any) -> str:
    """The SHA-256 thumbprint of a key, private or public (of `cryptography`, or a JWK as a map), in base64url without padding."""
    from joserfc import jwk

    if isinstance(key, Mapping):
        kinds: Mapping[str, Any] = {RSA: jwk.RSAKey, EC: jwk.ECKey, OKP: jwk.OKPKey, SECRET: jwk.OctKey}
        return str(kinds[key["kty"]].import_key(dict(key)).thumbprint())
    return str(jose_key(_family(key), key).thumbprint())


def _family(key: Any) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey):
        return RSA
    return EC if isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey) else OKP
