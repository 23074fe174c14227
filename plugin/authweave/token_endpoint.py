"""Getting a token over the wire: the grant or the refresh, retried only where that is safe and can help.

Blocking, no locks, no store: `tokens.py` has those. The token endpoint is called with our own transport, and a
redirect is never followed.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from authweave.call import token_call
from authweave.drafts.draft import Placed
from authweave.errors import AuthweaveError, RateLimited, TokenAnswerError, TokenEndpointError, WireError
from authweave.forks import Lock
from authweave.net.values import Call
from authweave.profile import TokenSettings
from authweave.token_answers import Reading, read_token
from authweave.values import NEVER, TaskRequest, TaskResponse, Token
from authweave.wire import Wire

ATTEMPTS: Final = 3
_PASSING: Final = frozenset({"temporarily_unavailable", "server_error", "slow_down"})
_UNSENT: Final = frozenset({"dns", "connect", "proxy", "tls"})

Exchange = Callable[[TaskRequest, float, tuple[Placed, ...]], TaskResponse]
"""Send one finished request within so many seconds. The last says which key of the profile put what into it."""


class Holds:
    """Until when an endpoint asked to be left alone (`Retry-After`), for every connection of the engine. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._until: dict[tuple[str, str], float] = {}

    def until(self, key: tuple[str, str]) -> float:
        """Unix seconds; 0 if there is nothing to wait for."""
        with self._lock:
            return self._until.get(key, 0.0)

    def put(self, key: tuple[str, str], moment: float, now: float) -> None:
        """Remember a request to wait; those that are over are forgotten."""
        with self._lock:
            self._until = {known: until for known, until in self._until.items() if until > now}
            self._until[key] = max(moment, self._until.get(key, 0.0))


class TokenEndpoint:
    """Gets tokens for one client at one endpoint. `deadline` in seconds is for all attempts together.

    `scope()` makes the namespaces of templates anew for each call. `hold_key` is whom a `Retry-After` concerns.
    """

    def __init__(
        self, settings: TokenSettings, scope: Callable[[Token | None], Mapping[str, Any]], exchange: Exchange, *,
        deadline: float, holds: Holds, hold_key: tuple[str, str], origin: str = "auth", attempts: int = ATTEMPTS,
        clock: Callable[[], float] = time.time, sleep: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        self.settings = settings
        self._scope = scope
        self._exchange = exchange
        self._deadline = deadline
        self._holds = holds
        self._hold_key = hold_key
        self._origin = origin
        self._attempts = attempts
        self._clock = clock
        self._sleep = sleep

    def get(self, old: Token | None, end: float | None = None) -> Token:
        """A token: by refresh where one can be had so, else by the grant; before `end` (of `time.monotonic`).

        Where nobody has to consent, a refresh that fails is followed by the grant: the refresh token may be used up.
        Raises TokenError, WireError, InputError, TemplateError.
        """
        end = time.monotonic() + self._deadline if end is None else end
        if old is not None and self.is_refreshable(old):
            try:
                return self._tried(old, end, once=True)
            except (TokenEndpointError, TokenAnswerError, WireError) as error:
                if self.settings.grant.attended or is_client_refused(error) or time.monotonic() >= end:
                    raise
        return self._tried(None, end, once=self.settings.grant.attended)

    def is_refreshable(self, old: Token) -> bool:
        """Can a new token be had from this one, without the grant?"""
        if self.settings.refresh_with == "refresh_token":
            return old.refresh_token is not None
        return self.settings.refresh_with == "access_token" and self._clock() < old.expires_at

    def _tried(self, old: Token | None, end: float, *, once: bool) -> Token:
        attempt = 0
        while True:
            attempt += 1
            self._wait_for_hold(end)
            failure: AuthweaveError
            try:
                return self._called(old, end)
            except (RateLimited, TokenEndpointError, TokenAnswerError, WireError) as error:
                failure = error.fresh()
            pause = self._pause(failure, attempt, once=once)
            if pause is None or time.monotonic() + pause >= end:
                raise failure
            self._sleep(pause)

    def _called(self, old: Token | None, end: float) -> Token:
        scope = self._scope(old)
        draft = token_call(self.settings, scope, old, self._origin).draft()
        request = draft.finish()
        response = self._exchange(request, end - time.monotonic(), tuple(draft.placed))
        reading = Reading(self.settings, scope, old, self._clock(), shown_url(request.url))
        return read_token(response, reading)

    def _wait_for_hold(self, end: float) -> None:
        until = self._holds.until(self._hold_key)
        wait = until - self._clock()
        if wait <= 0:
            return
        if time.monotonic() + wait >= end:
            raise RateLimited(url=self._hold_key[0], status=429, retry_at=until, wait=wait)
        self._sleep(wait)

    def _pause(self, failure: AuthweaveError, attempt: int, *, once: bool) -> float | None:
        """Seconds to wait before another attempt, or None if there shall be none."""
        backoff = float(random.uniform(0.5, 1.0) * 0.5 * 2 ** (attempt - 1))  # noqa: S311 - spreads load
        if isinstance(failure, RateLimited):
            now = self._clock()
            self._holds.put(self._hold_key, failure.retry_at, now)
            return max(0.0, failure.retry_at - now) + backoff if attempt < self._attempts else None
        return backoff if attempt < self._attempts and _may_repeat(failure, once=once) else None


def is_client_refused(error: AuthweaveError) -> bool:
    """Does the endpoint refuse the client itself: its id or its secret (RFC 6749 §5.2)?"""
    if not isinstance(error, TokenEndpointError):
        return False
    word = (error.error or "").replace("_", "").lower()  # some spell it InvalidClient
    return word == "invalidclient" or (error.status == 401 and not word)


def _may_repeat(failure: AuthweaveError, *, once: bool) -> bool:
    """Can it help, and is it safe? A code, or a refresh token that rotates, is never presented twice on a guess."""
    if isinstance(failure, WireError):
        return failure.retry and (failure.stage in _UNSENT or (not once and failure.code != "read_timeout"))
    if isinstance(failure, TokenEndpointError):
        return failure.error in _PASSING or (not once and failure.status in (500, 502, 503, 504))
    return isinstance(failure, TokenAnswerError) and failure.kind == "empty_or_partial_body" and not once


def shown_url(url: str) -> str:
    """A URL for messages: without its query, which may hold secrets."""
    return url.partition("?")[0]


def wire_exchange(wire: Wire) -> Exchange:
    """Send over the wire."""

    def exchange(request: TaskRequest, seconds: float, _: tuple[Placed, ...]) -> TaskResponse:
        reply = wire.send(Call(request.method, request.url, request.headers, request.body), deadline=seconds)
        return TaskResponse(reply.status, reply.headers, reply.body)

    return exchange


def lifetime_words(token: Token, now: float) -> str:
    """`expires in 900 s`, for people."""
    return "no stated end" if token.expires_at == NEVER else f"expires in {token.expires_at - now:.0f} s"
