"""`client_secret_jwt`: OpenID Connect Core §9, RFC 7523 §2.2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from authweave.assertions.ready import present_client_assertion
from authweave.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from authweave.call import TokenCall


class ClientSecretJwt:
    """An assertion that the client signs with its secret (HS256), anew for each call: the secret never travels."""

    name: ClassVar[str] = "client_secret_jwt"
    title: ClassVar[str] = "an assertion signed with the client's secret"
    sends: ClassVar[frozenset[str]] = frozenset({"client_id", "client_secret"})
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    claims: ClassVar[tuple[str, ...]] = ("iss", "sub", "aud")

    @staticmethod
    def filled(auth: Mapping[str, Any]) -> dict[str, Any]:
        """HS256 with the client's secret, unless the profile says otherwise."""
        written = auth.get("client_assertion", {})
        return {"client_assertion": {"algorithm": "HS256", "signing_key": auth.get("client_secret", "{{ inputs.client_secret }}"), **written}} if isinstance(written, Mapping) else {}

    def present(self, call: TokenCall) -> None:
        """Put the client id, the assertion and its type into the call; the secret stays here."""
        present_client_assertion(call)


@hookimpl
def register_client_auth(register: Register) -> None:
    """Add `client_secret_jwt`."""
    register(ClientSecretJwt)
