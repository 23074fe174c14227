"""What a profile signs with keys: its JWTs, wherever they are described, and its requests; and which kind of key each of them wants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from authweave.profile import Jwt, Profile, Variant

_KINDS: Final[Mapping[str, str]] = {
    "ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519", "Ed25519": "Ed25519",
    "ecdsa-p256-sha256": "P-256", "ecdsa-p384-sha384": "P-384", "ed25519": "Ed25519",
}  # fmt: skip


def jwts_of(variant: Variant) -> Iterator[Jwt]:
    """Every JWT that a variant makes."""
    settings = variant.tokens
    for written in (variant.own.get("assertion"), *((settings.assertion, settings.client_assertion) if settings is not None else ())):
        if isinstance(written, Jwt):
            yield written


def key_kinds(profile: Profile) -> dict[str, str]:
    """Input → the kind of key that is made from it, or of the certificate that names the key: RSA unless the algorithm wants another."""
    found: dict[str, str] = {}
    for variant in profile.variants:
        signs: list[tuple[Any, tuple[Any, ...]]] = [(variant.own.get("algorithm"), (variant.own.get("signing_key"),))]
        signs += [(jwt.algorithm, (jwt.signing_key, jwt.header)) for jwt in jwts_of(variant)]
        for algorithm, parts in signs:
            kind = _KINDS.get(str(getattr(algorithm, "text", algorithm)), "RSA")
            found |= {read[1]: kind for part in parts for read in getattr(part, "reads", ()) if read[0] == "inputs" and len(read) > 1}
    return found
