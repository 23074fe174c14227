"""An API key, in the header X-API-Key unless `auth.fields` says where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from authweave.hookspecs import Register, hookimpl
from authweave.values import JsonSchema


class ApiKey:
    """One key that the API handed out (OpenAPI `apiKey`)."""

    name: ClassVar[str] = "api_key"
    title: ClassVar[str] = "an API key in header, query, payload, path or cookie"
    schema: ClassVar[JsonSchema] = {}
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {"api_key": {"title": "API key", "secret": True}}
    fields: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"in": "header", "key": "X-API-Key", "value": "{{ inputs.api_key }}"},
    )
    gets_token: ClassVar[bool] = False


@hookimpl
def register_schemes(register: Register) -> None:
    """Add the auth type `api_key`."""
    register(ApiKey)
