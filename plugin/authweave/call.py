"""One described request and what is kept of its answer: token, refresh, and the check of `authweave test`.

Order of a token call: standard parameters − `omit`, `rename`, + client authentication, + `fields` → encoding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from authweave.drafts.draft import Draft
from authweave.drafts.fields import apply_fields, is_late
from authweave.errors import MissingInput
from authweave.profile import Request, TokenSettings
from authweave.values import Token


@dataclass(slots=True)
class Parameter:
    """A standard parameter of a token request, and which key of the profile it comes from."""

    value: Any
    origin: str
    secret: bool = False


@dataclass(slots=True)
class TokenCall:
    """A token request while it is made: what grants and client authentications see and add to.

    `scope` holds the namespaces of templates, `old` the token that is refreshed (None for a grant).
    """

    settings: TokenSettings
    scope: Mapping[str, Any]
    origin: str = "auth"
    old: Token | None = None
    parameters: dict[str, Parameter] = field(default_factory=dict)
    headers: dict[str, Parameter] = field(default_factory=dict)

    @property
    def request(self) -> Request:
        """What the profile says of this request."""
        return self.settings.refresh_request if self.old else self.settings.token_request

    def parameter(self, name: str, value: Any, *, origin: str, secret: bool = False) -> None:
        """Add a standard parameter by its RFC name; null is left out."""
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

    def _text(self, name: str, *, allow_empty: bool) -> str:
        template = getattr(self.settings, name)
        text = template.render(self.scope)
        if not text and not allow_empty:
            raise MissingInput(name, f"{name} is empty; supply it, or write auth.{name}")
        return str(text)

    def draft(self) -> Draft:
        """The finished request. Raises TemplateError, PlacementError, InputError."""
        request = self.request
        url = self.settings.refresh_url if self.old else self.settings.token_url
        draft = Draft.new(request.method, url.render(self.scope), request.encoding, request.content_type)
        self._add_standard(draft, request)
        scope = {**self.scope, "request": draft.view}
        apply_fields(draft, [field for field in request.fields if not is_late(field)], scope)
        if request.content is not None:
            draft.set_content(request.content.render(scope, escape=xml_escaped if request.encoding == "xml" else None))
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
    call = TokenCall(settings, scope, origin, old)
    if old is None:
        _grant(call)
    elif settings.refresh_with == "refresh_token" and old.refresh_token is not None:
        call.parameter("grant_type", "refresh_token", origin="grant_type")
        call.parameter("refresh_token", old.refresh_token.reveal(), origin="refresh_with", secret=True)
    settings.client_auth.present(call)
    return call


def _grant(call: TokenCall) -> None:
    settings = call.settings
    call.parameter("grant_type", settings.grant_type, origin="grant_type")
    for name, value in settings.grant.parameters(call).items():
        call.parameter(name, value, origin="grant_type", secret=True)
    for name, text in scope_parameters(settings, call.scope).items():
        call.parameter(name, text, origin="scopes")
    for name in ("audience", "resource"):
        if (template := getattr(settings, name)) is not None:
            call.parameter(name, template.render(call.scope), origin=name)


def scope_parameters(settings: TokenSettings, scope: Mapping[str, Any]) -> dict[str, str]:
    """The parameters that `scopes` makes: values of one key joined, in the order they are written."""
    joined: dict[str, str] = {}
    for key, template in settings.scopes:
        text = template.render(scope)
        joined[key] = f"{joined[key]}{settings.scope_separator}{text}" if key in joined else text
    return joined


def xml_escaped(text: str) -> str:
    """A value inside XML text or a quoted attribute."""
    from xml.sax.saxutils import escape

    return escape(text, {'"': "&quot;", "'": "&apos;"})
