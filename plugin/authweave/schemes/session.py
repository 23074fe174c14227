"""A login that is described: its answer holds a token or a cookie, which is used until it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from authweave import frame, token_frame
from authweave.hookspecs import Register, hookimpl
from authweave.values import JsonSchema

_LOGIN: Final = {"username": "{{ inputs.username }}", "password": "{{ inputs.password }}"}
_CLIENT: Final = {"client_id": "{{ inputs.client_id }}", "client_secret": "{{ inputs.client_secret }}"}
_OWN_DEFAULTS: Final = frozenset({"client_id", "client_secret", "refresh_with"})
"""Keys whose default here depends on what is written: see `filled`."""


class Session:
    """Log in by a request of any form; share, renew and place what comes of it like a token. No `grant_type` is sent."""

    name: ClassVar[str] = "session"
    title: ClassVar[str] = "a login of any form, whose token or cookie is used until it ends"
    schema: ClassVar[JsonSchema] = {
        "x-keys-of": ("client_auth",),
        "required": ["token_url"],
        "properties": {
            **{key: {name: part for name, part in said.items() if name != "default" or key not in _OWN_DEFAULTS} for key, said in token_frame.KEYS.items()},
            "username": frame.text("The user name of the login, where `token_request` does not write the login out. Default: the input username.", examples=["{{ inputs.username }}"]),
            "password": {**frame.SECRET_TEXT, "description": f"The password of the login, as above. {frame.SECRET_TEXT['description']}", "examples": ["{{ inputs.password }}"]},
            "token_url": {**token_frame.KEYS["token_url"], "description": f"Where the login goes. {frame.URL['description']}"},
            "token_request": {**token_frame.KEYS["token_request"], "description": "The login. Default: POST, JSON with username and password; no standard parameters."},
            "revoke_request": {**token_frame.KEYS["revoke_request"], "description": "The request that logs out; it holds what is written, and nothing else. Without it, a session is only forgotten here."},
        },
    }  # fmt: skip
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "username": {"title": "User name"},
        "password": {"title": "Password", "secret": True},
        "client_id": {"title": "Client ID"},
        "client_secret": {"title": "Client secret", "secret": True},
    }
    fields: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"in": "header", "key": "Authorization", "value": "Bearer {{ token.access_token }}"},
    )
    gets_token: ClassVar[bool] = True

    @staticmethod
    def filled(auth: Mapping[str, Any]) -> dict[str, Any]:
        """The defaults that depend on what is written (format: the last table)."""
        return {
            **_client(auth),
            "token_request": _login(auth.get("token_request", {}), {**_LOGIN, **{key: auth[key] for key in _LOGIN if key in auth}}),
            "refresh_with": "refresh_token" if auth.keys() & {"refresh_request", "refresh_url"} else "grant",
            **({"revoke_request": _log_out(auth["revoke_request"])} if "revoke_request" in auth else {}),
        }


def _client(auth: Mapping[str, Any]) -> dict[str, Any]:
    """No client unless one is written, or a way for it to prove itself."""
    method = auth.get("client_auth", "client_secret_basic" if "client_id" in auth else "none")
    return {"client_auth": method} if method == "none" else {"client_auth": method, **_CLIENT}


def _login(request: Mapping[str, Any], person: Mapping[str, str]) -> dict[str, Any]:
    """User name and password as JSON, unless the login is written out."""
    is_body = str(request.get("method", "POST")).upper() not in ("GET", "HEAD")
    coded = {"encoding": "json"} if is_body else {}
    fields = [{"key": key, "value": value} for key, value in person.items()]
    return {**coded, "fields": fields} if request.keys().isdisjoint({"fields", "content"}) else coded


def _log_out(request: Mapping[str, Any]) -> dict[str, Any]:
    """A body only where one is written."""
    has_payload = any(field.get("in", "payload") == "payload" for field in request.get("fields", ()))
    return {"encoding": "json"} if has_payload else {} if "content" in request else {"encoding": "none"}


@hookimpl
def register_schemes(register: Register) -> None:
    """Add the auth type `session`."""
    register(Session)
