"""The keys that types with a token share: token and refresh requests, reading, steps, assertions, client authentication."""

from __future__ import annotations

from typing import Any, Final

from authweave import frame
from authweave.values import JsonSchema

FIELD: Final = frame.field_schema(default_place="payload")
BROWSER_FIELD: Final = frame.field_schema(default_place="query")
STEP_FIELD: Final = frame.field_schema(default_place="payload")

REQUEST_URL: Final = {**frame.URL, "examples": ["https://{{ inputs.tenant }}.example.com/v1/login"]}


def jwt_schema(description: str) -> JsonSchema:
    """A JWT to make (RFC 7519), or a text: one that is ready (a SAML assertion)."""
    described = frame.closed({
        "algorithm": frame.text("The JWS algorithm (RFC 7518 §3.1, RFC 8037).", default="RS256", examples=["ES256", "{{ inputs.algorithm }}"]),
        "signing_key": {**frame.SECRET_TEXT, "description": f"The key that signs: PEM, or the secret of HS256. {frame.SECRET_TEXT['description']}", "default": "{{ inputs.signing_key }}",
                        "examples": ["{{ inputs.key_file.private_key }}"]},
        "key_id": frame.text("The header `kid`.", examples=["{{ inputs.key_id }}"]),
        "header": frame.map_of(frame.ANY_VALUE, "More members of the JOSE header.", names=r"[A-Za-z0-9_.#:/-]+" + frame.END, examples=[{"x5t#S256": "{{ x5t(inputs.certificate, 'sha256') }}"}]),
        "claims": frame.map_of(frame.ANY_VALUE, "Claims; they merge over the defaults. `jti: false` leaves that one out.", names=r"[A-Za-z0-9_.#:/-]+" + frame.END, examples=[{"iss": "{{ inputs.app_id }}"}]),
        "lifetime": frame.described(frame.or_template({"type": "number", "minimum": 1}), "Seconds from `iat` to `exp`.", default=300, examples=[3600]),
    })  # fmt: skip
    return {**frame.by_kind(description, string={}, object=described), "examples": [{"claims": {"sub": "robot"}}]}


def step_schema(phases: str) -> JsonSchema:
    """A request beside the token call, and what is kept of its answer."""
    return {**frame.closed({
        "name": frame.described({"type": "string", "pattern": frame.linear(f"^[a-z0-9_-]+{frame.END}")}, "Shown in the report.", examples=["discover"]),
        "when": frame.condition("Do this step only when true."),
        "phases": frame.described({"type": "array", "minItems": 1, "items": {"type": "string", "enum": ["grant", "refresh"]}}, f"At which token calls. Default: {phases}.", examples=[["grant"]]),
        "request": frame.request_schema(STEP_FIELD, method="GET", url=REQUEST_URL, name="step_request", description="The request to send."),
        "response": frame.answer_schema(),
    }, required=("name", "request"), description="One request of its own, before or after the token call."), "x-def": f"step_{phases.split(' ')[0]}"}  # fmt: skip


KEYS: Final[dict[str, Any]] = {
    "client_auth": frame.names_of("client_auth", "How the client proves who it is (RFC 7591 `token_endpoint_auth_method`). One way, never guessed.", examples=["client_secret_post"]),
    "basic_encoding": frame.choice(("rfc6749", "raw"), "rfc6749: id and secret are form-encoded before Basic (§2.3.1); raw: they are not. Servers disagree.", default="rfc6749"),
    "client_id": frame.text("The client id.", default="{{ inputs.client_id }}", examples=["{{ inputs.client_id }}"]),
    "client_secret": {**frame.SECRET_TEXT, "description": f"The client secret. {frame.SECRET_TEXT['description']}", "default": "{{ inputs.client_secret }}"},
    "token_url": {**frame.URL, "description": f"The token endpoint (RFC 6749 §3.2). {frame.URL['description']}"},
    "refresh_url": {**frame.URL, "description": f"Where tokens are refreshed. Default: token_url. {frame.URL['description']}", "examples": ["https://{{ inputs.tenant }}.example.com/oauth/refresh"]},
    "assertion": jwt_schema("A signed assertion that the token call presents: a JWT to make, or a text that is ready (RFC 7521)."),
    "client_assertion": jwt_schema("The JWT that proves who the client is (RFC 7523 §2.2). Defaults: iss and sub client_id, aud token_url."),
    "before": frame.list_of(step_schema("[grant]"), "Requests before a token call, in order; what they keep can be read later."),
    "after": frame.list_of(step_schema("[grant, refresh]"), "Requests after a token call, in order; the members of their `response` replace those of the token."),
    "token_request": frame.request_schema(FIELD, method="POST", description="What differs in the token request. Default: POST, form."),
    "refresh_request": frame.request_schema(FIELD, method="POST", description="What differs in the refresh request; what is not written comes from token_request, fields too."),
    "token_response": frame.answer_schema(),
    "revoke_request": frame.request_schema(
        FIELD, method="POST", name="revoke_request",
        url={**frame.URL, "description": f"The revocation endpoint (RFC 7009 §2). {frame.URL['description']}", "examples": ["https://{{ inputs.tenant }}.example.com/oauth/revoke"]},
        description="The request that ends the token at the provider (RFC 7009). Without it, a token is only forgotten here.",
    ),
    "refresh_with": frame.choice(("refresh_token", "access_token", "grant"), "What a refresh presents; grant: never refresh.", default="refresh_token"),
    "refresh_before": frame.described({"type": "number", "minimum": 0}, "Seconds before the end at which renewal begins; at most a quarter of the lifetime.", default=60, examples=[300]),
}  # fmt: skip
"""Keys of `auth` for every type with a token. `client_auth` has its default by type."""

BROWSER_KEYS: Final[dict[str, Any]] = {
    "redirect_uri": frame.text("Where the browser comes back to; sent letter for letter. Default: the input redirect_uri.", examples=["http://127.0.0.1:8912/callback"]),
    "authorization_request": frame.request_schema(BROWSER_FIELD, method="GET", name="authorization_request", description="What differs in the request that a person's browser makes (RFC 6749 §4.1.1)."),
    "callback": frame.closed({
        "code": frame.text("Where the authorization code stands. Default: the parameter `code` of the redirect.", examples=["{{ callback.auth_code }}"]),
        "keep": frame.KEEP,
    }, description="How to read the redirect that brings the person back."),
}  # fmt: skip
"""Keys of `auth` for types to which a person signs in with a browser."""
