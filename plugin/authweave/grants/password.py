"""Resource owner password credentials grant: RFC 6749 §4.3. RFC 9700 §2.4 says not to use it; some servers have nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from authweave import frame
from authweave.hookspecs import Register, hookimpl
from authweave.values import JsonSchema

if TYPE_CHECKING:
    from authweave.call import TokenCall


class Password:
    """Ask for a token with a person's own user name and password. `authweave validate` warns of it."""

    name: ClassVar[str] = "password"
    title: ClassVar[str] = "with a person's user name and password (deprecated: RFC 9700)"
    schema: ClassVar[JsonSchema] = {
        "properties": {
            "username": {**frame.text("The person's user name.", examples=["{{ inputs.username }}"]), "default": "{{ inputs.username }}"},
            "password": {
                **frame.SECRET_TEXT,
                "description": f"The person's password. {frame.SECRET_TEXT['description']}",
                "default": "{{ inputs.password }}",
                "examples": ["{{ inputs.password }}"],
            },
        },
    }
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "username": {"title": "User name"},
        "password": {"title": "Password", "secret": True},
    }
    attended: ClassVar[bool] = False

    def parameters(self, call: TokenCall) -> Mapping[str, Any]:
        """`username` and `password` (RFC 6749 §4.3.2); nothing where `content` is the whole body."""
        if call.request.content is not None:
            return {}
        return {"username": call.username(), "password": call.password()}


@hookimpl
def register_grants(register: Register) -> None:
    """Add the grant `password`."""
    register(Password)
