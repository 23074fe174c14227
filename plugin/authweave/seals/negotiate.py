"""The `Authorization: Negotiate` of a Kerberos ticket: RFC 4559."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import ClassVar, Final

from authweave.contracts import Sealed, Signing
from authweave.drafts.draft import Placed, with_header
from authweave.errors import ApplyError, PlacementError, ServerUnproven
from authweave.hookspecs import Register, hookimpl
from authweave.proofs.security_contexts import TICKETS, Kept, kerberos, offered, stepped, token_in
from authweave.values import TaskRequest, TaskResponse

EXTRA: Final = "kerberos"
_NAME: Final = "Authorization"


class Negotiate:
    """Each request has a token of its own, made from the ticket for the service; a server never takes one twice. It goes
    along unasked. With `mutual`, an answer without the server's own token is not the server's.
    """

    name: ClassVar[str] = "negotiate"
    reads_body: ClassVar[bool] = False
    waits: ClassVar[bool] = True  # for the KDC, where there is no ticket for the service yet
    asks_outside: ClassVar[bool] = True

    def __init__(self) -> None:
        self._kept = Kept()

    def sign(self, request: TaskRequest, signing: Signing) -> Sealed:
        """The request with a new token. Blocking. Raises ApplyError: no ticket to be had, or the library is missing."""
        service, host = _service(signing)
        context = kerberos(service, host, delegate=signing.value("delegate") is True, mutual=_is_mutual(signing), extra=EXTRA)
        failure = ""
        try:
            token = base64.b64encode(stepped(context, None) or b"").decode("ascii")
        except ApplyError as error:
            failure = f"no ticket for {service}@{host}: {error}; {TICKETS}"
        if failure:
            raise ApplyError(failure)
        self._kept.hold(token, context)
        return _with_token(request, token, signing)

    def foretold(self, request: TaskRequest, signing: Signing) -> Sealed:
        """The request as it would look; nobody is asked for a ticket."""
        service, host = _service(signing)
        return _with_token(request, base64.b64encode(f"ticket for {service}@{host}".encode()).decode("ascii"), signing)

    def learned(self, request: TaskRequest, response: TaskResponse, signing: Signing) -> str:
        """Checks the server's own token. Raises ServerUnproven."""
        context = self._kept.take(token_in(request, self.name))
        if context is None or response.status == 401 or not _is_mutual(signing):
            return ""
        _, token = offered(response, self.name)
        why = "" if token else "its answer has no token (WWW-Authenticate: Negotiate …)"
        if token:
            try:
                stepped(context, token)
                why = "" if context.complete else "its token does not complete the handshake"
            except ApplyError as error:
                why = f"its token is wrong: {error}"
        if why:
            raise ServerUnproven(f"the server did not prove itself: {why}", status=response.status)
        return ""


def _is_mutual(signing: Signing) -> bool:
    return signing.value("mutual") is not False


def _service(signing: Signing) -> tuple[str, str]:
    service, _, host = signing.text("service").partition("@")
    if not service or not host:
        raise PlacementError(f"{signing.origin}.service is not of the form service@host, such as HTTP@intranet.example.com")
    return service, host


def _with_token(request: TaskRequest, token: str, signing: Signing) -> Sealed:
    headers = tuple(with_header(list(request.headers), _NAME, f"Negotiate {token}"))
    return Sealed(replace(request, headers=headers), (Placed("header", _NAME, signing.origin, True),))


@hookimpl
def register_seals(register: Register) -> None:
    """Add the seal `negotiate`."""
    register(Negotiate)
