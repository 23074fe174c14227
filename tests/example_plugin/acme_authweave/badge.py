"""The grant of Acme's gates: a badge is shown for a token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from authweave.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from authweave.call import TokenCall

authweave_contract = 1


class Badge:
    """Ask for a token with a badge, at one of Acme's gates."""

    name: ClassVar[str] = "urn:acme:grant-type:badge"
    title: ClassVar[str] = "with a badge"
    attended: ClassVar[bool] = False
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {"badge": {"title": "Badge number", "secret": True}}
    schema: ClassVar[dict[str, Any]] = {
        "properties": {
            "badge": {"type": "string", "description": "The badge number.", "default": "{{ inputs.badge }}", "x-template": "text"},
            "gate": {"type": "string", "description": "Which gate is asked.", "default": "main", "x-template": "text"},
        }
    }

    def parameters(self, call: TokenCall) -> Mapping[str, Any]:
        """`badge` and `gate`. What the profile says of a key comes from `call.text`: so it is part of the token's key."""
        return {"badge": call.text("badge"), "gate": call.text("gate")}


@hookimpl
def register_grants(register: Register) -> None:
    """Add the grant."""
    register(Badge)
