"""The sign-in of one token key: begun, answered, ended. Blocking; runs in a worker. Any process on the store may do each part."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NoReturn

from authweave.chance import between
from authweave.discovery.completing import AUTHORIZATION as LINK_PLACE
from authweave.discovery.completing import DEVICE as DEVICE_PLACE
from authweave.discovery.completing import Completed
from authweave.drafts.draft import Placed
from authweave.egress.errand import calling_for
from authweave.errors import (
    AuthorizationDenied,
    AuthweaveError,
    CallbackRefused,
    DeadlineExceeded,
    SignInFailed,
    StoreUnavailable,
    UrlRefused,
    WireError,
)
from authweave.patterns import compile_pattern
from authweave.profile import Keep, Profile, TokenSettings, Variant
from authweave.sign_in.begun import LIFETIME, Begun, session_mark
from authweave.sign_in.callbacks import RESERVED, Callback
from authweave.sign_in.devices import device_request, read_device_answer
from authweave.sign_in.issuers import host_of, refuse_other_issuer
from authweave.sign_in.links import authorization_request, checked_redirect
from authweave.sign_in.pkce import challenge_of, new_verifier
from authweave.sign_in.polling import polled
from authweave.sign_in.shelf import Shelf, new_state
from authweave.sign_in.three_legs import TOKEN as TEMPORARY
from authweave.sign_in.three_legs import has_three_legs, is_of, link, remember, temporary_credentials
from authweave.token_calls.answers import read_members
from authweave.token_calls.reading import Reading
from authweave.tokens.owners import new_owner
from authweave.tokens.records import Unheld, held
from authweave.tokens.troubles import UNSENT
from authweave.values import Authorization, Consent, Secret, Token, TokenKey

if TYPE_CHECKING:
    from authweave.token_calls.endpoint import Exchange, TokenEndpoint
    from authweave.tokens.ledger import Ledger
    from authweave.tokens.tokens import Tokens

LEAST: Final = 60.0
"""Seconds that a link has to be good for still, to be given to somebody who asks for one."""
TRIES: Final = 4
LOOKING: Final = 1.0
"""Seconds between two looks at a sign-in that somebody else completes, or calls off."""
CODE_TRIES: Final = 3
DEVICE: Final = "device"


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose sign-in it is, and what it takes. `endpoint` gets tokens with a consent; `rest` sleeps without holding a worker's place.

    `is_ending` says that the process, or its engine, is about to end: nobody polls any more. `complete` finds what the profile
    does not write, and registers the client for a redirect URI: the scope has its id afterwards. `refuse_link` raises for a URL that
    nobody is to be sent to.
    """

    key: TokenKey
    profile: Profile
    variant: Variant
    settings: TokenSettings
    servers: tuple[str, ...]
    scope: Callable[[], dict[str, Any]]
    endpoint: Callable[[Consent], TokenEndpoint]
    tokens: Tokens
    ledger: Ledger
    exchange: Exchange
    clock: Callable[[], float]
    rest: Callable[[float], None]
    is_ending: Callable[[], bool]
    deadline: float
    complete: Callable[[dict[str, Any], float, str, str], Completed]
    refuse_link: Callable[[str], None] = lambda url: None


