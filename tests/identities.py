"""Connections of clients that a real identity provider knows: what the tests in `real` share."""

from __future__ import annotations

from typing import Any

from authweave.engine import Engine
from parts.identity import Client, IdentityProvider
from services import engine, oauth, profile

ACCOUNT = {"in": "payload", "key": "account_id", "value": "{{ inputs.account_id }}"}


def inputs_of(client: Client, **more: Any) -> dict[str, Any]:
    """What a host supplies for this client."""
    return {"client_id": client.client_id, "client_secret": client.client_secret, **more}


def connected(provider: IdentityProvider, client: Client, run: Engine | None = None, **auth: Any) -> Any:
    """A connection for this client, to the provider's own APIs."""
    made = profile(oauth(provider.token_url, **auth), provider.origin)
    return (run or engine()).connect(made, inputs=inputs_of(client))


def vendor(provider: IdentityProvider, client: Client, run: Engine | None = None, *, account: str = "7", **auth: Any) -> Any:
    """A connection by the vendor grant of oidc-provider; refreshes are told apart by their URL."""
    how = {"grant_type": "account_credentials", "token_request": {"fields": [ACCOUNT]}, "refresh_url": f"{provider.token_url}?refresh", **auth}
    made = profile(oauth(provider.token_url, **how), provider.origin, inputs={"account_id": {}})
    return (run or engine()).connect(made, inputs=inputs_of(client, account_id=account))


def vendor_client(provider: IdentityProvider, **more: Any) -> Client:
    """A client that may use the vendor grant, and gets refresh tokens."""
    return provider.new_client(grant_types=("account_credentials", "refresh_token"), **more)
