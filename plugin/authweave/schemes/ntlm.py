"""NTLM over HTTP: MS-NTHT, MS-NLMP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from authweave import frame
from authweave.hookspecs import Register, hookimpl
from authweave.values import JsonSchema


class Ntlm:
    """User name and password of a Windows domain, proven for the connection in three messages."""

    name: ClassVar[str] = "ntlm"
    title: ClassVar[str] = "user name and password of a Windows domain (MS-NTHT)"
    schema: ClassVar[JsonSchema] = {
        "properties": {
            "username": frame.text("The user: DOMAIN\\user, or user@domain.", default="{{ inputs.username }}", examples=["{{ inputs.username }}"]) | {"x-template": "text"},
            "password": {
                **frame.SECRET_TEXT, "description": f"The password; it is never sent, only proven. {frame.SECRET_TEXT['description']}",
                "default": "{{ inputs.password }}", "examples": ["{{ inputs.password }}"], "x-template": "text",
            },
        }
    }  # fmt: skip
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "username": {"title": "User name", "example": "DOMAIN\\user"},
        "password": {"title": "Password", "secret": True},
    }
    fields: ClassVar[Sequence[Mapping[str, Any]]] = ()
    gets_token: ClassVar[bool] = False
    seal: ClassVar[str] = "ntlm"


@hookimpl
def register_schemes(register: Register) -> None:
    """Add the auth type `ntlm`."""
    register(Ntlm)
