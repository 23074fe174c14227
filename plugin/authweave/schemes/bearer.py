"""A token that somebody already has, sent as a bearer token: RFC 6750 §2.1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from authweave import frame
from authweave.hookspecs import Register, hookimpl
from authweave.values import JsonSchema


class Bearer:
    """A permanent token. It cannot be renewed: a 401 is reported."""

    name: ClassVar[str] = "bearer"
    title: ClassVar[str] = "a permanent token (RFC 6750)"
    schema: ClassVar[JsonSchema] = {"properties": {"token": {**frame.SECRET_TEXT, "description": f"The token. {frame.SECRET_TEXT['description']}", "default": "{{ inputs.token }}", "examples": ["{{ inputs.token }}"]}}}
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {"token": {"title": "Token", "secret": True}}
    fields: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"in": "header", "key": "Authorization", "value": "Bearer {{ $token }}"},
    )
    gets_token: ClassVar[bool] = False


@hookimpl
def register_schemes(register: Register) -> None:
    """Add the auth type `bearer`."""
    register(Bearer)
