"""OAuth 2 (RFC 6749): a token from a token endpoint, by one of the grants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from authweave import frame, token_frame
from authweave.hookspecs import Register, hookimpl
from authweave.values import JsonSchema

_DPOP_FIELDS = ({"in": "header", "key": "Authorization", "value": "DPoP {{ token.access_token }}"},)


class OAuth2:
    """A token that is got, shared, renewed and sent as a bearer token unless `auth.fields` says otherwise."""

    name: ClassVar[str] = "oauth2"
    title: ClassVar[str] = "a token from a token endpoint (RFC 6749)"
    schema: ClassVar[JsonSchema] = {
        "x-keys-of": ("grants", "client_auth"),
        "required": ["grant_type"],
        "properties": {
            "grant_type": {
                **frame.by_kind(
                    "A short name or a URN (RFC 6749 §4). A vendor's own word is sent as it is; {vendor: word} insists on one that is near a known name.",
                    string={"anyOf": [{"type": "string", "x-names-of": "grants"}, {"pattern": frame.linear(f"^[A-Za-z0-9_.:/-]+{frame.END}"), "description": "A vendor's own word."}]},
                    object=frame.closed({"vendor": frame.described({"type": "string", "minLength": 1}, "The word that is sent.", examples=["client_credential"])}, required=("vendor",)),
                ),
                "examples": ["client_credentials", "account_credentials"],
            },
            **token_frame.KEYS,
            "client_auth": {**token_frame.KEYS["client_auth"], "default": "client_secret_basic"},
            "issuer": {**frame.URL, "description": f"Its metadata (RFC 8414, OpenID Connect Discovery) fills the endpoints that are not written. {frame.URL['description']}", "examples": ["https://login.example.com"]},
            "authorization_url": {**frame.URL, "description": f"Where a person consents (RFC 6749 §3.1). With another grant: consent first, then that grant. {frame.URL['description']}", "examples": ["https://login.example.com/oauth/authorize"]},
            "device_authorization_url": {**frame.URL, "description": f"The device authorization endpoint (RFC 8628 §3.1). {frame.URL['description']}", "examples": ["https://login.example.com/oauth/device"]},
            "registration": frame.map_of(frame.ANY_VALUE, "Client metadata (RFC 7591 §2): register where nobody supplies a client_id.", names=f"[A-Za-z0-9_#-]+{frame.END}",
                                         examples=[{"client_name": "Acme bot", "token_endpoint_auth_method": "none"}]),
            "registration_url": {**frame.URL, "description": f"The registration endpoint (RFC 7591 §3). {frame.URL['description']}", "examples": ["https://login.example.com/oauth/register"]},
            "pkce": frame.described({"enum": ["S256", "plain", False]}, "Proof key (RFC 7636); false only for servers that refuse it. Default: S256.", examples=["S256", False]),
            "dpop": frame.described({"type": "boolean"}, "Bind tokens to a key of ours, which is kept with them, and prove it with each request (RFC 9449). The token is sent as `DPoP …`.", default=False, examples=[True]),
            **token_frame.BROWSER_KEYS,
            "scopes": frame.described(
                frame.by_kind(
                    "",
                    string={},
                    array={"items": frame.by_kind(
                        "One scope, or one value of a parameter.",
                        string={},
                        object=frame.closed({"key": frame.described({"type": "string", "minLength": 1}, "The parameter.", examples=["scope"]),
                                             "value": frame.text("Its value.", examples=["read"])}, required=("key", "value")),
                    )},
                ),
                "A text as it is sent, a list that is joined, or {key, value} pairs: pairs of one key are joined, each key is a parameter.",
                examples=[["read", "write"], "read write", [{"key": "scope", "value": "read"}, {"key": "audience", "value": "crm"}]],
                avoid={"[read write]": "one scope for each item of a list"},
            ),
            "scope_separator": {**frame.text("Between the values of one key.", examples=[","]), "default": " "},
            "audience": frame.text("The parameter `audience`.", examples=["https://api.example.com"]),
            "resource": frame.text("The parameter `resource` (RFC 8707).", examples=["https://api.example.com"]),
        },
    }  # fmt: skip
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "client_id": {"title": "Client ID"},
        "client_secret": {"title": "Client secret", "secret": True},
        "redirect_uri": {"title": "Redirect URI", "description": "Where the browser comes back to, as it is registered at the provider.", "required": False},
    }
    fields: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"in": "header", "key": "Authorization", "value": "Bearer {{ token.access_token }}"},
    )
    gets_token: ClassVar[bool] = True

    @staticmethod
    def filled(auth: Mapping[str, Any]) -> dict[str, Any]:
        """A token that is bound to a key goes with the scheme DPoP (RFC 9449 §7.1)."""
        return {"fields": _DPOP_FIELDS} if auth.get("dpop") is True else {}


@hookimpl
def register_schemes(register: Register) -> None:
    """Add the auth type `oauth2`."""
    register(OAuth2)
