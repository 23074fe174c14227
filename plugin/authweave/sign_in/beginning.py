"""A sign-in is begun: a link, or a code for another device, made by one process while the others wait. Blocking; runs in a worker."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from authweave.discovery.completing import AUTHORIZATION as LINK_PLACE
from authweave.discovery.completing import DEVICE as DEVICE_PLACE
from authweave.drafts.draft import Placed
from authweave.egress.errand import calling_for
from authweave.errors import (
    DeadlineExceeded,
    StoreUnavailable,
    UrlRefused,
)
from authweave.profile import TokenSettings
from authweave.sign_in.begun import LIFETIME, Begun, session_mark
from authweave.sign_in.devices import device_request, read_device_answer
from authweave.sign_in.issuers import host_of
from authweave.sign_in.links import authorization_request, checked_redirect
from authweave.sign_in.pkce import challenge_of, new_verifier
from authweave.sign_in.shelf import Shelf, new_state
from authweave.sign_in.three_legs import TOKEN as TEMPORARY
from authweave.sign_in.three_legs import has_three_legs, link, remember, temporary_credentials
from authweave.sign_in.whose import Whose
from authweave.token_calls.answers import read_members
from authweave.token_calls.reading import Reading
from authweave.tokens.owners import new_owner
from authweave.values import Authorization, Secret

LEAST: Final = 60.0
"""Seconds that a link has to be good for still, to be given to somebody who asks for one."""
TRIES: Final = 4
LOOKING: Final = 1.0
"""Seconds between two looks at a sign-in that somebody else begins."""
DEVICE: Final = "device"


class Beginning:
    """Of the sign-in of one token key. Raises TokenError, WireError, StoreUnavailable, InputError, ApplyError."""

    def __init__(self, whose: Whose, shelf: Shelf) -> None:
        self.whose = whose
        self.shelf = shelf
        self._clock = whose.clock

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
        if self.whose.is_at_device:
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
        found = whose.complete(scope, end, DEVICE_PLACE if self.whose.is_at_device else LINK_PLACE, redirect)
        begun = Begun(
            kind=DEVICE if self.whose.is_at_device else "browser", facts=whose.key.facts(), profile=whose.profile.name,
            source=str(whose.profile.merged.document.source), variant=whose.variant.name, servers=whose.servers,
            made_from=self._made_from(), state=new_state(self.shelf.row), begun_at=now, expires_at=now + LIFETIME, session=mark,
            redirect_uri=redirect, issuer=found.issuer(scope), iss_required=found.names_issuer,
        )  # fmt: skip
        if self.whose.is_at_device:
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
