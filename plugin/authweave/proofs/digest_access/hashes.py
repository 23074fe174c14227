"""The arithmetic of Digest: RFC 7616 §3.4 and §3.5, and RFC 2069 for servers that offer no qop."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

SESSION: Final = "-SESS"
"""How an algorithm ends that mixes nonces into the user's own hash."""


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _sha512_256(data: bytes) -> str:
    """SHA-512/256 of FIPS 180-4, which is not SHA-512 cut short (erratum 4897)."""
    from cryptography.hazmat.primitives.hashes import SHA512_256, Hash

    digest = Hash(SHA512_256())
    digest.update(data)
    return digest.finalize().hex()


HASHES: Final[Mapping[str, Callable[[bytes], str]]] = MappingProxyType({"SHA-512-256": _sha512_256, "SHA-256": _sha256, "MD5": _md5})
"""The hashes that are known, the strongest first: RFC 7616 §6.1."""


def hash_of(algorithm: str) -> Callable[[bytes], str]:
    """The hash behind an algorithm, its session form included. Raises KeyError for one that is not known."""
    return HASHES[algorithm.upper().removesuffix(SESSION)]


def is_session(algorithm: str) -> bool:
    """Does the algorithm mix nonces into the user's own hash?"""
    return algorithm.upper().endswith(SESSION)


def user_hash(algorithm: str, username: str, realm: str) -> str:
    """What stands for the user's name where the server wants it hidden (§3.4.4)."""
    return hash_of(algorithm)(_joined(username, realm))


def response_to(
    algorithm: str, *, username: str, realm: str, password: str, nonce: str, cnonce: str, count: str, qop: str,
    method: str, uri: str, body: bytes = b"",
) -> str:  # fmt: skip
    """The value of `response` (§3.4.1). `count` is `nc` as it is sent; `qop` is auth, auth-int, or '' for none.

    With an empty method and the answer's body it is the `rspauth` by which the server proves that it knows the password (§3.5).
    """
    digest = hash_of(algorithm)
    user = digest(_joined(username, realm, password))
    if is_session(algorithm):
        user = digest(_joined(user, nonce, cnonce))
    asked = digest(_joined(method, uri, digest(body)) if qop == "auth-int" else _joined(method, uri))
    return digest(_joined(user, nonce, count, cnonce, qop, asked) if qop else _joined(user, nonce, asked))


def _joined(*parts: str) -> bytes:
    return ":".join(parts).encode()
