"""Proof key for code exchange: RFC 7636. Who began the sign-in is who gets the token."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from typing import Final

_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)


def new_verifier() -> str:
    """64 characters with 384 bits of chance; a new one for each authorization request."""
    return secrets.token_urlsafe(48)


def challenge_of(verifier: str, method: str) -> str:
    """The code challenge (RFC 7636 §4.2). Raises ValueError for what is no verifier (§4.1) or no method."""
    if not _VERIFIER.fullmatch(verifier):
        raise ValueError("a code verifier has 43 to 128 characters of A-Z a-z 0-9 - . _ ~")
    if method == "plain":
        return verifier
    if method != "S256":
        raise ValueError("a code challenge method is S256 or plain")
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
