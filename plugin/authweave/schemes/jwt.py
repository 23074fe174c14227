"""A self-signed JWT as the credential itself (RFC 7519, RFC 6750 §2.1): nobody is asked for a token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from authweave import token_frame
from authweave.assertions.signing_inputs import SIGNING_KEY
from authweave.hookspecs import Register, hookimpl
from authweave.values import JsonSchema


class SelfSigned:
    """The assertion is the token. One serves many requests, and another is made well before it ends."""

    name: ClassVar[str] = "jwt"
    title: ClassVar[str] = "a JWT that the client signs, as bearer token"
    schema: ClassVar[JsonSchema] = {
        "required": ["assertion"],
        "properties": {
            "assertion": token_frame.jwt_schema("The JWT that is sent: one to make, or a text that is ready."),
        },
    }
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = SIGNING_KEY
    fields: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"in": "header", "key": "Authorization", "value": "Bearer {{ assertion }}"},
    )
    gets_token: ClassVar[bool] = False


@hookimpl
def register_schemes(register: Register) -> None:
    """Add the auth type `jwt`."""
    register(SelfSigned)
