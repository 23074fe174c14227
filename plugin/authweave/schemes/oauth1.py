"""OAuth 1.0: RFC 5849."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from authweave import frame
from authweave.hookspecs import Register, hookimpl
from authweave.oauth1 import METHODS
from authweave.values import JsonSchema


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
        }
    }  # fmt: skip
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "consumer_key": {"title": "Consumer key"},
        "consumer_secret": {"title": "Consumer secret", "secret": True},
        "token": {"title": "Token", "secret": True},
        "token_secret": {"title": "Token secret", "secret": True},
    }
    fields: ClassVar[Sequence[Mapping[str, Any]]] = ()
    gets_token: ClassVar[bool] = False
    seal: ClassVar[str] = "oauth1"


@hookimpl
def register_schemes(register: Register) -> None:
    """Add the auth type `oauth1`."""
    register(OAuth1)
