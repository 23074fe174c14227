"""Token calls that prove a key, to which the token is then bound (DPoP, RFC 9449)."""

from __future__ import annotations

from authweave.drafts.draft import Draft
from authweave.profile import TokenSettings
from authweave.proofs import dpop
from authweave.values import Secret, Token


def proof_key(settings: TokenSettings, old: Token | None) -> Secret | None:
    """The key that a token is bound to: that of the token which is refreshed, else a new one; None where tokens are not bound."""
    if not settings.dpop:
        return None
    return old.proof_key if old is not None and dpop.is_key(old.proof_key) else dpop.new_key()


def put_proof(draft: Draft, key: Secret, now: float, nonce: str, origin: str) -> None:
    """Put a proof of the key into a token call, in the place of one that is there."""
    made = dpop.proof(key, method=draft.method, url=draft.url, now=now, nonce=nonce)
    draft.put("header", dpop.HEADER, made, origin=origin, secret=True)
