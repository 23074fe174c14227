"""Refresh token grant: RFC 6749 §6, with a refresh token that somebody got elsewhere and hands over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from authweave import frame
from authweave.hookspecs import Register, hookimpl
from authweave.values import JsonSchema

if TYPE_CHECKING:
    from authweave.call import TokenCall


class RefreshToken:
    """Hold a person's consent: the given refresh token buys the first token, what the answers bring all later ones."""

    name: ClassVar[str] = "refresh_token"
    title: ClassVar[str] = "with a refresh token that was got elsewhere"
    schema: ClassVar[JsonSchema] = {
        "properties": {
            "refresh_token": {
                **frame.SECRET_TEXT,
                "description": f"The refresh token that a person's consent gave. {frame.SECRET_TEXT['description']}",
                "default": "{{ inputs.refresh_token }}",
                "examples": ["{{ inputs.refresh_token }}"],
            },
        },
    }
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {"refresh_token": {"title": "Refresh token", "secret": True}}
    attended: ClassVar[bool] = True

    def parameters(self, call: TokenCall) -> Mapping[str, Any]:
        """The refresh token that was given."""
        return {"refresh_token": call.refresh_token()}


@hookimpl
def register_grants(register: Register) -> None:
    """Add the grant `refresh_token`."""
    register(RefreshToken)