class Desk:
    """Everything about signing in under one token key. Raises TokenError, WireError, StoreUnavailable, InputError, ApplyError."""

    def __init__(self, whose: Whose) -> None:
        self.whose = whose
        self.shelf = Shelf.of(whose.ledger, whose.key)
        self._clock = whose.clock

    @property
    def is_at_device(self) -> bool:
        """Does the person sign in at another device?"""
        return self.whose.settings.at_device

    # ---- beginning

    def begin(self, session: str = "", redirect_uri: str | None = None) -> Authorization:
        """Where the person signs in. Asked again for the same session and redirect URI, it is the same link."""
        mark, redirect = session_mark(session), self._redirect(redirect_uri)

        def is_same(begun: Begun) -> bool:
            return (begun.session, begun.redirect_uri) == (mark, redirect) and begun.is_good(self._clock(), LEAST)

        return self._begun(is_same, mark, redirect).authorization()

    def join(self) -> Authorization:
        """For a caller without a token: the sign-in under way, whoever began it, or a new one."""
        if (begun := self._at_hand(lambda begun: begun.is_good(self._clock()))) is not None:
            return begun.authorization()
        return self._begun(lambda begun: begun.is_good(self._clock()), "", self._redirect(None)).authorization()

    def _redirect(self, given: str | None) -> str:
        """Where the browser comes back to, as it will be sent. Raises MissingInput, UrlRefused; '' for a device."""
        if self.is_at_device:
            return ""
        if given is not None:
            return checked_redirect(given)
        template = self.whose.settings.sign_in.redirect_uri
        value = template.value(self.whose.scope()) if template is not None else None
        text = value.reveal() if isinstance(value, Secret) else value
        if not text:
            raise UrlRefused("redirect_uri", "relative", "nobody says where the browser comes back to: give redirect_uri")
        return checked_redirect(str(text))

    def _at_hand(self, is_wanted: Callable[[Begun], bool]) -> Begun | None:
        begun = self.shelf.read()[1]
        return begun if begun is not None and begun.made_from == self._made_from() and is_wanted(begun) else None

    def _begun(self, is_wanted: Callable[[Begun], bool], mark: str, redirect: str) -> Begun:
        """The sign-in under way that is wanted, or a new one: made by one process, while the others wait."""
        if (found := self._at_hand(is_wanted)) is not None:
            return found
        owner, end = new_owner(), time.monotonic() + self.whose.deadline
        while not self.shelf.lease(owner, self.whose.deadline * 1.5):
            if (found := self._at_hand(is_wanted)) is not None:
                return found
            if time.monotonic() > end:
                raise DeadlineExceeded("somebody else is beginning this sign-in and does not end", stage="lease", host="")
            self.shelf.wait(LOOKING)
        try:
            for _ in range(TRIES):
                version, begun = self.shelf.read()
                if begun is not None and begun.made_from == self._made_from() and is_wanted(begun):
                    return begun
                made = self._made(mark, redirect, end)
                if self.shelf.write(version, made, self._clock()):
                    return made
        finally:
            with suppress(StoreUnavailable):
                self.shelf.release(owner)
        raise StoreUnavailable("other", "the sign-in under way changes all the time")

    def _made(self, mark: str, redirect: str, end: float) -> Begun:
        whose, now, scope = self.whose, self._clock(), self.whose.scope()
        found = whose.complete(scope, end, DEVICE_PLACE if self.is_at_device else LINK_PLACE, redirect)
        begun = Begun(
            kind=DEVICE if self.is_at_device else "browser", facts=whose.key.facts(), profile=whose.profile.name,
            source=str(whose.profile.merged.document.source), variant=whose.variant.name, servers=whose.servers,
            made_from=self._made_from(), state=new_state(self.shelf.row), begun_at=now, expires_at=now + LIFETIME, session=mark,
            redirect_uri=redirect, issuer=found.issuer(scope), iss_required=found.names_issuer,
        )  # fmt: skip
        if self.is_at_device:
            return self._at_device(begun, found.settings, scope, end)
        return self._with_temporary(begun, found.settings, scope, end) if has_three_legs(whose) else self._with_link(begun, found.settings, scope)

    def _with_link(self, begun: Begun, settings: TokenSettings, scope: dict[str, Any]) -> Begun:
        pkce = settings.sign_in.pkce if settings.grant_signs_in else ""
        verifier = new_verifier() if pkce else ""
        challenge = challenge_of(verifier, pkce) if pkce else ""
        draft = authorization_request(settings, scope, self.whose.variant.origin, state=begun.state, redirect_uri=begun.redirect_uri, challenge=challenge)
        url = draft.finish().url
        self.whose.refuse_link(url)
        return replace(begun, url=url, verifier=verifier, hosts=self._hosts(url, settings))

    def _with_temporary(self, begun: Begun, settings: TokenSettings, scope: dict[str, Any], end: float) -> Begun:
        more = temporary_credentials(self.whose, settings, scope, begun.redirect_uri, end - time.monotonic())
        remember(self.whose.ledger, more[TEMPORARY], begun.state, self.whose.key.endpoint)
        url = link(settings, scope, self.whose.variant.origin, more[TEMPORARY]).finish().url
        self.whose.refuse_link(url)
        return replace(begun, url=url, more=more, hosts=self._hosts(url, settings))

    def _hosts(self, url: str, settings: TokenSettings) -> tuple[str, ...]:
        """The hosts that the profile itself, or its issuer, names for this sign-in."""
        token_url = settings.token_url
        named = [url]
        if token_url is not None and not any(read[0] == "kept" for read in token_url.reads):
            named.append(token_url.render(self.whose.scope()))
        return tuple(dict.fromkeys(host for one in named if (host := host_of(one))))

    def _at_device(self, begun: Begun, settings: TokenSettings, scope: dict[str, Any], end: float) -> Begun:
        draft = device_request(settings, scope, self.whose.variant.origin)
        draft.placed.insert(0, Placed("url", "device authorization", f"{self.whose.variant.origin}.device_authorization_url", secret=False))
        request = draft.finish()
        with calling_for("device"):
            response = self.whose.exchange(request, end - time.monotonic(), tuple(draft.placed))
        reading = Reading(settings, scope, None, self._clock(), request.url)
        said = read_device_answer(read_members(response, reading), reading.url)
        for shown in filter(None, (said.verification_uri, said.verification_uri_complete)):
            self.whose.refuse_link(shown)
        return replace(
            begun, url=said.verification_uri_complete or said.verification_uri, expires_at=self._clock() + said.lifetime, device_code=said.device_code,
            user_code=said.user_code, verification_uri=said.verification_uri, verification_uri_complete=said.verification_uri_complete, interval=said.interval,
        )  # fmt: skip

    def _made_from(self) -> str:
        """What stands for the variant as it is written: an edited profile makes another link."""
        resolved = self.whose.profile.resolved.get("auth")
        return hashlib.sha256(json.dumps(resolved, sort_keys=True, default=str).encode()).hexdigest()[:16]

    # ---- completing

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
                return self._redeemed(begun, consent)
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

    def _redeemed(self, begun: Begun, consent: Consent) -> Token:
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

    # ---- waiting

    def wait(self) -> Token:
        """The token of the sign-in under way, once the person has answered; at a device, begun now if need be.

        One process polls for all of them. Raises AuthorizationDenied, SignInFailed, and what getting a token raises.
        """
        if self.is_at_device:
            self.join()
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
