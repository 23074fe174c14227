"""From a recorded call to the stages it passed, and the one where it ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from authweave.errors import WireError
from authweave.probe.known import Known
from authweave.probe.recorder import Recorded
from authweave.probe.views import event_words
from authweave.report import Stage

NETWORK: Final = ("dns", "connect", "tls")
_STAGE_OF: Final = {"dns": "dns", "connect": "connect", "proxy": "connect", "tls": "tls"}
_CALL: Final = frozenset({"sent", "headers", "body"})


def network_stages(record: Recorded, known: Known, at: str = "") -> Iterator[Stage]:
    """dns, connect and tls of a call, as far as it came. `at` says which key of the profile named the host, and where it stands."""
    ended = failed_at(record)
    for name in NETWORK:
        events = [event for event in record.events if _STAGE_OF.get(event.stage) == name]
        words = known.text(", ".join(filter(None, map(event_words, events))))
        ms = sum(event.duration for event in events) * 1000
        if ended == name:
            yield Stage(name, "failed", max(record.seconds * 1000 - _before(record, name), 0.0), known.text(f"{record.error}{f' ({at})' if at else ''}"))
        elif events:
            yield Stage(name, "ok", ms, words)
        elif name == "tls" and record.reply is not None:
            yield Stage(name, "skipped", None, "http, on this machine")
        else:
            yield Stage(name, "skipped")


def failed_at(record: Recorded) -> str:
    """The stage where the call got stuck: dns, connect, tls, or call; '' if it was answered."""
    if record.error is None:
        return ""
    return _STAGE_OF.get(record.error.stage, "call") if isinstance(record.error, WireError) else "call"


def call_ms(record: Recorded) -> float:
    """Milliseconds from the first byte sent to the last one read."""
    if record.reply is None:
        return max(record.seconds * 1000 - sum(event.duration for event in record.events if event.stage in _STAGE_OF) * 1000, 0.0)
    return sum(event.duration for event in record.events if event.stage in _CALL) * 1000


def _before(record: Recorded, name: str) -> float:
    earlier = NETWORK[: NETWORK.index(name)]
    return sum(event.duration for event in record.events if _STAGE_OF.get(event.stage) in earlier) * 1000


def status_line(record: Recorded) -> str:
    """`POST 200 OK`."""
    reply = record.reply
    return f"{record.request.method} {reply.status} {reply.reason}".rstrip() if reply else f"{record.request.method}: {record.error}"
