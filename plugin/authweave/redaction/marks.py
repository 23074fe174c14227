"""A secret by its mark: what is told of it, so that two people can compare and nobody sees it."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any, Final

from authweave.values import Secret

SALT: Final = b"authweave"
"""The salt of fingerprints where none is given: the same everywhere, so that two people can compare."""
_SHOWN_LENGTH: Final = 8


def fingerprint(secret: Secret | str | bytes, salt: bytes = SALT) -> str:
    """`#a91f`: sixteen bits of a salted HMAC-SHA256, to compare two secrets without seeing them."""
    return "#" + hmac.new(salt, _bytes(secret), hashlib.sha256).hexdigest()[:4]


def masked(secret: Secret | str | bytes, name: str, salt: bytes = SALT) -> str:
    """`‹secret client_secret: 40 chars, #a91f›`. Of a secret under eight characters nothing more is told."""
    value = text_in(secret)
    length = f"{len(value)} {'bytes' if isinstance(value, bytes) else 'chars'}"
    told = f"{length}, {fingerprint(secret, salt)}" if len(value) >= _SHOWN_LENGTH else "short"
    return f"‹secret {name}: {told}›"


def plain(secret: Secret | str | bytes) -> Any:
    """The value itself, to look for it; never to show it."""
    return secret.reveal() if isinstance(secret, Secret) else secret


def text_in(secret: Secret | str | bytes) -> str | bytes:
    """The value as one text."""
    value = plain(secret)
    return value if isinstance(value, str | bytes) else json.dumps(value, separators=(",", ":"), default=str)


def _bytes(secret: Secret | str | bytes) -> bytes:
    text = text_in(secret)
    return text if isinstance(text, bytes) else text.encode(errors="surrogatepass")
