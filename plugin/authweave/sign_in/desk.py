"""The sign-in of one token key: begun, answered, ended. Blocking; runs in a worker. Any process on the store may do each part."""

from __future__ import annotations

from authweave.sign_in.beginning import Beginning
from authweave.sign_in.callbacks import Callback
from authweave.sign_in.completing import Completing
from authweave.sign_in.shelf import Shelf
from authweave.sign_in.waiting import Waiting
from authweave.sign_in.whose import Whose
from authweave.values import Authorization, Token


class Desk:
    """Everything about signing in under one token key. Raises TokenError, WireError, StoreUnavailable, InputError, ApplyError."""

    def __init__(self, whose: Whose) -> None:
        shelf = Shelf.of(whose.ledger, whose.key)
        self._beginning = Beginning(whose, shelf)
        self._completing = Completing(whose, shelf)
        self._waiting = Waiting(whose, shelf, self._beginning.join)

    def begin(self, session: str = "", redirect_uri: str | None = None) -> Authorization:
        """Where the person signs in. Asked again for the same session and redirect URI, it is the same link."""
        return self._beginning.begin(session, redirect_uri)

    def join(self) -> Authorization:
        """For a caller without a token: the sign-in under way, whoever began it, or a new one."""
        return self._beginning.join()

    def complete(self, callback: Callback, session: str = "") -> Token:
        """The token for what came back. Raises CallbackRefused, AuthorizationDenied, too."""
        return self._completing.complete(callback, session)

    def wait(self) -> Token:
        """The token of the sign-in under way, once the person has answered. Raises AuthorizationDenied, SignInFailed, too."""
        return self._waiting.wait()

    def cancel(self) -> bool:
        """Call off the sign-in under way. False if there was none."""
        return self._waiting.cancel()
