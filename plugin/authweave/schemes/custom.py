"""A credential that is only fields: whatever header, query, payload, path or cookie the API wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from authweave.hookspecs import Register, hookimpl
from authweave.values import JsonSchema


class Custom:
    """The profile writes `auth.fields` itself; nothing is implied."""

    name: ClassVar[str] = "custom"
    title: ClassVar[str] = "fields you describe yourself"
    schema: ClassVar[JsonSchema] = {"required": ["fields"]}
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    fields: ClassVar[Sequence[Mapping[str, Any]]] = ()
    gets_token: ClassVar[bool] = False


@hookimpl
def register_schemes(register: Register) -> None:
    """Add the auth type `custom`."""
    register(Custom)
