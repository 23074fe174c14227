"""Asking until the person has answered at their device: RFC 8628 §3.4 and §3.5, as slowly as the server wants it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from authweave.errors import (
    AuthorizationDenied,
    AuthweaveError,
    EndpointPaused,
    RateLimited,
    SignInFailed,
    TokenEndpointError,
    WireError,
)
from authweave.values import Token

SLOWER: Final = 5.0
"""Seconds that slow_down adds to this and all later pauses."""
LONGEST_BACKOFF: Final = 120.0


def polled(
    ask: Callable[[], Token], *, interval: float, expires_at: float, clock: Callable[[], float], rest: Callable[[float], None],
) -> Token:  # fmt: skip
    """The token, once there is one; a pause comes before each poll. `rest` sleeps, and raises where somebody called it off.

    Raises AuthorizationDenied, SignInFailed (expired), or what else the token endpoint says: then nothing will come.
    """
    pause, untold, profile = interval, "", ""
    try:
        while clock() + pause < expires_at:
            rest(pause)
            failure: AuthweaveError
            try:
                return ask()
            except (TokenEndpointError, RateLimited, EndpointPaused, WireError) as error:
                failure = error.fresh()
            untold = "" if _is_waiting(failure) else f"; the last that was heard of the token endpoint: {failure}"
            interval, pause = _after(failure, interval, clock())
        rest(max(0.0, expires_at - clock()))
    except SignInFailed as error:
        if error.reason != "expired" or not untold:
            raise
        profile = error.profile
    raise SignInFailed("expired", f"nobody answered at the device in time; begin again for a new code{untold}", profile=profile)


def _is_waiting(failure: AuthweaveError) -> bool:
    """Does the endpoint say that the person has not answered yet?"""
    return isinstance(failure, TokenEndpointError) and failure.error in ("authorization_pending", "slow_down")


def _after(failure: AuthweaveError, interval: float, now: float) -> tuple[float, float]:
    """The interval from now on, and the next pause. Raises where no further poll helps."""
    if isinstance(failure, TokenEndpointError):
        if failure.error == "slow_down":
            return interval + SLOWER, interval + SLOWER
        if failure.error == "authorization_pending":
            return interval, interval
        if failure.error == "access_denied":
            raise AuthorizationDenied(error="access_denied", error_description=failure.error_description)
        if failure.error == "expired_token":
            raise SignInFailed("expired", "nobody answered at the device in time; begin again for a new code")
        if failure.status < 500:
            raise failure
    if isinstance(failure, RateLimited | EndpointPaused):
        return interval, max(interval, failure.retry_at - now)
    if isinstance(failure, WireError) and not failure.retry:
        raise failure
    slower = min(2 * interval, max(LONGEST_BACKOFF, interval))  # no answer: ask less often (§3.5)
    return slower, slower
