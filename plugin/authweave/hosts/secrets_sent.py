"""What is secret in a request that got its credential: for hosts that show or log what an API says back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authweave.probe.known import Known
from authweave.probe.recorder import Recorded
from authweave.probe.views import learn_placed

if TYPE_CHECKING:
    from authweave.applying.sent import Sent
    from authweave.connections.connection import Connection


def learn_sent(known: Known, connection: Connection, sent: Sent) -> None:
    """Know the inputs that were read, the token, and what was placed. Safe to repeat."""
    for name, secret in connection.inputs().secrets:
        known.learn(name, secret, "input")
    known.learn_token(sent.token)
    learn_placed(Recorded("check", sent.request, sent.placed), known)
