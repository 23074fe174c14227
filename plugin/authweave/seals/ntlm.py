"""The messages of NTLM in `Authorization`: MS-NTHT §3, MS-NLMP §2.2.1."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from typing import ClassVar, Final

from authweave.contracts import Sealed, Signing
from authweave.drafts.draft import Placed, with_header
from authweave.errors import ApplyError, PlacementError
from authweave.hookspecs import Register, hookimpl
from authweave.proofs.security_contexts import ntlm, offered, stepped, token_in
from authweave.urls import Origin
from authweave.values import TaskRequest, TaskResponse

EXTRA: Final = "ntlm"
_NAME: Final = "Authorization"
_CLOSES: Final = re.compile(r"(?i)(?:^|,)\s*close\s*(?:,|$)")


class Ntlm:
    """The first message goes along unasked; the server's challenge comes with 401, and the proof goes over the very same
    connection. So only who holds the connection can send it: `is_bound` says why.
    """

    name: ClassVar[str] = "ntlm"
    reads_body: ClassVar[bool] = True  # every request is sent twice
    waits: ClassVar[bool] = True  # for hashes in pure Python, and the first time for the library
    is_bound: ClassVar[str] = "NTLM proves the user to one connection, by two requests that go over it one after the other"

    def sign(self, request: TaskRequest, signing: Signing) -> Sealed:
        """The request with the first message; once the server has answered that, with the proof. Raises ApplyError, PlacementError."""
        username, password = signing.text("username"), signing.text("password")
        if not username or not password:
            raise PlacementError(f"{signing.origin}.{'username' if not username else 'password'} is empty")
        context = ntlm(username, password, Origin.of(request.url).host, EXTRA)
        token = stepped(context, None)
        challenge = _challenge(*signing.answered) if signing.answered else None
        if challenge is not None and signing.answered is not None:
            token = stepped(context, challenge, signing.answered[1].peer)
        return _with_token(request, token, signing)

    def foretold(self, request: TaskRequest, signing: Signing) -> Sealed:
        """The request with a first message, as far as one can be told without the library."""
        return _with_token(request, b"NTLMSSP\0\x01\0\0\0", signing)

    def learned(self, request: TaskRequest, response: TaskResponse, signing: Signing) -> str:
        """`challenge`: there is one to prove against now, on this connection. Raises ApplyError where the connection is gone."""
        if _challenge(request, response) is None:
            return ""
        if _CLOSES.search(response.header("connection") or ""):
            raise ApplyError("the server, or a proxy before it, closes the connection with its challenge; NTLM needs it kept")
        return "challenge"


def _challenge(request: TaskRequest, response: TaskResponse) -> bytes | None:
    """The server's challenge to a first message of ours; None for any other answer."""
    sent = token_in(request, Ntlm.name) or ""
    if response.status != 401 or not sent.startswith(_text(b"NTLMSSP\0\x01")[:11]):
        return None
    return offered(response, Ntlm.name)[1]


def _with_token(request: TaskRequest, token: bytes | None, signing: Signing) -> Sealed:
    headers = tuple(with_header(list(request.headers), _NAME, f"NTLM {_text(token)}"))
    return Sealed(replace(request, headers=headers), (Placed("header", _NAME, signing.origin, True),))


def _text(token: bytes | None) -> str:
    return base64.b64encode(token or b"").decode("ascii")


@hookimpl
def register_seals(register: Register) -> None:
    """Add the seal `ntlm`."""
    register(Ntlm)
