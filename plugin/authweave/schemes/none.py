"""No credential: the API is open, `fields` may still be added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from authweave.hookspecs import Register, hookimpl
from authweave.values import JsonSchema


class NoAuth:
    """An API that wants no credential; declared, so that nothing is unauthenticated by accident."""

    name: ClassVar[str] = "none"
    title: ClassVar[str] = "no credential"
    schema: ClassVar[JsonSchema] = {"properties": {"fields": False}}
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    fields: ClassVar[Sequence[Mapping[str, Any]]] = ()
    gets_token: ClassVar[bool] = False


@hookimpl
def register_schemes(register: Register) -> None:
    """Add the auth type `none`."""
    register(NoAuth)
