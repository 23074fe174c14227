"""A setting that can never apply."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from authweave.checking.defaults import gets_token, grant_of
from authweave.checking.document import Checked
from authweave.values import Path, Problem

_READS_ASSERTION: Final = re.compile(r"\{\{[^}]*\bassertion\b")


class NeverApplies:
    """What is written has an effect somewhere; a setting that cannot have one is a misunderstanding."""

    name: ClassVar[str] = "setting.no_effect"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per setting."""
        for path, auth, full in checked.variants:
            for key, why, fix in (*_without_effect(auth, full), *_of_grant(auth, grant_of(auth, checked.catalog))):
                yield checked.problem(self.name, (*path, *key), why, fix, of_key=True)
        known = [auth for _, auth, _ in checked.variants if auth.get("type") in checked.catalog.named("schemes")]
        if checked.data.get("test") == "token_only" and known and not any(gets_token(auth, checked.catalog) for auth in known):
            yield checked.problem(self.name, ("test",), f"type {known[0]['type']} gets no token that could be tested", "write a test with a request, or test: none")


_OF_STEPS_BEFORE: Final = frozenset({"keep", "accepted_when", "error", "error_description"})


def _without_effect(auth: Mapping[str, Any], full: Mapping[str, Any]) -> Iterable[tuple[Path, str, str]]:
    method = full.get("client_auth")
    if "basic_encoding" in auth and method is not None and method != "client_secret_basic":
        yield ("basic_encoding",), "only client_secret_basic encodes for Basic", "remove it, or write client_auth: client_secret_basic"
    if auth.get("client_secret", "") != "" and method == "none":
        yield ("client_secret",), "client_auth none sends no secret", "remove it, or choose another client_auth"
    if "client_secret" in auth and method == "private_key_jwt":
        yield ("client_secret",), "client_auth private_key_jwt proves the client by its key, and sends no secret", "remove it, or choose another client_auth"
    if "client_assertion" in auth and method not in (None, "private_key_jwt", "client_secret_jwt"):
        yield ("client_assertion",), f"client_auth {method} sends no assertion", "remove it, or write client_auth: private_key_jwt"
    if auth.get("refresh_with") == "grant":
        for key in ("refresh_url", "refresh_request"):
            if key in auth:
                yield (key,), "refresh_with: grant never refreshes", f"remove {key}, or refresh_with"
    if auth.get("type") == "session" and auth.get("token_request", {}).keys() & {"fields", "content"}:
        for key in ("username", "password"):
            if key in auth and all(field.get("value") != auth[key] for field in auth["token_request"].get("fields", ())):
                yield (key,), "token_request writes the login out, and does not read this", "remove it, or the fields of token_request"
    if "scope_separator" in auth and not isinstance(auth.get("scopes"), list):
        yield ("scope_separator",), "there is nothing to separate: scopes is not a list", "write scopes as a list, or remove it"
    if "authorization_url" in full:
        for index, field in enumerate(auth.get("authorization_request", {}).get("fields", ())):
            if field.get("in") in ("header", "cookie"):
                yield ("authorization_request", "fields", index), "a browser that follows a link sends its own header fields and cookies", "write in: query, or remove it"
    for index, step in enumerate(auth.get("before", ())):
        for key in sorted(step.get("response", {}).keys() - _OF_STEPS_BEFORE):
            if not key.startswith("x-"):
                yield ("before", index, "response", key), "a step before the token request gives no token", "keep the value, or make this step an `after`"
    if {"expires_in", "expires_at"} <= auth.get("token_response", {}).keys():
        yield ("token_response", "expires_in"), "expires_in and expires_at say the same twice", "write one of the two"


def _of_grant(auth: Mapping[str, Any], grant: Any) -> Iterable[tuple[Path, str, str]]:
    if "assertion" in auth and auth.get("type") in ("oauth2", "session") and not getattr(grant, "urn", "").endswith(("jwt-bearer", "saml2-bearer")) and not _READS_ASSERTION.search(str(auth)):
        yield ("assertion",), "nothing reads it", "read it in a field of token_request as {{ assertion }}, write grant_type: jwt_bearer, or remove it"
    presents = "refresh_token" in grant.schema.get("properties", {})
    if "refresh_token" in auth and not presents:
        yield ("refresh_token",), "this grant presents no refresh token that was given", "remove it, or write grant_type: refresh_token"
    if presents and auth.get("refresh_with", "refresh_token") != "refresh_token":
        yield ("refresh_with",), "this grant is a refresh: without the stored refresh token the given one would be presented again, spent or not", "remove it"
