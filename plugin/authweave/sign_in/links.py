"""The link that a person opens: the authorization request of RFC 6749 §4.1.1, as the profile has it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from authweave.call import TokenCall, scope_parameters
from authweave.drafts.draft import Draft
from authweave.errors import UrlRefused
from authweave.profile import Request, TokenSettings
from authweave.urls import Origin

LONGEST_REDIRECT: Final = 2048
_URI: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):[!-~]+", re.ASCII)
_NEVER: Final = frozenset({"javascript", "data", "file", "vbscript", "about", "blob", "ftp", "mailto", "tel", "ws", "wss", "view-source"})
_WHERE: Final = "redirect_uri"


def checked_redirect(uri: str) -> str:
    """A redirect URI as it is, where one can be sent there with a code (RFC 6749 §3.1.2, RFC 8252 §7). Raises UrlRefused.

    https; http on this machine only; or a scheme of an app's own.
    """
    found = _URI.fullmatch(uri)
    if found is None or len(uri) > LONGEST_REDIRECT:
        raise UrlRefused(_WHERE, "characters", "a redirect URI is an absolute URI of printable ASCII, at most 2048 characters")
    scheme = found[1].lower()
    if "#" in uri:
        raise UrlRefused(_WHERE, "fragment", "a redirect URI has no fragment (RFC 6749 §3.1.2)")
    if scheme in _NEVER:
        raise UrlRefused(_WHERE, "scheme", f"nobody can be sent back to {scheme}:")
    if scheme in ("http", "https") and (origin := Origin.of(uri, _WHERE)).scheme == "http" and not origin.is_loopback:
        raise UrlRefused(_WHERE, "scheme", "http is for this machine only (http://127.0.0.1:…/…); use https")
    return uri


def authorization_request(
    settings: TokenSettings, scope: Mapping[str, Any], origin: str, *, state: str, redirect_uri: str, challenge: str
) -> Draft:  # fmt: skip
    """What the browser asks; its URL is the link. Without a challenge there is no proof key. Standard parameters − `omit`, `rename`, + fields. Raises TemplateError, PlacementError, UrlRefused, InputError."""
    asked = settings.sign_in
    call = TokenCall(settings, scope, asked.request or Request("GET", encoding="query", origin=f"{origin}.authorization_request"), asked.authorization_url, origin)
    call.parameter("response_type", "code", origin="grant_type")
    if settings.client_id is not None:
        call.parameter("client_id", call.client_id(), origin="client_id")
    call.parameter("redirect_uri", redirect_uri, origin="redirect_uri")
    add_targets(call)
    call.parameter("state", state, origin="authorization_url", secret=True)
    if challenge:
        call.parameter("code_challenge", challenge, origin="pkce")
        call.parameter("code_challenge_method", asked.pkce, origin="pkce")
    return call.draft()


def add_targets(call: TokenCall) -> None:
    """What the token shall be for: scopes, audience and resource. They are said where the person consents, and not again."""
    for name, text in scope_parameters(call.settings, call.scope).items():
        call.parameter(name, text, origin="scopes")
    for name in ("audience", "resource"):
        if (template := getattr(call.settings, name)) is not None:
            call.parameter(name, template.render(call.scope), origin=name)
