"""What types, grants and client authentications that sign have in common: the implied key, and who needs no client id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

SIGNING_KEY: Final[Mapping[str, Mapping[str, Any]]] = {
    "signing_key": {"title": "Signing key", "description": "The private key, in PEM.", "type": "pem", "secret": True},
}  # fmt: skip
"""The implied input."""
CERTIFICATE: Final[Mapping[str, Mapping[str, Any]]] = {
    "certificate": {"title": "Client certificate", "type": "pem", "secret": True},
    "private_key": {"title": "Private key of the certificate", "type": "pem", "secret": True},
}
"""The implied inputs of a client that shows a certificate (RFC 8705)."""


def without_client(auth: Mapping[str, Any]) -> dict[str, Any]:
    """`client_auth: none` where the profile writes no client id: then nothing of a client is sent."""
    return {} if "client_id" in auth else {"client_auth": "none"}
