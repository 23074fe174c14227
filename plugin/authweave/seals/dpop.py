"""DPoP at the API: with each request a proof that its sender holds the key of the token (RFC 9449 §7)."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Final

from authweave.answers.challenges import challenges
from authweave.contracts import Sealed, Signing
from authweave.drafts.draft import Placed, with_header
from authweave.errors import SigningError
from authweave.hookspecs import Register, hookimpl
from authweave.proofs.dpop import HEADER, WANTS_NONCE, Nonces, nonce_in, proof
from authweave.values import TaskRequest, TaskResponse

NONCE: Final = "nonce"
"""The reason to send again."""


class Dpop:
    """Puts `DPoP: <proof>` beside the token. A nonce is that of the API's origin, and never that of the token endpoint."""

    name: ClassVar[str] = "dpop"
    reads_body: ClassVar[bool] = False

    def __init__(self) -> None:
        self._nonces = Nonces()

    def sign(self, request: TaskRequest, signing: Signing) -> Sealed:
        """The request with its proof. Raises SigningError for a token without a key."""
        token = signing.token
        if token is None or token.proof_key is None:
            raise SigningError("the token has no DPoP key, so nothing can be proved with it")
        made = proof(
            token.proof_key, method=request.method, url=request.url, now=signing.now, nonce=self._nonces.get(request.url),
            access_token=token.access_token,
        )  # fmt: skip
        headers = tuple(with_header(list(request.headers), HEADER, made))
        return Sealed(replace(request, headers=headers), (Placed("header", HEADER, f"{signing.origin}.dpop", True),))

    def learned(self, request: TaskRequest, response: TaskResponse, signing: Signing) -> str:
        """Remember the nonce of an answer. `nonce` where the API refuses for want of it (§9)."""
        nonce = self._nonces.learn(request.url, response.headers)
        if response.status != 401 or not nonce or nonce == nonce_in(request.header(HEADER) or ""):
            return ""
        lines = [value for name, value in response.headers if name.lower() == "www-authenticate"]
        words = {challenge.parameters.get("error", "") for challenge in challenges(lines)} - {""}
        return NONCE if not words or WANTS_NONCE in words else ""


@hookimpl
def register_seals(register: Register) -> None:
    """Add the seal of `dpop: true`."""
    register(Dpop)
