"""Whether a token endpoint is asked again, and when: what it asked for, what is safe to repeat, what can help."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from authweave.errors import (
    AuthweaveError,
    DeadlineExceeded,
    RateLimited,
    TokenAnswerError,
    TokenEndpointError,
    TokenError,
    WireError,
)
from authweave.machine.chance import between
from authweave.tokens.pauses import Client, Pauses
from authweave.tokens.troubles import UNSENT

_PASSING: Final = frozenset({"temporarily_unavailable", "server_error", "slow_down"})
_UNDONE: Final = frozenset({"temporarily_unavailable", "slow_down"})
"""… and those that say that nothing was done."""


class Patience:
    """With one endpoint, for one client (`tokens.pauses`). `attempts` at most, which end within `deadline` seconds; `end` is of `time.monotonic`."""

    def __init__(
        self, pauses: Pauses, client: Client, *, attempts: int, deadline: float, clock: Callable[[], float], sleep: Callable[[float], None]
    ) -> None:
        self._pauses = pauses
        self._client = client
        self._attempts = attempts
        self._deadline = deadline
        self._clock = clock
        self._sleep = sleep

    def refuse_early(self, end: float) -> None:
        """Raise RateLimited or EndpointPaused where the endpoint has to be left alone until after `end`."""
        self._pauses.refuse(self._client, self._client[0])
        self._hold(end)

    def begin(self, end: float) -> None:
        """Wait for as long as the endpoint asked to be left alone, then count as one who asks. Raises as `refuse_early`."""
        self.wait(end)
        self._pauses.begin(self._client, self._client[0])

    def wait(self, end: float) -> None:
        """Wait for as long as the endpoint asked to be left alone. Raises RateLimited where that is until after `end`."""
        if (wait := self._hold(end)) > 0:
            self._sleep(wait)

    def answered(self) -> None:
        """It gave a token."""
        self._pauses.uncrowd(self._client)
        self._pauses.answered(self._client)

    def failed(self, failure: AuthweaveError, patience: float) -> None:
        """Does the endpoint answer at all? Whoever fails again and again is left alone for a while.

        That it took longer than the rest of a deadline spent elsewhere (`patience`, in seconds) says nothing of the endpoint.
        """
        if not isinstance(failure, RateLimited):
            self._pauses.uncrowd(self._client)
        if isinstance(failure, DeadlineExceeded) and patience < self._deadline / 2:
            return
        if isinstance(failure, WireError) or (isinstance(failure, TokenEndpointError) and failure.status >= 500):
            self._pauses.failed(self._client, str(failure))
        elif isinstance(failure, TokenError):
            self._pauses.answered(self._client)

    def wait_again(self, failure: AuthweaveError, attempt: int, end: float, *, once: bool) -> bool:
        """Wait before another attempt; False, at once, if there shall be none."""
        pause = self._pause(failure, attempt, once=once)
        if pause is None or time.monotonic() + pause >= end:
            return False
        self._sleep(pause)
        self.wait(end)
        return True

    def held(self, failure: AuthweaveError) -> AuthweaveError:
        """The failure; where the endpoint asks to be left alone, everybody does, and the error says until when."""
        if not isinstance(failure, RateLimited):
            return failure.fresh()
        moment = self._pauses.crowd(self._client, failure.retry_at)
        if moment <= failure.retry_at:
            return failure.fresh()
        held = RateLimited(url=failure.url, status=failure.status, retry_at=moment, wait=max(0.0, moment - self._clock()))
        held.is_unspent, held.is_of_answer = failure.is_unspent, failure.is_of_answer
        return held.of_step(failure.step) if failure.step else held

    def _hold(self, end: float) -> float:
        """Seconds that the endpoint asked to be left alone. Raises RateLimited where that is until after `end`."""
        wait = self._pauses.until(self._client) - self._clock()
        if wait > 0 and time.monotonic() + wait >= end:
            raise RateLimited(url=self._client[0], status=429, retry_at=self._clock() + wait, wait=wait)
        return wait

    def _pause(self, failure: AuthweaveError, attempt: int, *, once: bool) -> float | None:
        """Seconds to wait before another attempt, or None if there shall be none."""
        backoff = between(0.5, 1.0) * 0.5 * 2.0 ** (attempt - 1)
        if isinstance(failure, RateLimited):
            return max(0.0, failure.retry_at - self._clock()) + backoff if attempt < self._attempts else None
        return backoff if attempt < self._attempts and _may_repeat(failure, once=once) else None


def _may_repeat(failure: AuthweaveError, *, once: bool) -> bool:
    """Can it help, and is it safe? A code, or a refresh token that rotates, is never presented twice on a guess."""
    if isinstance(failure, WireError):
        return failure.retry and (failure.stage in UNSENT or (not once and failure.code != "read_timeout"))
    if isinstance(failure, TokenEndpointError):
        return failure.error in (_UNDONE if once else _PASSING) or (not once and failure.status in (500, 502, 503, 504))
    return isinstance(failure, TokenAnswerError) and failure.kind == "empty_or_partial_body" and not once
