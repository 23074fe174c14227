"""Getting a token over the wire: the grant or the refresh, retried only where that is safe and can help.

Blocking, no locks, no store: `tokens/` has those. The token endpoint is called with our own transport, and a
redirect is never followed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from authweave.call import given_refresh_token, revoke_call, token_call, with_assertion
from authweave.discovery.completing import REVOCATION, TOKEN, Completed, names_by_resource
from authweave.discovery.registration import MARK
from authweave.drafts.draft import Draft, Placed
from authweave.egress.errand import calling_for
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
from authweave.net.values import Call
from authweave.profile import TokenSettings
from authweave.proofs import dpop
from authweave.token_calls.answers import brought_refresh_token, read_revocation, read_token
from authweave.token_calls.reading import Reading
from authweave.token_calls.refusals import refusal_word
from authweave.token_calls.steps import Progress, Steps
from authweave.tokens.pauses import Client, Pauses
from authweave.tokens.troubles import UNSENT, is_client_refused
from authweave.values import NEVER, Secret, TaskRequest, TaskResponse, Token
from authweave.wire import Wire

if TYPE_CHECKING:
    from authweave.discovery.completer import Completer
    from authweave.discovery.metadata import Metadata

ATTEMPTS: Final = 3
GIVEN_BY: Final = "(given by)"
"""Under which name a token keeps its issuer: no name that a profile could use."""
MOVED: Final = frozenset({404, 405, 410})
"""Answers of an endpoint that is not there: metadata may name another one by now."""
_PASSING: Final = frozenset({"temporarily_unavailable", "server_error", "slow_down"})
_UNDONE: Final = frozenset({"temporarily_unavailable", "slow_down"})
"""… and those that say that nothing was done."""


class Exchange(Protocol):
    """Send one finished request within so many seconds. `placed` says which key of the profile put what into it; `wire` is
    the connection's own, where it shows a certificate. Raises WireError, PlacementError."""

    def __call__(self, request: TaskRequest, seconds: float, placed: tuple[Placed, ...], *, wire: Wire | None = None) -> TaskResponse:
        """The answer, whatever its status."""
        ...



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
        self._pauses = pauses
        self._client = client
        self.credentials = credentials
        self.brought: Secret | None = None
        self._origin = origin
        self._attempts = attempts
        self._clock = clock
        self._sleep = sleep
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
        self._pauses.refuse(self._client, self._client[0])
        self._hold(end)

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
        self._wait_for_hold(end)
        self._pauses.begin(self._client, self._client[0])
        patience = end - time.monotonic()
        failure: AuthweaveError
        try:
            token = self._got(old, end)
        except AuthweaveError as error:
            failure = error.fresh()
        else:
            self._pauses.uncrowd(self._client)
            self._pauses.answered(self._client)
            return token
        self._judge(failure, patience)
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

    def _judge(self, failure: AuthweaveError, patience: float) -> None:
        """Does the endpoint answer at all? Whoever fails again and again is left alone for a while.

        That it took longer than the rest of a deadline spent elsewhere says nothing of the endpoint.
        """
        if not isinstance(failure, RateLimited):
            self._pauses.uncrowd(self._client)
        if isinstance(failure, DeadlineExceeded) and patience < self._deadline / 2:
            return
        if isinstance(failure, WireError) or (isinstance(failure, TokenEndpointError) and failure.status >= 500):
            self._pauses.failed(self._client, str(failure))
        elif isinstance(failure, TokenError):
            self._pauses.answered(self._client)

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
                failure = self._held(error)
            pause = self._pause(failure, attempt, once=progress.may_ask_once(grant_once=once))
            if pause is None or time.monotonic() + pause >= end:
                raise failure
            self._sleep(pause)
            self._wait_for_hold(end)

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

    def _wait_for_hold(self, end: float) -> None:
        if (wait := self._hold(end)) > 0:
            self._sleep(wait)

    def _hold(self, end: float) -> float:
        """Seconds that the endpoint asked to be left alone. Raises RateLimited where that is until after `end`."""
        wait = self._pauses.until(self._client) - self._clock()
        if wait > 0 and time.monotonic() + wait >= end:
            raise RateLimited(url=self._client[0], status=429, retry_at=self._clock() + wait, wait=wait)
        return wait

    def _held(self, failure: AuthweaveError) -> AuthweaveError:
        """The failure; where the endpoint asks to be left alone, everybody does, and the error says until when."""
        if not isinstance(failure, RateLimited):
            return failure.fresh()
        moment = self._pauses.crowd(self._client, failure.retry_at)
        if moment <= failure.retry_at:
            return failure.fresh()
        held = RateLimited(url=failure.url, status=failure.status, retry_at=moment, wait=max(0.0, moment - self._clock()))
        held.is_unspent, held.is_of_answer = failure.is_unspent, failure.is_of_answer
        return held.of_step(failure.step) if failure.step else held

    def _pause(self, failure: AuthweaveError, attempt: int, *, once: bool) -> float | None:
        """Seconds to wait before another attempt, or None if there shall be none."""
        backoff = between(0.5, 1.0) * 0.5 * 2.0 ** (attempt - 1)
        if isinstance(failure, RateLimited):
            return max(0.0, failure.retry_at - self._clock()) + backoff if attempt < self._attempts else None
        return backoff if attempt < self._attempts and _may_repeat(failure, once=once) else None


def proof_key(settings: TokenSettings, old: Token | None) -> Secret | None:
    """The key that a token is bound to: that of the token which is refreshed, else a new one; None where tokens are not bound."""
    if not settings.dpop:
        return None
    return old.proof_key if old is not None and dpop.is_key(old.proof_key) else dpop.new_key()


def put_proof(draft: Draft, key: Secret, now: float, nonce: str, origin: str) -> None:
    """Put a proof of the key into a token call, in the place of one that is there."""
    made = dpop.proof(key, method=draft.method, url=draft.url, now=now, nonce=nonce)
    draft.put("header", dpop.HEADER, made, origin=origin, secret=True)


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


def _may_repeat(failure: AuthweaveError, *, once: bool) -> bool:
    """Can it help, and is it safe? A code, or a refresh token that rotates, is never presented twice on a guess."""
    if isinstance(failure, WireError):
        return failure.retry and (failure.stage in UNSENT or (not once and failure.code != "read_timeout"))
    if isinstance(failure, TokenEndpointError):
        return failure.error in (_UNDONE if once else _PASSING) or (not once and failure.status in (500, 502, 503, 504))
    return isinstance(failure, TokenAnswerError) and failure.kind == "empty_or_partial_body" and not once


def shown_url(url: str) -> str:
    """A URL for messages: without its query, which may hold secrets."""
    return url.partition("?")[0]


def wire_exchange(wire: Wire) -> Exchange:
    """Send over the wire."""

    usual = wire

    def exchange(request: TaskRequest, seconds: float, placed: tuple[Placed, ...], *, wire: Wire | None = None) -> TaskResponse:
        reply = (wire or usual).send(Call(request.method, request.url, request.headers, request.body), deadline=seconds)
        return TaskResponse(reply.status, reply.headers, reply.body)

    return exchange


def lifetime_words(token: Token, now: float) -> str:
    """`expires in 900 s`, for people."""
    return "no stated end" if token.expires_at == NEVER else f"expires in {token.expires_at - now:.0f} s"
