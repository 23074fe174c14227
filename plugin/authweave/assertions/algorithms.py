"""The algorithms that sign (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2), and what key each of them wants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from authweave.assertions.private_keys import PrivateKey

RSA: Final = "RSA"
EC: Final = "EC"
OKP: Final = "OKP"
SECRET: Final = "oct"
SMALLEST_RSA: Final = 2048
"""Bits: RFC 7518 §3.3 and §3.5."""
SMALLEST_SECRET: Final = 14
"""Bytes: what NIST SP 800-131A still allows. RFC 7518 §3.2 asks for as many as the hash has; servers give shorter ones."""


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A value of `alg`. `family` is the `kty` of its keys, `curve` the one curve that it uses; `_model` its name in joserfc."""

    name: str
    family: str
    curve: str = ""
    model: str = ""

    @property
    def wants(self) -> str:
        """The key it wants, in words."""
        if self.family == EC:
            return f"an EC private key on {self.curve}"
        return {RSA: "an RSA private key", OKP: "an Ed25519 private key", SECRET: "a shared secret"}[self.family]

    def sign(self, key: PrivateKey, data: bytes) -> bytes:
        """The signature of the data, in the form of a JWS. `key` is one that `private_keys.signing_key` found fit."""
        from joserfc.jws import JWSRegistry

        model = JWSRegistry.algorithms[self.model or self.name]
        return model.sign(data, jose_key(self.family, key))


def jose_key(family: str, key: Any) -> Any:
    """A key of `cryptography`, private or public (or the bytes of a secret), as joserfc has it."""
    from joserfc import jwk

    kind: Any = {RSA: jwk.RSAKey, EC: jwk.ECKey, OKP: jwk.OKPKey, SECRET: jwk.OctKey}[family]
    return kind(key, key)


ALGORITHMS: Final[Mapping[str, Algorithm]] = {
    algorithm.name: algorithm
    for algorithm in (
        *(Algorithm(f"{family}{bits}", RSA) for family in ("RS", "PS") for bits in (256, 384, 512)),
        Algorithm("ES256", EC, "P-256"), Algorithm("ES384", EC, "P-384"), Algorithm("ES512", EC, "P-521"),
        Algorithm("EdDSA", OKP, "Ed25519"), Algorithm("Ed25519", OKP, "Ed25519", model="EdDSA"),
        *(Algorithm(f"HS{bits}", SECRET) for bits in (256, 384, 512)),
    )
}  # fmt: skip
"""Every algorithm by its name. `none` is not one."""
