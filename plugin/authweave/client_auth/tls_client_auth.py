"""`tls_client_auth`: the client's certificate on the connection, issued by an authority that the provider believes. RFC 8705 §2.1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from authweave.assertions.signing_inputs import CERTIFICATE
from authweave.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from authweave.call import TokenCall


class TlsClientAuth:
    """Only the client id in the request; the proof is the certificate that `tls` shows in the handshake."""

    name: ClassVar[str] = "tls_client_auth"
    title: ClassVar[str] = "a certificate of an authority (RFC 8705 §2.1)"
    sends: ClassVar[frozenset[str]] = frozenset({"client_id"})
    is_certificate: ClassVar[bool] = True
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = CERTIFICATE

    def present(self, call: TokenCall) -> None:
        """Put the client id into the call: the server finds the client by it (RFC 8705 §2)."""
        call.parameter("client_id", call.client_id(), origin="client_id")


@hookimpl
def register_client_auth(register: Register) -> None:
    """Add `tls_client_auth`."""
    register(TlsClientAuth)
