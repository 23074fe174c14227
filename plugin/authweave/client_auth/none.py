"""`none`: a public client (RFC 6749 §2.1, RFC 7591 §2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from authweave.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from authweave.call import TokenCall


class PublicClient:
    """Only the client id, if there is one, and no proof. What else the endpoint wants stands in `token_request.fields`."""

    name: ClassVar[str] = "none"
    title: ClassVar[str] = "a public client: only the id"
    sends: ClassVar[frozenset[str]] = frozenset({"client_id"})
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def present(self, call: TokenCall) -> None:
        """Put the client id into the call, unless the profile leaves it out or has none."""
        if call.settings.client_id is not None and not call.is_omitted("client_id"):
            call.parameter("client_id", call.client_id(), origin="client_id")


@hookimpl
def register_client_auth(register: Register) -> None:
    """Add `none`."""
    register(PublicClient)
