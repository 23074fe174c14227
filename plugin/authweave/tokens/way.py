"""A way to a token, as a renewal goes it; and whether a token that is at hand makes that needless."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from authweave.values import Record, Secret, Token


class Way(Protocol):
    """How a token is got. `attended`: a person consented, so it cannot be had anew. `credentials` marks the secrets."""

    @property
    def attended(self) -> bool:
        """Did a person consent?"""
        ...

    @property
    def credentials(self) -> str:
        """A mark of the client's secrets."""
        ...

    @property
    def brought(self) -> Secret | None:
        """The refresh token of the last answer, where the rest of it could not be used."""
        ...

    def refuse_early(self, end: float) -> None:
        """Raise RateLimited or EndpointPaused where the endpoint must not be asked before `end`."""
        ...

    def get(self, old: Token | None, end: float) -> Token:
        """A token, from an old one or anew, before a moment of `time.monotonic`."""
        ...

    def spends(self, old: Token | None) -> Secret | None:
        """The refresh token that `get` would present."""
        ...

    def needs_person(self, old: Token | None) -> bool:
        """Can only a person give another token: is there no consent to rest on?"""
        ...

    def fits(self, token: Token) -> bool:
        """Has this token everything that is kept of an answer today? A profile may have been edited since it was got."""
        ...

    def revoke(self, token: Token, end: float) -> bool:
        """End a token at the provider; False if there is no way to."""
        ...


def is_same(one: Token, other: Token) -> bool:
    """Are these the same token, perhaps as two objects?"""
    return one is other or one.access_token.matches(other.access_token)


def usable(record: Record, refused: Token | None, way: Callable[[], Way], now: float, *, waits: bool) -> Token | None:
    """The stored token, if it will do: for somebody who waits until its end, for a renewal beside until its window."""
    token = record.token
    if token is None or (refused is not None and is_same(token, refused)) or not way().fits(token):
        return None
    return token if now < (token.expires_at if waits else min(token.renew_at, token.expires_at)) else None
