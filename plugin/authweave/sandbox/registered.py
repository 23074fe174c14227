"""The client as a profile describes it to the sandbox: what it proves itself with, and what it may ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from authweave.profile import TokenSettings
from authweave.sandbox.account import Account
from authweave.sandbox.validator import Client
from authweave.sandbox.wanted import wanted_fields
from authweave.values import Secret

NOBODY: Final = "nobody"
"""The client of a profile that names none."""
_LOGIN: Final = "login"
"""What stands for the grant and for the client where there are none."""


def client_of(account: Account, settings: TokenSettings) -> Client:
    """The client of a variant's settings."""
    scope = account.scope()
    words = [
        word
        for key, template in settings.scopes
        if key == "scope"
        for word in scopes_in(template.render(scope), settings.scope_separator)
    ]
    for field in settings.token_request.fields:
        if field.key == "scope" and field.placement.name == "payload":
            for wanted in wanted_fields([field], scope, account.profile):
                words += scopes_in(str(wanted.value), settings.scope_separator)
    return Client(
        client_id=plain(settings.client_id, scope) or NOBODY,
        client_secret=plain(settings.client_secret, scope),
        method=settings.client_auth.name,
        basic_encoding=settings.basic_encoding,
        grant_type=settings.grant_type or _LOGIN,
        username=plain(settings.username, scope),
        password=plain(settings.password, scope),
        scopes=frozenset(words),
        default_scopes=tuple(words),
        redirect_uris=(plain(settings.sign_in.redirect_uri, scope),) if settings.sign_in.redirect_uri is not None else (),
        needs_proof_key=bool(settings.sign_in.pkce) and settings.grant_signs_in,
        consents_first=settings.signs_in and not settings.grant_signs_in,
    )


def plain(template: Any, scope: Mapping[str, Any]) -> str:
    """What a template comes to, be it secret; '' for what is not written."""
    value = template.value(scope) if template is not None else ""
    return str(value.reveal() if isinstance(value, Secret) else value or "")


def scopes_in(text: str, separator: str) -> list[str]:
    """The scopes of a text. A space in one of them is escaped: oauthlib parts them by spaces, this profile may not."""
    return [part.replace(" ", "%20") for part in (text.split(separator) if separator else [text]) if part]


def targets_of(account: Account, settings: TokenSettings) -> dict[str, str]:
    """The parameters beside `scope` that `audience`, `resource` and `scopes` make, which are said where a person consents if one does."""
    scope = account.scope()
    joined: dict[str, str] = {}
    for key, template in settings.scopes if not settings.signs_in else ():
        if key != "scope":
            text = template.render(scope)
            joined[key] = f"{joined[key]}{settings.scope_separator}{text}" if key in joined else text
    for name, template in (("audience", settings.audience), ("resource", settings.resource)):
        if template is not None:
            joined[name] = template.render(scope)
    return joined
