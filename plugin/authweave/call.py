"""One described request and what is kept of its answer: token, refresh, revocation, and the check of `authweave test`.

Order of a token call: assertion → standard parameters − `omit`, `rename`, + client authentication, + `fields` → encoding.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from authweave.assertions.describing import assertion_of
from authweave.drafts.contents import content_text
from authweave.drafts.draft import Draft, Placed
from authweave.drafts.fields import apply_fields, is_late
from authweave.errors import MissingInput, PlacementError, SignInNeeded, UrlRefused
from authweave.foreign import asked, misbehaved
from authweave.lazy import Later
from authweave.profile import Jwt, Request, Step, TokenSettings
from authweave.templates import Data, Template
from authweave.urls import UrlTemplate
from authweave.values import Consent, Secret, Token

OPEN: Final = frozenset({"redirect_uri", "username", "subject_token_type", "requested_token_type"})
"""Parameters of grants that are no secrets."""


@dataclass(slots=True)
class Parameter:
    """A standard parameter of a token request, and which key of the profile it comes from."""

    value: Any
    origin: str
    secret: bool = False


@dataclass(slots=True)
class TokenCall:
    """A request of the client's while it is made: what grants and client authentications see and add to.

    `scope` holds the namespaces of templates, `request` what the profile says of this request, `url` where it goes.
    """

    settings: TokenSettings
    scope: Mapping[str, Any]
    request: Request
    url: UrlTemplate | None
    origin: str = "auth"
    parameters: dict[str, Parameter] = field(default_factory=dict)
    headers: dict[str, Parameter] = field(default_factory=dict)

    def parameter(self, name: str, value: Any, *, origin: str, secret: bool = False) -> None:
        """Add a standard parameter by its RFC name: text, or a Secret that holds one; null is left out."""
        if value is not None:
            self.parameters[name] = Parameter(value, f"{self.origin}.{origin}", secret)

    def header(self, name: str, value: str, *, origin: str = "client_auth", secret: bool = True) -> None:
        """Add a standard header."""
        self.headers[name] = Parameter(value, f"{self.origin}.{origin}", secret)

    def is_omitted(self, name: str) -> bool:
        """Does the profile leave this standard parameter out?"""
        return name in self.request.omit

    def client_id(self) -> str:
        """The client id. Raises MissingInput if it is empty."""
        return self._text("client_id", allow_empty=False)

    def client_secret(self) -> str:
        """The client secret; '' if the profile says so."""
        return self._text("client_secret", allow_empty=True)

    def username(self) -> str:
        """The person's user name. Raises MissingInput if it is empty."""
        return self._text("username", allow_empty=False)

    def password(self) -> str:
        """The person's password. Raises MissingInput if it is empty, unless the profile says so."""
        return self._text("password", allow_empty=True)

    def refresh_token(self) -> str:
        """The refresh token that was given. Raises MissingInput if it is empty."""
        return self._text("refresh_token", allow_empty=False)

    def assertion(self) -> str:
        """The assertion of this very call: signed once, or the text that is ready. Raises KeyRefused, AssertionRefused, MissingInput."""
        text = self.scope.get("assertion")
        value = text.value() if isinstance(text, Later) else text
        if not value:
            raise MissingInput("assertion", f"there is no assertion; write {self.origin}.assertion")
        return str(value)

    def client_assertion(self) -> str:
        """What proves who the client is, signed anew for each call. Raises as `assertion`."""
        written = self.settings.client_assertion
        if isinstance(stand_in := self.scope.get("client_assertion"), str):
            return stand_in
        if written is None:
            raise MissingInput("client_assertion", f"there is no client assertion; write {self.origin}.client_assertion")
        return made_assertion(self.settings, written, self.scope, self.settings.client_auth)

    def consent(self) -> Consent:
        """What a sign-in brought. Raises SignInNeeded where there was none."""
        consent = self.scope.get("consent")
        if not isinstance(consent, Consent):
            raise SignInNeeded("nobody has signed in yet")
        return consent

    def value(self, name: str) -> Any:
        """The value of a key of the grant's or client authentication's own, a Secret where it is made from one; None if it is not written."""
        written: Any = self.settings.own.get(name)
        return written.value(self.scope) if hasattr(written, "value") else written

    def text(self, name: str) -> str:
        """The same as the text that goes onto the wire. Raises MissingInput if it is empty, TemplateError."""
        value = self.value(name)
        value = value.reveal() if isinstance(value, Secret) else value
        if value in (None, ""):
            raise MissingInput(name, f"{name} is empty; supply it, or write {self.origin}.{name}")
        return str(value)

    def _text(self, name: str, *, allow_empty: bool) -> str:
        template = getattr(self.settings, name)
        text = template.render(self.scope)
        if not text and not allow_empty:
            raise MissingInput(name, f"{name} is empty; supply it, or write auth.{name}")
        return str(text)

    def draft(self) -> Draft:
        """The finished request. Raises TemplateError, PlacementError, InputError."""
        request = self.request
        if self.url is None:
            raise UrlRefused(f"{self.origin}.token_url", "relative", "nobody says where the token endpoint is: write it, or the issuer")
        draft = Draft.new(request.method_in(self.scope), self.url.render(self.scope), request.encoding, request.content_type_in(self.scope))
        self._add_standard(draft, request)
        scope = {**self.scope, "request": draft.view}
        apply_fields(draft, [field for field in request.fields if not is_late(field)], scope)
        if request.content is not None:
            draft.set_content(content_text(request.content, request.encoding, request.content_type_in(scope), scope))
            draft.note("payload", "(content)", f"{request.origin}.content", secret=True)
        apply_fields(draft, [field for field in request.fields if is_late(field)], scope)
        return draft

    def _add_standard(self, draft: Draft, request: Request) -> None:
        if "Accept" not in request.omit:
            draft.put("header", "Accept", "application/json", origin="standard")
        if request.content is None and request.encoding not in ("none", "text"):
            for name, parameter in self.parameters.items():
                if name not in request.omit:
                    draft.put("payload", request.rename.get(name, name), parameter.value, origin=parameter.origin, secret=parameter.secret)
        for name, parameter in self.headers.items():
            if name not in request.omit:
                draft.put("header", name, parameter.value, origin=parameter.origin, secret=parameter.secret)


