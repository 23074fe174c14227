"""`private_key_jwt`: RFC 7523 §2.2, OpenID Connect Core §9."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from authweave.assertions.ready import present_client_assertion
from authweave.assertions.signing_inputs import SIGNING_KEY
from authweave.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from authweave.call import TokenCall


class PrivateKeyJwt:
    """An assertion that the client signs with its private key, anew for each call: the secret never travels."""

    name: ClassVar[str] = "private_key_jwt"
    title: ClassVar[str] = "an assertion signed with the client's private key"
    sends: ClassVar[frozenset[str]] = frozenset({"client_id"})
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = SIGNING_KEY
    claims: ClassVar[tuple[str, ...]] = ("iss", "sub", "aud")

    @staticmethod
    def filled(auth: Mapping[str, Any]) -> dict[str, Any]:
        """RS256 with the implied key, unless the profile says otherwise."""
        return {} if "client_assertion" in auth else {"client_assertion": {}}

    def present(self, call: TokenCall) -> None:
        """Put the client id, the assertion and its type into the call."""
        present_client_assertion(call)


@hookimpl
def register_client_auth(register: Register) -> None:
    """Add `private_key_jwt`."""
    register(PrivateKeyJwt)
