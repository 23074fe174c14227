"""Token exchange: RFC 8693. One token is given for another; which, stands in `token_request.fields`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from authweave.assertions.signing_inputs import SIGNING_KEY, without_client
from authweave.hookspecs import Register, hookimpl
from authweave.values import JsonSchema

if TYPE_CHECKING:
    from authweave.call import TokenCall

_READS_ASSERTION: Final = re.compile(r"\bassertion\b")


class TokenExchange:
    """Exchange a token that is at hand (or an assertion that the client signs) for one of another kind, scope or audience."""

    name: ClassVar[str] = "token_exchange"
    title: ClassVar[str] = "one token for another (RFC 8693)"
    urn: ClassVar[str] = "urn:ietf:params:oauth:grant-type:token-exchange"
    schema: ClassVar[JsonSchema] = {}
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = SIGNING_KEY
    attended: ClassVar[bool] = False
    proves_enough: ClassVar[bool] = True
    claims: ClassVar[tuple[str, ...]] = ("iss", "aud")

    @staticmethod
    def filled(auth: Mapping[str, Any]) -> dict[str, Any]:
        """An assertion is made where a field reads it."""
        reads = _READS_ASSERTION.search(str([field.get("value") for field in auth.get("token_request", {}).get("fields", ())]))
        return {**({"assertion": {}} if reads else {}), **without_client(auth)}

    def parameters(self, call: TokenCall) -> Mapping[str, Any]:
        """None beside the fields: `subject_token`, `subject_token_type` and what else RFC 8693 §2.1 has."""
        return {}


@hookimpl
def register_grants(register: Register) -> None:
    """Add the grant `token_exchange`."""
    register(TokenExchange)
