"""JWT bearer grant: RFC 7523 §2.1. A signed assertion says for whom a token is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from authweave.assertions.ready import JWT_BEARER, ready
from authweave.assertions.signing_inputs import SIGNING_KEY, without_client
from authweave.errors import AssertionRefused
from authweave.hookspecs import Register, hookimpl
from authweave.values import JsonSchema

if TYPE_CHECKING:
    from authweave.call import TokenCall


class JwtBearer:
    """Ask with an assertion that the client signs, anew for each call; there is nobody to consent."""

    name: ClassVar[str] = "jwt_bearer"
    title: ClassVar[str] = "with a JWT that the client signs (RFC 7523)"
    urn: ClassVar[str] = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    schema: ClassVar[JsonSchema] = {}
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = SIGNING_KEY
    attended: ClassVar[bool] = False
    proves_enough: ClassVar[bool] = True
    claims: ClassVar[tuple[str, ...]] = ("iss", "aud")

    @staticmethod
    def filled(auth: Mapping[str, Any]) -> dict[str, Any]:
        """The assertion proves enough: without a client id that is written, nothing else does."""
        return {"assertion": {}, **without_client(auth)}

    def parameters(self, call: TokenCall) -> Mapping[str, Any]:
        """The assertion. Raises AssertionRefused where a ready one is no JWT."""
        text = call.assertion()
        if ready(text, f"{call.origin}.assertion").kind != JWT_BEARER:
            raise AssertionRefused(f"{call.origin}.assertion", "is no JWT", "supply a signed JWT, or write grant_type: saml2_bearer")
        return {"assertion": text}


@hookimpl
def register_grants(register: Register) -> None:
    """Add the grant `jwt_bearer`."""
    register(JwtBearer)
