"""HTTP Digest access authentication: RFC 7616."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from authweave import frame
from authweave.hookspecs import Register, hookimpl
from authweave.values import JsonSchema


class Digest:
    """User name and password, proven by a hash over the server's challenge; the password itself is never sent."""

    name: ClassVar[str] = "digest"
    title: ClassVar[str] = "user name and password as a digest (RFC 7616)"
    schema: ClassVar[JsonSchema] = {
        "properties": {
            "username": frame.text("The user name.", default="{{ inputs.username }}", examples=["{{ inputs.username }}"]) | {"x-template": "text"},
            "password": {
                **frame.SECRET_TEXT, "description": f"The password; it is never sent, only proven. {frame.SECRET_TEXT['description']}",
                "default": "{{ inputs.password }}", "examples": ["{{ inputs.password }}"], "x-template": "text",
            },
        }
    }  # fmt: skip
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "username": {"title": "User name"},
        "password": {"title": "Password", "secret": True},
    }
    fields: ClassVar[Sequence[Mapping[str, Any]]] = ()
    gets_token: ClassVar[bool] = False
    seal: ClassVar[str] = "digest"


@hookimpl
def register_schemes(register: Register) -> None:
    """Add the auth type `digest`."""
    register(Digest)
