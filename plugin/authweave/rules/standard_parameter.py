"""`omit` and `rename` of what is not sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from authweave.checking.defaults import grant_of
from authweave.checking.document import Checked
from authweave.near_misses import did_you_mean, shown
from authweave.values import Path, Problem

_SENT_BY: Final[Mapping[str, tuple[str, ...]]] = {"client_secret_basic": ("Authorization",), "client_secret_post": ("client_id", "client_secret"), "none": ("client_id",), **dict.fromkeys(("private_key_jwt", "client_secret_jwt"), ("client_id", "client_assertion_type", "client_assertion"))}

_OF_GRANTS: Final[Mapping[str, tuple[str, ...]]] = {"refresh_token": ("refresh_token",), **dict.fromkeys(("jwt_bearer", "saml2_bearer"), ("assertion",)), "token_exchange": (), "password": ("username", "password"), "authorization_code": ("code", "redirect_uri", "code_verifier"), "device_code": ("device_code",)}
_OF_BROWSER: Final = ("response_type", "client_id", "redirect_uri", "state", "code_challenge", "code_challenge_method")


class StandardParameter:
    """`omit` and `rename` name parameters that the call sends, by their RFC names; a refresh may also omit an inherited field."""

    name: ClassVar[str] = "parameter.unknown"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per name."""
        for path, auth, full in checked.variants:
            if full.get("client_auth") not in _SENT_BY:
                continue
            if "revoke_request" in auth and auth.get("type") != "session":
                sent = ["token", "token_type_hint", *_SENT_BY[full["client_auth"]], "Accept"]
                yield from self._request(checked, (*path, "revoke_request"), auth["revoke_request"], sent)
            grant = grant_of(auth, checked.catalog)
            if "authorization_request" in auth and auth.get("type") == "oauth2":
                of_client = _SENT_BY[full["client_auth"]] if getattr(grant, "at_device", False) else _OF_BROWSER
                sent = [*dict.fromkeys(_scope_keys(auth)), *(name for name in ("audience", "resource") if name in auth), *of_client, "Accept"]
                yield from self._request(checked, (*path, "authorization_request"), auth["authorization_request"], sent)
            if grant.name not in _OF_GRANTS and (grant.schema or grant.inputs):
                continue
            for key in ("token_request", "refresh_request"):
                if key in auth and not checked.is_hurt(*path, "token_request"):
                    yield from self._request(checked, (*path, key), auth[key], [*_sent(auth, full, key), *_OF_GRANTS.get(grant.name, ())])

    def _request(self, checked: Checked, path: Path, request: Mapping[str, Any], sent: list[str]) -> Iterable[Problem]:
        renamed: dict[str, str] = {}
        for index, name in enumerate(request.get("omit", ())):
            if name not in sent and "{{" not in name:
                yield self._not_sent(checked, (*path, "omit", index), name, sent)
        for name, other in request.get("rename", {}).items():
            at = (*path, "rename", name)
            if name not in sent:
                yield self._not_sent(checked, at, name, sent, of_key=True)
            elif name in request.get("omit", ()):
                yield checked.problem(self.name, at, f"`{name}` is left out, so it has no name", "take it out of `omit` or of `rename`", of_key=True)
            elif other in renamed:
                yield checked.problem(self.name, at, f"`{renamed[other]}` has this name already", "two parameters need two names")
            renamed[other] = name

    def _not_sent(self, checked: Checked, at: Path, name: str, sent: list[str], *, of_key: bool = False) -> Problem:
        return checked.problem(self.name, at, f"`{shown(name)}` is not sent by this call", did_you_mean(name, sent, f"it sends {', '.join(sent)}"), of_key=of_key)


def _sent(auth: Mapping[str, Any], full: Mapping[str, Any], key: str) -> list[str]:
    keys = _scope_keys(auth)
    if auth.get("type") == "session":
        of_client = _SENT_BY[full["client_auth"]] if full["client_auth"] != "none" or "client_id" in full else ()
        return [*of_client, "Accept", *_renewing(auth, key)]
    sent = ["grant_type", *dict.fromkeys(keys), *(name for name in ("audience", "resource") if name in auth), *_SENT_BY[full["client_auth"]], "Accept"]
    return [*sent, *_renewing(auth, key)]


def _scope_keys(auth: Mapping[str, Any]) -> list[str]:
    """The parameters that `scopes` makes."""
    scopes = auth.get("scopes", ())
    return [item.get("key", "scope") if isinstance(item, Mapping) else "scope" for item in scopes] if isinstance(scopes, list) else ["scope"]


def _renewing(auth: Mapping[str, Any], key: str) -> list[str]:
    """What a refresh has besides: the refresh token, and the fields that it inherits."""
    if key != "refresh_request":
        return []
    return ["refresh_token", *(field.get("key", "") for field in auth.get("token_request", {}).get("fields", ()))]