def token_call(settings: TokenSettings, scope: Mapping[str, Any], old: Token | None, origin: str = "auth") -> TokenCall:
    """A grant, or the refresh of `old`, with its standard parameters and the client's authentication."""
    request, url = (settings.refresh_request, settings.refresh_url) if old else (settings.token_request, settings.token_url)
    call = TokenCall(settings, with_assertion(settings, scope), request, url, origin)
    if old is None:
        _grant(call)
    elif settings.refresh_with == "refresh_token" and old.refresh_token is not None:
        if not settings.is_session:
            call.parameter("grant_type", "refresh_token", origin="grant_type")
        call.parameter("refresh_token", old.refresh_token, origin="refresh_with", secret=True)
    present(call)
    return call


def present(call: TokenCall) -> None:
    """Let the client authentication put the client's identity and proof into the call. Raises InputError, ExtensionFailed."""
    asked(call.settings.client_auth, call.settings.client_auth.present, call)


def with_assertion(settings: TokenSettings, scope: Mapping[str, Any]) -> dict[str, Any]:
    """The namespaces of one token call, `assertion` among them: made when it is first read, and anew for every try."""
    made, written = dict(scope), settings.assertion
    if written is not None and not isinstance(made.get("assertion"), str):  # a preview has a text there already
        made["assertion"] = Later(lambda: made_assertion(settings, written, made, settings.grant))
    return made


def made_assertion(settings: TokenSettings, written: Jwt | Template, scope: Mapping[str, Any], presents: Any) -> str:
    """The text of an assertion for the grant or client authentication that presents it.

    An `aud` that the profile leaves to its default is the token endpoint's URL as it is called.
    """
    return assertion_of(written, scope, _audience(settings, written, scope, presents)).text


def _audience(settings: TokenSettings, written: Jwt | Template, scope: Mapping[str, Any], presents: Any) -> dict[str, str]:
    url = settings.token_url
    if url is None or not isinstance(written, Jwt) or "aud" not in getattr(presents, "claims", ()):
        return {}
    aud = (written.claims.content if isinstance(written.claims, Data) else {}).get("aud")
    is_default = aud is None or (isinstance(aud, Template) and aud.text == url.text)
    return {"aud": url.render(scope)} if is_default else {}


