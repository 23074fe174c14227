"""SAML 2.0 bearer grant: RFC 7522 §2.1. An assertion that an identity provider signed is supplied, and presented as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from authweave.assertions.ready import SAML2_BEARER, ready
from authweave.assertions.signing_inputs import without_client
from authweave.errors import AssertionRefused
from authweave.hookspecs import Register, hookimpl
from authweave.values import JsonSchema

if TYPE_CHECKING:
    from authweave.call import TokenCall


class Saml2Bearer:
    """Ask with a SAML assertion, as XML or in base64; it is sent in base64url."""

    name: ClassVar[str] = "saml2_bearer"
    title: ClassVar[str] = "with a SAML assertion that is supplied (RFC 7522)"
    urn: ClassVar[str] = "urn:ietf:params:oauth:grant-type:saml2-bearer"
    schema: ClassVar[JsonSchema] = {}
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    attended: ClassVar[bool] = False
    proves_enough: ClassVar[bool] = True

    @staticmethod
    def filled(auth: Mapping[str, Any]) -> dict[str, Any]:
        """The assertion proves enough: without a client id that is written, nothing else does."""
        return without_client(auth)

    def parameters(self, call: TokenCall) -> Mapping[str, Any]:
        """The assertion in base64url. Raises AssertionRefused where it is no SAML."""
        found = ready(call.assertion(), f"{call.origin}.assertion")
        if found.kind != SAML2_BEARER:
            raise AssertionRefused(f"{call.origin}.assertion", "is a JWT, no SAML assertion", "supply the SAML assertion, or write grant_type: jwt_bearer")
        return {"assertion": found.text}


@hookimpl
def register_grants(register: Register) -> None:
    """Add the grant `saml2_bearer`."""
    register(Saml2Bearer)
