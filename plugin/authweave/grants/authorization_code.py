"""Authorization code grant: RFC 6749 §4.1, with proof key (RFC 7636). A person consents in a browser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from authweave.hookspecs import Register, hookimpl
from authweave.values import JsonSchema

if TYPE_CHECKING:
    from authweave.call import TokenCall


class AuthorizationCode:
    """Exchange the code that the redirect brought, once; every later token comes by refresh, or by signing in again."""

    name: ClassVar[str] = "authorization_code"
    title: ClassVar[str] = "a person signs in with a browser"
    schema: ClassVar[JsonSchema] = {}
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    attended: ClassVar[bool] = True
    signs_in: ClassVar[bool] = True

    @staticmethod
    def filled(auth: Mapping[str, Any]) -> dict[str, Any]:
        """The browser's request, with proof key, also where metadata say where it goes."""
        return {"authorization_request": {}, "pkce": "S256"}

    def parameters(self, call: TokenCall) -> Mapping[str, Any]:
        """The code, the redirect URI letter for letter as it was sent, and the verifier. Raises SignInNeeded without a sign-in."""
        consent = call.consent()
        return {"code": consent.code, "redirect_uri": consent.redirect_uri, "code_verifier": consent.verifier}


@hookimpl
def register_grants(register: Register) -> None:
    """Add the grant `authorization_code`."""
    register(AuthorizationCode)