def step_draft(settings: TokenSettings, step: Step, scope: Mapping[str, Any], origin: str = "auth") -> Draft:
    """The finished request of a step, as the profile describes it: no standard parameters, no client authentication.

    The first that it placed is its URL, by which a report knows whose request it is. Raises as `TokenCall.draft`.
    """
    draft = TokenCall(settings, with_assertion(settings, scope), step.request, step.request.url, origin).draft()
    draft.placed.insert(0, Placed("url", step.name, f"{step.origin}.request.url", secret=False))
    return draft


def given_refresh_token(settings: TokenSettings, scope: Mapping[str, Any]) -> Secret | None:
    """The refresh token that somebody handed over; None for a grant without one, and where it is empty."""
    text = settings.refresh_token.render(scope) if settings.refresh_token else ""
    return Secret(text, "refresh_token") if text else None


def revoke_call(settings: TokenSettings, scope: Mapping[str, Any], token: Token, origin: str = "auth") -> TokenCall | None:
    """What ends a token at the provider, the refresh token where one is held (RFC 7009 §2.1). None: the profile says of no way.

    A profile that writes `token` itself knows which one it sends: no hint is added that may be wrong. What ends a session is
    written out whole.
    """
    request = settings.revoke_request
    if request is None or request.url is None:
        return None
    call = TokenCall(settings, scope, request, request.url, origin)
    if settings.is_session:
        if settings.client_auth.name != "none":
            present(call)
        return call
    hint, presented = ("refresh_token", token.refresh_token) if token.refresh_token else ("access_token", token.access_token)
    call.parameter("token", presented, origin="revoke_request", secret=True)
    if not _writes(request, "token"):
        call.parameter("token_type_hint", hint, origin="revoke_request")
    present(call)
    return call


def _writes(request: Request, name: str) -> bool:
    """Does the profile put this parameter into the request itself, or leave it out?"""
    key = request.rename.get(name, name)
    return name in request.omit or any(field.key == key and field.placement.name == "payload" for field in request.fields)


def _grant(call: TokenCall) -> None:
    settings = call.settings
    call.parameter("grant_type", settings.grant_type or None, origin="grant_type")
    for name, value in asked(settings.grant, settings.grant.parameters, call, of=Mapping).items():
        if not isinstance(name, str):
            raise misbehaved(settings.grant, f"named a parameter with {type(name).__name__}")
        is_key = name in settings.own or getattr(settings, name, None) is not None
        call.parameter(name, value, origin=name if is_key else "grant_type", secret=name not in OPEN)
    for name, text in scope_parameters(settings, call.scope).items() if not settings.signs_in else ():
        call.parameter(name, text, origin="scopes")
    for name in ("audience", "resource"):
        if (template := getattr(settings, name)) is not None:
            call.parameter(name, template.render(call.scope), origin=name)


_NOT_IN_SCOPES: Final = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")


def _check_scope(settings: TokenSettings, template: Template, scope: Mapping[str, Any]) -> None:
    """A text that is one `{{ }}` as a whole may hold several scopes; any other value is one, or part of one."""
    may_hold_several = settings.scopes_as_text and template.whole
    for part, text in zip(template.parts, template.texts(scope), strict=True):
        if isinstance(part, str):
            continue
        if found := _NOT_IN_SCOPES.search(text):
            raise PlacementError(f"{template.where}: a scope holds printable ASCII without quotes and backslashes (RFC 6749 A.4); character {found.start() + 1} is none")
        if not may_hold_several and (" " in text or settings.scope_separator in text):
            raise PlacementError(f"{template.where}: the value would make several scopes of one; a list of scopes has an item for each")


def scope_parameters(settings: TokenSettings, scope: Mapping[str, Any]) -> dict[str, str]:
    """The parameters that `scopes` makes: values of one key joined, in the order they are written.

    Raises PlacementError for a value that is no scope (RFC 6749 A.4), or several where one is asked for.
    """
    joined: dict[str, str] = {}
    for key, template in settings.scopes:
        text = template.render(scope)
        if key == "scope" and not template.constant:
            _check_scope(settings, template, scope)
        joined[key] = f"{joined[key]}{settings.scope_separator}{text}" if key in joined else text
    return joined
