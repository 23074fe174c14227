"""The protocol parameters and the three ways they are sent: RFC 5849 §3.1 and §3.5."""

from __future__ import annotations

from collections.abc import Iterable

from authweave.proofs.oauth1.base_string import escaped

Pairs = Iterable[tuple[str, str]]


def protocol_parameters(
    consumer_key: str, method: str, *, token: str = "", now: float, nonce: str, **more: str
) -> list[tuple[str, str]]:  # fmt: skip
    """`oauth_…` but for the signature, in the order they are sent. Without a token it is two-legged.

    PLAINTEXT needs neither time nor nonce, yet many servers ask for both of every request. `more` are members such as
    `callback` and `verifier`; empty ones are left out.
    """
    pairs = [
        ("consumer_key", consumer_key), ("token", token), ("signature_method", method), ("timestamp", str(int(now))),
        ("nonce", nonce), ("version", "1.0"), *more.items(),
    ]  # fmt: skip
    return [(f"oauth_{name}", value) for name, value in pairs if value]


def authorization(parameters: Pairs, realm: str = "") -> str:
    """The value of the header Authorization (§3.5.1). The realm is a quoted string (RFC 9110 §5.6.4), the rest is escaped."""
    quoted = realm.replace("\\", "\\\\").replace('"', '\\"')
    parts = [f'realm="{quoted}"'] if realm else []
    return "OAuth " + ", ".join([*parts, *(f'{escaped(name)}="{escaped(value)}"' for name, value in parameters)])


def written(parameters: Pairs) -> str:
    """The parameters as they stand in a query or in a form body (§3.5.2, §3.5.3)."""
    return "&".join(f"{escaped(name)}={escaped(value)}" for name, value in parameters)
