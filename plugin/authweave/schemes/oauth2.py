"""OAuth 2 (RFC 6749): a token from a token endpoint, by one of the grants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from authweave import frame
from authweave.hookspecs import Register, hookimpl
from authweave.values import JsonSchema

_FIELD = frame.field_schema(default_place="payload")


class OAuth2:
    """A token that is got, shared, renewed and sent as a bearer token unless `auth.fields` says otherwise."""

    name: ClassVar[str] = "oauth2"
    title: ClassVar[str] = "a token from a token endpoint (RFC 6749)"
    schema: ClassVar[JsonSchema] = {
        "x-keys-of": ("grants", "client_auth"),
        "required": ["grant_type", "token_url"],
        "properties": {
            "grant_type": {
                **frame.by_kind(
                    "A short name or a URN (RFC 6749 §4). A vendor's own word is sent as it is; {vendor: word} insists on one that is near a known name.",
                    string={"anyOf": [{"type": "string", "x-names-of": "grants"}, {"pattern": f"^[A-Za-z0-9_.:/-]+{frame.END}", "description": "A vendor's own word."}]},
                    object=frame.closed({"vendor": frame.described({"type": "string", "minLength": 1}, "The word that is sent.", examples=["client_credential"])}, required=("vendor",)),
                ),
                "examples": ["client_credentials", "account_credentials"],
            },
            "token_url": {**frame.URL, "description": f"The token endpoint (RFC 6749 §3.2). {frame.URL['description']}"},
            "refresh_url": {**frame.URL, "description": f"Where tokens are refreshed. Default: token_url. {frame.URL['description']}", "examples": ["https://{{ inputs.tenant }}.example.com/oauth/refresh"]},
            "client_auth": frame.names_of("client_auth", "How the client proves who it is (RFC 7591 `token_endpoint_auth_method`). One way, never guessed.",
                                          default="client_secret_basic", examples=["client_secret_post"]),
            "basic_encoding": frame.choice(("rfc6749", "raw"), "rfc6749: id and secret are form-encoded before Basic (§2.3.1); raw: they are not. Servers disagree.", default="rfc6749"),
            "client_id": frame.text("The client id.", default="{{ inputs.client_id }}", examples=["{{ inputs.client_id }}"]),
            "client_secret": {**frame.SECRET_TEXT, "description": f"The client secret. {frame.SECRET_TEXT['description']}", "default": "{{ inputs.client_secret }}"},
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
            "token_request": frame.request_schema(_FIELD, method="POST", description="What differs in the token request. Default: POST, form."),
            "refresh_request": frame.request_schema(_FIELD, method="POST", description="What differs in the refresh request; what is not written comes from token_request, fields too."),
            "token_response": frame.answer_schema(),
            "revoke_request": frame.request_schema(
                _FIELD, method="POST", name="revoke_request",
                url={**frame.URL, "description": f"The revocation endpoint (RFC 7009 §2). {frame.URL['description']}", "examples": ["https://{{ inputs.tenant }}.example.com/oauth/revoke"]},
                description="The request that ends the token at the provider (RFC 7009). Without it, a token is only forgotten here.",
            ),
            "refresh_with": frame.choice(("refresh_token", "access_token", "grant"), "What a refresh presents; grant: never refresh.", default="refresh_token"),
            "refresh_before": frame.described({"type": "number", "minimum": 0}, "Seconds before the end at which renewal begins; at most a quarter of the lifetime.", default=60, examples=[300]),
        },
    }  # fmt: skip
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "client_id": {"title": "Client ID"},
        "client_secret": {"title": "Client secret", "secret": True},
    }
    fields: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"in": "header", "key": "Authorization", "value": "Bearer {{ token.access_token }}"},
    )
    gets_token: ClassVar[bool] = True


@hookimpl
def register_schemes(register: Register) -> None:
    """Add the auth type `oauth2`."""
    register(OAuth2)
