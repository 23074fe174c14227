"""Waiting for a person: until the sign-in under way has come to an end, wherever it is completed. Blocking; runs in a worker."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, NoReturn

from authweave.errors import (
    AuthorizationDenied,
    AuthweaveError,
    SignInFailed,
    StoreUnavailable,
)
from authweave.sign_in.beginning import DEVICE
from authweave.sign_in.begun import Begun
from authweave.sign_in.polling import polled
from authweave.sign_in.shelf import Shelf
from authweave.sign_in.whose import Whose
from authweave.tokens.owners import new_owner
from authweave.values import Consent, Secret, Token

TRIES: Final = 4
LOOKING: Final = 1.0
"""Seconds between two looks at a sign-in that somebody else completes, or calls off."""


class Waiting:
    """For the sign-in of one token key. `begin_at_device` begins one, if need be."""

    def __init__(self, whose: Whose, shelf: Shelf, begin_at_device: Callable[[], object]) -> None:
        self.whose = whose
        self.shelf = shelf
        self._begin_at_device = begin_at_device
        self._clock = whose.clock

    def wait(self) -> Token:
        """The token of the sign-in under way, once the person has answered; at a device, begun now if need be.

        One process polls for all of them. Raises AuthorizationDenied, SignInFailed, and what getting a token raises.
        """
        if self.whose.is_at_device:
            self._begin_at_device()
        begun = self.shelf.read()[1]
        if begun is None:
            raise SignInFailed("none", "no sign-in is under way: begin one", profile=self.whose.profile.name)
        owner = new_owner()
        while True:
            if (token := self._come_of(begun)) is not None:
                return token
            if begun.kind == DEVICE and self.shelf.lease(owner, begun.interval + 2 * self.whose.deadline):
                try:
                    return self._polled(begun, owner)
                finally:
                    with suppress(StoreUnavailable):
                        self.shelf.release(owner)
            self._rest(LOOKING)

    def cancel(self) -> bool:
        """Call off the sign-in under way: its link is of no more use, and nobody polls. False if there was none."""
        for _ in range(TRIES):
            version, begun = self.shelf.read()
            if begun is None or not begun.is_good(self._clock()):
                return False
            if self.shelf.write(version, replace(begun, ended="cancelled", why="it was called off"), self._clock()):
                return True
        return False

    def _come_of(self, begun: Begun) -> Token | None:
        """The token that came of it; None while it is under way. Raises SignInFailed where nothing will come any more."""
        now = self.shelf.read()[1]
        if now is None or now.state != begun.state:
            self._fail("cancelled", "a newer sign-in was begun")
        if now.ended == "denied":
            raise AuthorizationDenied(error=now.why or "access_denied", profile=self.whose.profile.name)
        if now.ended:
            self._fail(now.ended, f"the sign-in has ended: {now.why or now.ended}")
        if now.used_at and (token := self.whose.tokens.stored()) is not None and token.issued_at >= begun.begun_at:
            self.whose.tokens.take(token)
            return token
        if self._clock() >= now.expires_at + (self.whose.deadline if now.used_at else 0.0):
            self._fail("expired", "nobody signed in in time; begin again")
        return None

    def _polled(self, begun: Begun, owner: str) -> Token:
        consent = Consent(Secret(begun.device_code, "the sign-in"), more=begun.more, issuer=begun.issuer)
        failure: AuthweaveError

        def ask() -> Token:
            self.shelf.lease(owner, begun.interval + 2 * self.whose.deadline)
            return self.whose.endpoint(consent).get(None, time.monotonic() + self.whose.deadline)

        def rest(seconds: float) -> None:
            end = self._clock() + seconds
            while (left := end - self._clock()) > 0:
                self._rest(min(left, LOOKING))
                if (token := self._come_of(begun)) is not None:
                    raise _Elsewhere(token)

        try:
            token = polled(ask, interval=begun.interval, expires_at=begun.expires_at, clock=self._clock, rest=rest)
            self._refuse_called_off(begun)
            kept = self.whose.tokens.signed_in(lambda end: token)
        except _Elsewhere as completed:
            return completed.token
        except AuthweaveError as error:
            failure = error.fresh()
        else:
            self._end(begun, used_at=self._clock())
            return kept
        if not isinstance(failure, SignInFailed) or failure.reason in ("denied", "expired"):
            word = failure.reason if isinstance(failure, SignInFailed) else "refused"
            with suppress(StoreUnavailable):
                self._end(begun, ended=word, why=failure.error if isinstance(failure, AuthorizationDenied) else str(failure))
        raise failure

    def _refuse_called_off(self, begun: Begun) -> None:
        """Raise SignInFailed where somebody called it off while the answer was on its way: they were told that nothing comes of it."""
        now = None
        with suppress(StoreUnavailable):
            now = self.shelf.read()[1]
        if now is not None and now.state == begun.state and now.ended == "cancelled":
            self._fail(now.ended, f"the sign-in has ended: {now.why}")

    def _end(self, begun: Begun, **how: Any) -> None:
        version, now = self.shelf.read()
        if now is not None and now.state == begun.state and now.is_open:
            self.shelf.write(version, replace(now, **how), self._clock())

    def _rest(self, seconds: float) -> None:
        if self.whose.is_ending():
            self._fail("cancelled", "the process is ending")
        self.whose.rest(seconds)

    def _fail(self, reason: str, message: str) -> NoReturn:
        raise SignInFailed(reason, message, profile=self.whose.profile.name)


class _Elsewhere(Exception):
    """Somebody else has completed the sign-in meanwhile."""

    def __init__(self, token: Token) -> None:
        super().__init__()
        self.token = token
