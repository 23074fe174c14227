"""Signed texts that say who asks: JSON Web Tokens (RFC 7519, 7515), and SAML assertions that somebody else signed."""

from __future__ import annotations

from authweave.assertions.algorithms import ALGORITHMS, Algorithm
from authweave.assertions.jwt import Description, Signed, signed
from authweave.assertions.private_keys import signing_key
from authweave.assertions.ready import Ready, ready
from authweave.assertions.thumbprints import thumbprint

__all__ = ["ALGORITHMS", "Algorithm", "Description", "Ready", "Signed", "ready", "signed", "signing_key", "thumbprint"]
