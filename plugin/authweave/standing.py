"""How a user stands with a profile, as a value that a bot can forward."""

from __future__ import annotations

from authweave.errors import AuthorizationRequired, SignInNeeded
from authweave.values import NEVER, Authorization, SignIn, Token


def sign_in_of(error: SignInNeeded) -> SignIn:
    """What an error that asks for a person says to a bot: the link, or the code to type, if there is one."""
    if not isinstance(error, AuthorizationRequired):
        return SignIn(error.profile, subject=error.subject, tenant=error.tenant, reason=error.reason)
    whose = SignIn(error.profile, error.identity_provider, error.subject, error.tenant)
    return to_do(whose, error.authorization, error.reason if error.authorization else str(error))


def to_do(whose: SignIn, begun: Authorization | None, reason: str) -> SignIn:
    """The same with what there is to do: a sign-in that was begun."""
    url = (begun.url or begun.verification_uri_complete or begun.verification_uri) if begun else ""
    return SignIn(
        whose.profile, whose.identity_provider, whose.subject, whose.tenant, url=url, expires_at=begun.expires_at if begun else None,
        user_code=begun.user_code if begun else "", reason=reason,
    )  # fmt: skip


def done(whose: SignIn, token: Token | None) -> SignIn:
    """The same with nothing left to do."""
    ends = None if token is None or token.refresh_token is not None or token.expires_at == NEVER else token.expires_at
    return SignIn(whose.profile, whose.identity_provider, whose.subject, whose.tenant, is_authorized=True, expires_at=ends)
