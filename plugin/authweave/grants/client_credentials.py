"""Client credentials grant: RFC 6749 §4.4. Also the form of a vendor's own grant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from authweave.hookspecs import Register, hookimpl
from authweave.values import JsonSchema

if TYPE_CHECKING:
    from authweave.call import TokenCall


class ClientCredentials:
    """Ask for a token in the client's own name; there is nobody to consent."""

    name: ClassVar[str] = "client_credentials"
    title: ClassVar[str] = "in the client's own name"
    schema: ClassVar[JsonSchema] = {}
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    attended: ClassVar[bool] = False

    def parameters(self, call: TokenCall) -> Mapping[str, Any]:
        """Nothing beside `grant_type` and `scope`."""
        return {}


@hookimpl
def register_grants(register: Register) -> None:
    """Add the grant `client_credentials`."""
    register(ClientCredentials)
