"""How the tests of the parts ask by hand."""

from __future__ import annotations

import base64
from base64 import urlsafe_b64encode
from hashlib import sha256
from urllib.parse import quote_plus

from parts.identity import Client


def form_encoded(client: Client) -> dict[str, str]:
    """Basic as RFC 6749 §2.3.1 wants it."""
    return basic(quote_plus(client.client_id), quote_plus(client.client_secret))


def raw(client: Client) -> dict[str, str]:
    """Basic as RFC 7617 wants it."""
    return basic(client.client_id, client.client_secret)


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def in_body(client: Client) -> dict[str, str]:
    return {"client_id": client.client_id, "client_secret": client.client_secret}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


CREDENTIALS = {"grant_type": "client_credentials"}
BACK = "http://127.0.0.1:7777/callback"  # nobody listens there


def s256(verifier: str) -> str:
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")
