"""Signatures over bytes, by the names that request-signing schemes use: HMAC (RFC 2104), RSA, ECDSA and Ed25519 (RFC 9421 §3.3).

Private keys are PEM. An ECDSA signature is r and s side by side, as RFC 9421 §3.3.4 and JOSE write it, not DER.
Safe for threads. A key that was read is kept, as long as others do not crowd it out.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from authweave.errors import SigningError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa

_HASHES: Final[Mapping[str, str]] = {
    "hmac-sha256": "sha256", "hmac-sha1": "sha1", "hmac-sha384": "sha384", "hmac-sha512": "sha512", "hmac-md5": "md5",
}  # fmt: skip
_SMALLEST_RSA: Final = 1024
_SMALLEST_PSS: Final = 1040
"""Hash and salt of 64 bytes each, and two more, have to fit (RFC 8017 §9.1.1)."""
KEYS_KEPT: Final = 256

Sign = Callable[[Any, bytes], bytes]


def signature_of(algorithm: str, key: str | bytes, message: bytes) -> bytes:
    """The signature of a message. `key` is the secret of an HMAC (text is UTF-8), or a private key in PEM.

    Raises SigningError, which names the algorithm and what is wrong with the key, never the key.
    """
    if hash_name := _HASHES.get(algorithm):
        return _hmac(hash_name, key, message)
    if (sign := _ASYMMETRIC.get(algorithm)) is None:
        raise SigningError(f"algorithm {algorithm[:40]} is not known; known are {', '.join(ALGORITHMS)}")
    return sign(_private_key(key, algorithm), message)


def _hmac(hash_name: str, key: str | bytes, message: bytes) -> bytes:
    secret = key.encode() if isinstance(key, str) else key
    if not secret:
        raise SigningError("the signing key is empty")
    return hmac.digest(secret, message, hash_name)


def _private_key(key: str | bytes, algorithm: str) -> Any:
    pem = key.encode() if isinstance(key, str) else key
    try:
        return _read(pem)
    except SigningError as error:
        why = str(error)
    raise SigningError(f"{algorithm} takes a private key in PEM: {why}")


@lru_cache(maxsize=KEYS_KEPT)
def _read(pem: bytes) -> Any:
    """The key in a PEM text. Kept: reading one takes a hundred times longer than signing with it."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if b"PRIVATE KEY-----" not in pem:
        raise SigningError("what was supplied has no -----BEGIN PRIVATE KEY-----")
    why = "it cannot be read"
    try:
        return load_pem_private_key(pem, password=None)
    except TypeError:
        why = "it is encrypted; supply it without a password"
    except UnsupportedAlgorithm:
        why = "its kind is not supported"
    except ValueError:
        pass
    raise SigningError(why)


def _rsa_key(key: Any, algorithm: str, smallest: int = _SMALLEST_RSA) -> rsa.RSAPrivateKey:
    from cryptography.hazmat.primitives.asymmetric import rsa

    if not isinstance(key, rsa.RSAPrivateKey):
        raise SigningError(f"{algorithm} takes an RSA key, this one is {_kind(key)}")
    if key.key_size < smallest:
        raise SigningError(f"{algorithm}: an RSA key of {key.key_size} bits is too short")
    return key


def _rsa(algorithm: str, hash_name: str) -> Sign:
    """RSASSA-PKCS1-v1_5 (RFC 8017 §8.2)."""

    def sign(key: Any, message: bytes) -> bytes:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        return _rsa_key(key, algorithm).sign(message, padding.PKCS1v15(), getattr(hashes, hash_name)())

    return sign


def _rsa_pss(key: Any, message: bytes) -> bytes:
    """RSASSA-PSS with SHA-512 and a salt of 64 bytes (RFC 9421 §3.3.1)."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    pss = padding.PSS(padding.MGF1(hashes.SHA512()), salt_length=64)
    return _rsa_key(key, "rsa-pss-sha512", _SMALLEST_PSS).sign(message, pss, hashes.SHA512())


def _ecdsa(algorithm: str, curve: str, hash_name: str) -> Sign:
    def sign(key: Any, message: bytes) -> bytes:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != curve:
            raise SigningError(f"{algorithm} takes a key on the curve {curve}, this one is {_kind(key)}")
        return side_by_side(key.sign(message, ec.ECDSA(getattr(hashes, hash_name)())), (key.key_size + 7) // 8)

    return sign


def side_by_side(der: bytes, size: int) -> bytes:
    """An ECDSA signature in DER as r and s of `size` bytes each (RFC 7518 §3.4)."""
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    r, s = decode_dss_signature(der)
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def _ed25519(key: Any, message: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ed25519

    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise SigningError(f"ed25519 takes an Ed25519 key, this one is {_kind(key)}")
    signed: bytes = key.sign(message)
    return signed


def _kind(key: Any) -> str:
    """What sort of key it is, in words."""
    name = type(key).__name__.lstrip("_").removesuffix("PrivateKey")
    curve = getattr(getattr(key, "curve", None), "name", "")
    return f"on {curve}" if curve else name or "another"


_ASYMMETRIC: Final[Mapping[str, Sign]] = {
    "rsa-sha256": _rsa("rsa-sha256", "SHA256"),
    "rsa-sha512": _rsa("rsa-sha512", "SHA512"),
    "rsa-v1_5-sha256": _rsa("rsa-v1_5-sha256", "SHA256"),
    "rsa-pss-sha512": _rsa_pss,
    "ecdsa-p256-sha256": _ecdsa("ecdsa-p256-sha256", "secp256r1", "SHA256"),
    "ecdsa-p384-sha384": _ecdsa("ecdsa-p384-sha384", "secp384r1", "SHA384"),
    "ed25519": _ed25519,
}
ALGORITHMS: Final = (*_HASHES, *_ASYMMETRIC)
"""Every name, HMACs first."""
SECRET_KEYED: Final = frozenset(_HASHES)
"""Those whose key is a shared secret, not a PEM."""
