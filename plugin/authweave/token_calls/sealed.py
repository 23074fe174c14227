"""Token calls of types whose seal signs them, too: AssumeRole of AWS, the steps of OAuth 1.0."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from authweave.contracts import Seal, Sealed, Signing
from authweave.drafts.draft import Placed
from authweave.foreign import asked
from authweave.values import TaskRequest, TaskResponse

if TYPE_CHECKING:
    from authweave.token_calls.exchange import Exchange
    from authweave.wire import Wire


def sealed_exchange(exchange: Exchange, seal: Seal, signing: Callable[[], Signing]) -> Exchange:
    """The same way to send, with each request signed first. `signing` is asked anew for every request."""

    def signed(request: TaskRequest, seconds: float, placed: tuple[Placed, ...], *, wire: Wire | None = None) -> TaskResponse:
        sealed = asked(seal, seal.sign, request, signing(), of=Sealed)
        return exchange(sealed.request, seconds, (*placed, *sealed.placed), wire=wire)

    return signed
