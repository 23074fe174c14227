"""OAuth 1.0: RFC 5849."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from authweave import frame, token_frame
from authweave.hookspecs import Register, hookimpl
from authweave.proofs.oauth1 import METHODS
from authweave.values import JsonSchema

_FORM: Final = "response.form"
_JSON: Final = "response.json"


class OAuth1:
    """Every request is signed by consumer and token; two-legged where the token is empty."""

    name: ClassVar[str] = "oauth1"
    title: ClassVar[str] = "a signature by consumer and token (RFC 5849)"
    schema: ClassVar[JsonSchema] = {
        "properties": {
            "consumer_key": {**frame.text("Who calls: `oauth_consumer_key`.", default="{{ inputs.consumer_key }}", examples=["{{ inputs.consumer_key }}"]), "x-template": "text"},
            "consumer_secret": {**frame.SECRET_TEXT, "description": f"The consumer's secret; with an RSA method its private key, PEM. {frame.SECRET_TEXT['description']}",
                                "default": "{{ inputs.consumer_secret }}", "examples": ["{{ inputs.consumer_secret }}"], "x-template": "text"},
            "token": {**frame.SECRET_TEXT, "description": f"For whom: `oauth_token`. '' means two legs, nobody but the consumer. {frame.SECRET_TEXT['description']}",
                      "default": "{{ inputs.token }}", "examples": ["{{ inputs.token }}", ""], "x-template": "text"},
            "token_secret": {**frame.SECRET_TEXT, "description": f"The secret of the token. {frame.SECRET_TEXT['description']}",
                             "default": "{{ inputs.token_secret }}", "examples": ["{{ inputs.token_secret }}", ""], "x-template": "text"},
            "realm": {**frame.text("The realm in the header; it is not signed (§3.5.1).", examples=["{{ inputs.account | upper }}"]), "x-template": "text"},
            "signature_method": frame.choice(METHODS, "How requests are signed (§3.4). PLAINTEXT sends the secrets, over https only. SHA-1 is what the RFC has; take SHA-256 where the provider can.", default="HMAC-SHA1"),
            "signature_in": frame.choice(("header", "query", "payload"), "Where the protocol parameters go (§3.5); payload is a form body.", default="header"),
            "request_token_url": {**frame.URL, "description": f"Where a sign-in gets its temporary credentials (§2.1). {frame.URL['description']}", "examples": ["https://login.example.com/oauth/request_token"], "x-template": "url"},
            "authorization_url": {**frame.URL, "description": f"Where a person lets the program in (§2.2). {frame.URL['description']}", "examples": ["https://login.example.com/oauth/authorize"]},
            "access_token_url": {**frame.URL, "description": f"Where the token is got (§2.3); with it a person signs in, and no token is supplied. {frame.URL['description']}", "examples": ["https://login.example.com/oauth/access_token"], "x-template": "url"},
            **token_frame.BROWSER_KEYS,
            **{key: token_frame.KEYS[key] for key in ("token_url", "client_auth", "basic_encoding", "token_request", "refresh_request", "token_response", "refresh_with", "refresh_before")},
        }
    }  # fmt: skip
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "consumer_key": {"title": "Consumer key"},
        "consumer_secret": {"title": "Consumer secret", "secret": True},
        "token": {"title": "Token", "secret": True},
        "token_secret": {"title": "Token secret", "secret": True},
        "redirect_uri": {"title": "Redirect URI", "description": "Where the browser comes back to, as it is registered at the provider.", "required": False},
    }
    fields: ClassVar[Sequence[Mapping[str, Any]]] = ()
    gets_token: ClassVar[bool] = True
    seal: ClassVar[str] = "oauth1"
    token_when: ClassVar[str] = "access_token_url"
    signs_token_call: ClassVar[Mapping[str, Any]] = {"token": "", "token_secret": "", "signature_in": "header"}

    @staticmethod
    def filled(auth: Mapping[str, Any]) -> dict[str, Any]:
        """With an access token URL: how a person signs in, and how the token is read. No token, no secret of one."""
        if auth.get("access_token_url") is None:
            return {"token_secret": ""} if auth.get("token") == "" else {}
        return {
            "token": "", "token_secret": "", "token_url": auth["access_token_url"], "client_auth": "none",
            "callback": {"code": "{{ callback.oauth_verifier }}"},
            "token_request": {"encoding": "none"},
            "token_response": {
                "access_token": f"{{{{ {_FORM}.oauth_token or {_JSON}.oauth_token }}}}",
                "token_type": "OAuth",
                "error": f"{{{{ {_FORM}.oauth_problem or {_FORM}.error or {_JSON}.error }}}}",
                "error_description": f"{{{{ {_FORM}.oauth_problem_advice or {_FORM}.error_description }}}}",
                "keep": {"token_secret": f"{{{{ {_FORM}.oauth_token_secret or {_JSON}.oauth_token_secret }}}}"},
            },
        }  # fmt: skip


@hookimpl
def register_schemes(register: Register) -> None:
    """Add the auth type `oauth1`."""
    register(OAuth1)
