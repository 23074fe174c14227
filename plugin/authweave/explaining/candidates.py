"""Which variants make sense for a diagnosis, likeliest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from authweave.explaining.change import Change, unique
from authweave.explaining.client import basic_encoding, client_auth, only_listed, post_as_json
from authweave.explaining.clues import Clues
from authweave.explaining.placement import fields
from authweave.explaining.token_request import (
    audience,
    default_scope,
    encoding,
    scope_separator,
    token_url,
    without_scope,
)

Family = Callable[[Clues], Iterator[Change]]

_CLIENT: Final[tuple[Family, ...]] = (only_listed, basic_encoding, client_auth, encoding, post_as_json)
_BODY: Final[tuple[Family, ...]] = (encoding, post_as_json, only_listed, client_auth, token_url)
_URL: Final[tuple[Family, ...]] = (token_url, encoding)
_API: Final[tuple[Family, ...]] = (fields, audience, default_scope)

FAMILIES: Final[Mapping[str, tuple[Family, ...]]] = {
    "invalid_client": _CLIENT,
    "unauthorized_client": (basic_encoding, only_listed, client_auth),
    "invalid_grant": (only_listed, basic_encoding, client_auth),
    "invalid_request": (only_listed, basic_encoding, client_auth, audience, without_scope, encoding, post_as_json),
    "unsupported_grant_type": _BODY,
    "invalid_scope": (scope_separator, default_scope, without_scope),
    "invalid_target": (audience,),
    "error_in_200": (encoding, post_as_json, only_listed, basic_encoding, client_auth, audience),
    "token_error": (encoding, post_as_json, only_listed, basic_encoding, client_auth, audience, without_scope),
    "token_401": (only_listed, basic_encoding, client_auth, encoding, post_as_json, token_url),
    "token_status": _BODY,
    "token_404": _URL,
    "token_405": _URL,
    "html_instead_of_json": _URL,
    "redirect_to_login": _URL,
    "wrong_content_type": _URL,
    "login_refused": (encoding, token_url),
    "api_401": _API,
    "api_rejected": _API,
    "api_not_accepted": _API,
    "api_other_scheme": (fields,),
    "api_403": (fields,),
}
"""By the code of the diagnosis; a code without a row has nothing that could be tried."""

_MENTIONS: Final[Mapping[Family, tuple[str, ...]]] = {
    basic_encoding: ("authorization header", "basic"),
    client_auth: ("client_id", "client_secret", "client authentication", "authorization header"),
    audience: ("audience", "resource"),
    without_scope: ("scope",),
    encoding: ("content-type", "content type", "json", "form-urlencoded", "media type", "media_type"),
    post_as_json: ("content-type", "content type", "json", "media type", "media_type"),
}
"""Words of a server that speak for a family."""


_VAGUE: Final = frozenset({"invalid_request", "token_error", "error_in_200", "token_status"})
"""Codes that say little by themselves: there the server's own words decide."""


def families_for(clues: Clues) -> list[Family]:
    """What may be changed for the diagnosis, likeliest first."""
    families = list(FAMILIES.get(clues.code, ()))
    if clues.code == "api_403" and "insufficient_scope" in clues.said:
        return []
    if clues.code == "invalid_grant" and not _is_unattended(clues):
        return []
    if _is_about_the_token(clues):
        families.sort(key=lambda family: family is fields)
    if clues.code in _VAGUE:
        families.sort(key=lambda family: not any(word in clues.said for word in _MENTIONS.get(family, ())))
    return families


def changes_for(clues: Clues) -> list[Change]:
    """Every variant for the diagnosis, each once, in the order in which they are tried."""
    return unique([change for family in families_for(clues) for change in family(clues)])


def _is_about_the_token(clues: Clues) -> bool:
    """Does the API read the header, so that it is the token in it that is wrong? It asks for Bearer, and Bearer was sent; or the profile says whom tokens are for."""
    is_sent_so = clues.variant.default_fields and "Bearer" in clues.schemes
    return clues.tokens is not None and (is_sent_so or not {"audience", "resource"}.isdisjoint(clues.written))


def _is_unattended(clues: Clues) -> bool:
    """Does the grant present nothing but the client? What a password, a code or an assertion is refused for is not how the client says who it is."""
    return clues.tokens is not None and clues.tokens.grant_type == "client_credentials"
