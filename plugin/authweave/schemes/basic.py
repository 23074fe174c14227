"""HTTP Basic: RFC 7617."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from authweave import frame
from authweave.hookspecs import Register, hookimpl
from authweave.values import JsonSchema


class Basic:
    """User name and password, UTF-8, in one header. A colon in the user name is refused (RFC 7617 §2)."""

    name: ClassVar[str] = "basic"
    title: ClassVar[str] = "user name and password (RFC 7617)"
    schema: ClassVar[JsonSchema] = {
        "properties": {
            "username": frame.text("The user name; it holds no colon (RFC 7617 §2).", default="{{ inputs.username }}", examples=["{{ inputs.username }}"]),
            "password": {**frame.SECRET_TEXT, "description": f"The password. {frame.SECRET_TEXT['description']}", "default": "{{ inputs.password }}", "examples": ["{{ inputs.password }}"]},
        }
    }
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "username": {"title": "User name"},
        "password": {"title": "Password", "secret": True},
    }
    fields: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"in": "header", "key": "Authorization", "value": "Basic {{ basic($username, $password) }}"},
    )
    gets_token: ClassVar[bool] = False


@hookimpl
def register_schemes(register: Register) -> None:
    """Add the auth type `basic`."""
    register(Basic)
