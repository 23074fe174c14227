"""Getting a token over the wire: the grant or the refresh, retried only where that is safe and can help.

Blocking, no locks, no store: `tokens/` has those. The token endpoint is called with our own transport, and a
redirect is never followed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from authweave.call import given_refresh_token, revoke_call, token_call, with_assertion
from authweave.discovery.completing import REVOCATION, TOKEN, Completed, names_by_resource
from authweave.discovery.registration import MARK
from authweave.drafts.draft import Draft
from authweave.egress.errand import calling_for
from authweave.errors import (
    AuthweaveError,
    RateLimited,
    TokenAnswerError,
    TokenEndpointError,
    WireError,
)
from authweave.profile import TokenSettings
from authweave.proofs import dpop
from authweave.token_calls.answers import brought_refresh_token, read_revocation, read_token
from authweave.token_calls.exchange import Exchange
from authweave.token_calls.patience import Patience
from authweave.token_calls.proving import proof_key, put_proof
from authweave.token_calls.reading import Reading
from authweave.token_calls.refusals import refusal_word
from authweave.token_calls.steps import Progress, Steps
from authweave.tokens.pauses import Client, Pauses
from authweave.tokens.troubles import is_client_refused
from authweave.values import Secret, TaskRequest, TaskResponse, Token

if TYPE_CHECKING:
    from authweave.discovery.completer import Completer
    from authweave.discovery.metadata import Metadata

ATTEMPTS: Final = 3
GIVEN_BY: Final = "(given by)"
"""Under which name a token keeps its issuer: no name that a profile could use."""
MOVED: Final = frozenset({404, 405, 410})
"""Answers of an endpoint that is not there: metadata may name another one by now."""


class TokenEndpoint:
    """Gets tokens for one client at one endpoint. `deadline` in seconds is for all attempts together.

    `scope()` makes the namespaces of templates anew for each call. `client` is whom a pause concerns, `credentials`
    marks the secrets of the calls. `completer` finds what the profile does not write.
    """

    def __init__(
        self, settings: TokenSettings, scope: Callable[[Token | None], dict[str, Any]], exchange: Exchange, *,
        deadline: float, pauses: Pauses, client: Client, credentials: str = "", origin: str = "auth", attempts: int = ATTEMPTS,
        clock: Callable[[], float] = time.time, sleep: Callable[[float], None] = time.sleep, nonces: dpop.Nonces | None = None,
        completer: Completer | None = None,
    ) -> None:  # fmt: skip
        self.settings = settings
        self._nonces = nonces or dpop.Nonces()
        self._scope = scope
        self._exchange = exchange
        self._deadline = deadline
        self._patience = Patience(pauses, client, attempts=attempts, deadline=deadline, clock=clock, sleep=sleep)
        self.credentials = credentials
        self.brought: Secret | None = None
        self._origin = origin
        self._clock = clock
        self._steps = Steps(settings, exchange, origin, clock)
        self._completer = completer

    @property
    def attended(self) -> bool:
        """Did a person consent, so that the grant cannot be repeated?"""
        return self.settings.attended

    def needs_person(self, old: Token | None) -> bool:
        """Can only a person give another token? With a consent first and another grant, what is left of a token tells of it."""
        if not self.settings.signs_in:
            return False
        return old is None or (self.settings.grant_signs_in and not self.is_refreshable(old))

    def refuse_early(self, end: float) -> None:
        """Raise RateLimited or EndpointPaused where the endpoint has to be left alone until after `end`."""
        self._patience.refuse_early(end)

    def spends(self, old: Token | None) -> Secret | None:
        """The refresh token that `get` would present: the one that is held, else the one that was given, else None."""
        if old is not None and old.refresh_token is not None and self.settings.refresh_with == "refresh_token":
            return old.refresh_token
        return given_refresh_token(self.settings, self._scope(None))

    def get(self, old: Token | None, end: float | None = None) -> Token:
        """A token: by refresh where one can be had so, else by the grant; before `end` (of `time.monotonic`).

        Where nobody has to consent, a refresh that fails is followed by the grant: the refresh token may be used up.
        Raises TokenError, WireError, InputError, TemplateError.
        """
        end = time.monotonic() + self._deadline if end is None else end
        self._patience.begin(end)
        patience = end - time.monotonic()
        failure: AuthweaveError
        try:
            token = self._got(old, end)
        except AuthweaveError as error:
            failure = error.fresh()
        else:
            self._patience.answered()
            return token
        self._patience.failed(failure, patience)
        raise failure

    def _got(self, old: Token | None, end: float) -> Token:
        if old is not None and self.is_refreshable(old):
            try:
                return self._tried(old, end, once=True)
            except (TokenEndpointError, TokenAnswerError, WireError) as error:
                if self.settings.attended or is_client_refused(error) or time.monotonic() >= end:
                    raise
        return self._consented(old, end)

    def _consented(self, old: Token | None, end: float) -> Token:
        """A token by the grant; where a person consented to it first, with what their redirect brought."""
        kept = self._of_consent(old)
        if not kept:
            return self._tried(None, end, once=self.settings.attended)
        scope = self._scope
        self._scope = lambda token: _with_kept(scope(token), kept)
        try:
            token = self._tried(None, end, once=True)
        finally:
            self._scope = scope
        return replace(token, kept={**token.kept, **kept})

    def _of_consent(self, old: Token | None) -> dict[str, Any]:
        """What is kept of the redirect of a sign-in that came before this grant."""
        callback = self.settings.sign_in.callback
        if old is None or callback is None or not self.settings.signs_in:
            return {}
        return {item.name: old.kept[item.name] for item in callback.keep if item.name in old.kept}

    def fits(self, token: Token) -> bool:
        """Has this token every value that the profile keeps of an answer, be it null, and a key if it is to be bound to one?"""
        if not (dpop.is_key(token.proof_key) if self.settings.dpop else token.proof_key is None):
            return False
        return all(item.name in token.kept for item in self.settings.keeps)

    def revoke(self, token: Token, end: float) -> bool:
        """End a token at the provider, before `end`: the refresh token where one is held. In one attempt; it may be repeated.

        False if the profile says of no way (`revoke_request`). Raises TokenError, WireError, InputError, TemplateError.
        """
        scope = self._scope(token)
        settings = self._completed(scope, end, token, REVOCATION).settings
        call = revoke_call(settings, scope, token, self._origin)
        if call is None:
            return False
        draft = call.draft()
        request = draft.finish()
        with calling_for("revocation"):
            response = self._exchange(request, end - time.monotonic(), tuple(draft.placed))
        read_revocation(response, Reading(settings, scope, token, self._clock(), request.url))
        return True

    def is_refreshable(self, old: Token) -> bool:
        """Can a new token be had from this one, without the grant?"""
        if self.settings.refresh_with == "refresh_token":
            return old.refresh_token is not None
        return self.settings.refresh_with == "access_token" and self._clock() < old.expires_at

    def _tried(self, old: Token | None, end: float, *, once: bool) -> Token:
        attempt, progress = 0, Progress()
        while True:
            attempt += 1
            failure: AuthweaveError
            try:
                return self._called(old, end, progress)
            except (RateLimited, TokenEndpointError, TokenAnswerError, WireError) as error:
                failure = self._patience.held(error)
            if not self._patience.wait_again(failure, attempt, end, once=progress.may_ask_once(grant_once=once)):
                raise failure

    def _called(self, old: Token | None, end: float, progress: Progress) -> Token:
        """The steps before, the token request, the steps after; from where an earlier attempt left off."""
        scope = with_assertion(self.settings, self._scope(old))
        if progress.token is None:
            self._steps.before(old, end, scope, progress)
            progress.token = self._granted(old, end, scope)
        failure: AuthweaveError
        try:
            return self._whole(self._steps.after(old, end, scope, progress))
        except AuthweaveError as error:
            failure = error.fresh()
        self.brought = progress.token.refresh_token
        raise failure

    def _whole(self, token: Token) -> Token:
        """The token with every name that is kept, null where no step or answer of this call gave it: see `fits`."""
        unkept = {item.name: None for item in self.settings.keeps if item.name not in token.kept}
        return replace(token, kept={**token.kept, **unkept}) if unkept else token

    def _granted(self, old: Token | None, end: float, scope: dict[str, Any], *, again: bool = False) -> Token:
        """The answer of the token endpoint alone."""
        found = self._completed(scope, end, old, TOKEN)
        key = proof_key(self.settings, old)
        request, response = self._asked(found.settings, key, scope, old, end)
        if response.status in MOVED and found.metadata is not None:
            other = self._completed(scope, end, old, TOKEN, than=found.metadata)
            if other.metadata is not None and other.metadata.endpoints != found.metadata.endpoints:
                request, response = self._asked(other.settings, key, scope, old, end)
        reading = Reading(found.settings, scope, old, self._clock(), request.url)
        failure: AuthweaveError
        try:
            return self._marked(replace(read_token(response, reading), proof_key=key), scope, old, found)
        except AuthweaveError as error:
            failure = error.fresh()
        if is_client_refused(failure) and self._completer is not None and self._completer.forget(found) and not (again or self.attended):
            found.out_of(scope)
            return self._granted(None, end, scope, again=True)  # as another client; what a person gave to this one is good for no other
        self.brought = brought_refresh_token(response, reading)
        failure.is_of_answer = True
        raise failure

    def _asked(
        self, settings: TokenSettings, key: Secret | None, scope: Mapping[str, Any], old: Token | None, end: float
    ) -> tuple[TaskRequest, TaskResponse]:
        """Send the call. With a key it is proved, and made and sent once more where the server wants its nonce in the proof
        (RFC 9449 §8): anew, because an assertion is good for one request."""
        draft = token_call(settings, scope, old, self._origin).draft()
        request, response = self._proved(draft, key, self._nonces.get(draft.url), end)
        nonce = self._nonces.learn(request.url, response.headers) if key is not None else ""
        reading = Reading(settings, scope, old, self._clock(), request.url)
        if not nonce or refusal_word(response, reading) != dpop.WANTS_NONCE:
            return request, response
        request, response = self._proved(token_call(settings, scope, old, self._origin).draft(), key, nonce, end)
        self._nonces.learn(request.url, response.headers)
        return request, response

    def _proved(self, draft: Draft, key: Secret | None, nonce: str, end: float) -> tuple[TaskRequest, TaskResponse]:
        if key is not None:
            put_proof(draft, key, self._clock(), nonce, f"{self._origin}.dpop")
        request = draft.finish()
        return request, self._exchange(request, end - time.monotonic(), tuple(draft.placed))

    def _completed(self, scope: dict[str, Any], end: float, old: Token | None, wanted: str, than: Metadata | None = None) -> Completed:
        """The settings with what the profile does not write, and the registered client among the inputs of the scope."""
        if self._completer is None:
            return Completed(self.settings)
        return self._completer.completed(scope, end, wanted, redirect_uri=_redirect_uri(scope, old), issuer=_issuer(scope, old), than=than)

    def _marked(self, token: Token, scope: Mapping[str, Any], old: Token | None, found: Completed) -> Token:
        """The token with the marks of its client's registration, and of who gave it where the resource says whom to ask."""
        redirect_uri, marks = _redirect_uri(scope, old), {}
        if found.client is not None and redirect_uri:
            marks[MARK] = redirect_uri
        if found.metadata is not None and names_by_resource(self.settings):
            marks[GIVEN_BY] = found.metadata.issuer
        return replace(token, kept={**token.kept, **marks}) if marks else token


def _with_kept(scope: dict[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    """The namespaces with more that is kept: changed in place, since variables read them there."""
    scope["kept"] = {**scope.get("kept", {}), **kept}
    return scope


def _redirect_uri(scope: Mapping[str, Any], old: Token | None) -> str:
    """For which redirect URI the client is registered that a code or a token was given to: no other client may use it."""
    consent = scope.get("consent")
    return str(consent.redirect_uri if consent is not None else old.kept.get(MARK, "") if old is not None else "")


def _issuer(scope: Mapping[str, Any], old: Token | None) -> str:
    """Who gave the code or the token that a call presents; '' where that is not known."""
    consent = scope.get("consent")
    return str(consent.issuer if consent is not None else old.kept.get(GIVEN_BY, "") if old is not None else "")
