"""A sign-in is completed: what came back with the person is judged, used up, and given for a token. Blocking; runs in a worker."""

from __future__ import annotations

import hmac
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NoReturn

from authweave.errors import (
    AuthorizationDenied,
    AuthweaveError,
    CallbackRefused,
    WireError,
)
from authweave.machine.chance import between
from authweave.patterns import compile_pattern
from authweave.profile import Keep
from authweave.sign_in.begun import Begun, session_mark
from authweave.sign_in.callbacks import RESERVED, Callback
from authweave.sign_in.issuers import refuse_other_issuer
from authweave.sign_in.shelf import Shelf
from authweave.sign_in.three_legs import is_of
from authweave.sign_in.whose import Whose
from authweave.tokens.records import Unheld, held
from authweave.tokens.troubles import UNSENT
from authweave.values import Consent, Secret, Token

TRIES: Final = 4
CODE_TRIES: Final = 3


class Completing:
    """Of the sign-in of one token key. Any process on the store may do it."""

    def __init__(self, whose: Whose, shelf: Shelf) -> None:
        self.whose = whose
        self.shelf = shelf
        self._clock = whose.clock

    def complete(self, callback: Callback, session: str = "") -> Token:
        """The token for what came back. Each state is taken once; of several who come at once one gets the token.

        Raises CallbackRefused, AuthorizationDenied, and what getting a token raises.
        """
        for _ in range(TRIES):
            version, begun = self.shelf.read()
            begun = self._answered(begun, callback, session)
            self._refuse(version, begun, callback)
            consent = self._consent(begun, callback)
            self.whose.endpoint(consent).refuse_early(time.monotonic() + self.whose.deadline)  # or the answer would be used up for nothing
            if self.shelf.write(version, replace(begun, used_at=self._clock()), self._clock()):
                return self._redeemed(consent)
        raise CallbackRefused("used", "somebody else completes this sign-in right now", profile=self.whose.profile.name)

    def _answered(self, begun: Begun | None, callback: Callback, session: str) -> Begun:
        """The sign-in that this answers. Raises CallbackRefused; whoever has not the state cannot end it."""
        if begun is None or not hmac.compare_digest(begun.state.encode(), callback.state.encode(errors="surrogatepass")):
            self._no("state", "this answers no sign-in under way: it was never begun here, ended long ago, or a newer one was begun")
        if begun.facts != self.whose.key.facts():
            self._no("connection", "this answers the sign-in of somebody else")
        if not begun.is_open:
            self._no("used", "this answer was used before" if begun.used_at else f"this sign-in has ended: {begun.ended}")
        if self._clock() >= begun.expires_at:
            self._no("expired", "this answer comes too late: the link was good for ten minutes")
        if not hmac.compare_digest(begun.session, session_mark(session)):
            self._no("session", "this sign-in was begun in another session of the browser" if begun.session else "this sign-in was begun without a session")
        if not is_of(callback, begun.more):
            self._no("state", "this answers another sign-in: it holds another token than the one that was sent along")
        callback.refuse_other_place(begun.redirect_uri)
        callback.refuse_doubled(self._read_of_callback())
        return begun

    def _refuse(self, version: int, begun: Begun, callback: Callback) -> None:
        """End the sign-in where somebody else answers, or the provider says no. Raises CallbackRefused, AuthorizationDenied."""
        name = self.whose.profile.name
        refusal: AuthweaveError | None = callback.denied(name)
        try:
            refuse_other_issuer(begun, callback.parameters.get("iss"))
        except CallbackRefused as error:
            refusal = error.fresh()
        if refusal is not None:
            word = refusal.error if isinstance(refusal, AuthorizationDenied) else "somebody else answered"
            ended = replace(begun, ended="issuer" if isinstance(refusal, CallbackRefused) else "denied", why=word)
            self.shelf.write(version, ended, self._clock())
            raise refusal

    def _consent(self, begun: Begun, callback: Callback) -> Consent:
        """What the redirect brought. Raises CallbackRefused where the code is missing, TemplateError for a value that must not be kept."""
        sign_in = self.whose.settings.sign_in
        scope = self.whose.scope()
        scope["callback"] = dict(callback.parameters)
        code = sign_in.callback.code.value(scope) if sign_in.callback is not None else callback.parameters.get("code")
        code = code.reveal() if isinstance(code, Secret) else code
        if (self.whose.settings.grant_signs_in or begun.more) and not (isinstance(code, str) and code):
            self._no("code", "the answer to the sign-in has no code")
        kept = _kept(sign_in.callback.keep, scope) if sign_in.callback is not None else {}
        return Consent(
            Secret(code, "the redirect") if isinstance(code, str) and code else None, Secret(begun.verifier, "the sign-in") if begun.verifier else None,
            begun.redirect_uri, dict(callback.parameters), kept, begun.more, begun.issuer,
        )  # fmt: skip

    def _redeemed(self, consent: Consent) -> Token:
        """The token for a consent. A code is presented once: again only where nothing of the first try left this machine."""

        def get(end: float) -> Token:
            for attempt in range(1, CODE_TRIES + 1):
                failure: WireError
                try:
                    token = self.whose.endpoint(consent).get(None, end)
                    return replace(token, kept={**token.kept, **consent.kept})
                except WireError as error:
                    failure = error.fresh()
                pause = between(0.5, 1.0) * 2.0 ** (attempt - 2)
                if failure.stage not in UNSENT or not failure.retry or attempt == CODE_TRIES or time.monotonic() + pause >= end:
                    raise failure
                self.whose.rest(pause)
            raise AssertionError("the last try returns or raises")

        return self.whose.tokens.signed_in(get)

    def _read_of_callback(self) -> frozenset[str]:
        """The parameters of the redirect that anything reads."""
        sign_in = self.whose.settings.sign_in
        if sign_in.callback is None:
            return RESERVED
        templates = (sign_in.callback.code, *(keep.value for keep in sign_in.callback.keep))
        return RESERVED | {read[1] for template in templates for read in template.reads if read[0] == "callback" and len(read) > 1}

    def _no(self, reason: str, message: str) -> NoReturn:
        raise CallbackRefused(reason, message, profile=self.whose.profile.name)


def _kept(keep: tuple[Keep, ...], scope: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of the redirect, null where it is not there. Raises CallbackRefused for what does not look as it must."""
    kept: dict[str, Any] = {}
    for item in keep:
        value = item.value.value(scope)
        plain = _held(item, value.reveal() if isinstance(value, Secret) else value)
        if plain is not None and item.pattern is not None and not (isinstance(plain, str) and compile_pattern(item.pattern).matches(plain)):
            raise CallbackRefused("form", f"{item.origin}: what came back as `{item.name}` does not look like `{item.pattern}`")
        kept[item.name] = Secret(plain, f"kept.{item.name}") if plain is not None and item.secret else plain
    return kept


def _held(item: Keep, value: Any) -> Any:
    try:
        return held(value)
    except Unheld as unheld:
        problem = str(unheld)
    raise CallbackRefused("form", f"{item.origin}: what came back as `{item.name}` {problem}")
