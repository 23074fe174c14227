"""`client_secret_post`: RFC 6749 §2.3.1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from authweave.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from authweave.call import TokenCall


class ClientSecretPost:
    """Id and secret as parameters of the token request."""

    name: ClassVar[str] = "client_secret_post"
    title: ClassVar[str] = "id and secret in the body"
    sends: ClassVar[frozenset[str]] = frozenset({"client_id", "client_secret"})
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def present(self, call: TokenCall) -> None:
        """Put both parameters into the call."""
        call.parameter("client_id", call.client_id(), origin="client_id")
        call.parameter("client_secret", call.client_secret(), origin="client_secret", secret=True)


@hookimpl
def register_client_auth(register: Register) -> None:
    """Add `client_secret_post`."""
    register(ClientSecretPost)
