"""The wire that tries go over: only where the profile's calls went before, nothing twice, and not a word to a server that asked to wait."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from authweave.answers.responses import NotJson, parse_json
from authweave.errors import AuthweaveError, EgressRefused
from authweave.net.values import Call, Reply, StageEvent
from authweave.urls import Origin
from authweave.wire import CAP, Kept, Wire


def asks_to_wait(headers: Iterable[str]) -> bool:
    """Do these header fields ask for it? With a refusal it is what a server says before it locks an account."""
    return any(name.lower() == "retry-after" for name in headers)


class Journal:
    """What one exploration has sent, and what came back. `reach` says which origins may be called. For one thread at a time.

    `remembers`: the same call is answered as before. That is of use where only requests to the API differ; a token call
    may rest on a step before it whose answer is good once.
    """

    def __init__(self, reach: Callable[[Origin], bool], *, remembers: bool) -> None:
        self.reach = reach
        self.remembers = remembers
        self.sent = 0
        self.wait = ""
        self._answers: dict[bytes, Reply] = {}

    def answer(self, call: Call) -> Reply | None:
        """What this very call was answered before. Raises EgressRefused for one that must not be made at all."""
        host = call.url.partition("://")[2].partition("/")[0]
        try:
            is_allowed = self.reach(Origin.of(call.url))
        except AuthweaveError:
            is_allowed = False
        if not is_allowed:
            raise EgressRefused("a try calls no origin that the profile did not call before", stage="dns", host=host, detail="origin")
        known = self._answers.get(_mark(call)) if self.remembers else None
        if known is None and self.wait:
            raise EgressRefused(f"the server asked to wait ({self.wait})", stage="dns", host=host, detail="wait")
        return known

    def note(self, call: Call, reply: Reply) -> None:
        """Remember an answer."""
        if self.remembers:
            self._answers[_mark(call)] = reply
        if reply.status == 429 or (reply.status >= 400 and asks_to_wait(name for name, _ in reply.headers)):
            self.wait = str(reply.status)
        elif reply.status >= 400 and _asks_to_slow_down(reply.body):
            self.wait = "slow_down"


class _Guarded(Wire):
    """What is otherwise about a wire that tries go over."""

    journal: Journal

    def send(
        self, call: Call, *, deadline: float, cap: int = CAP, truncate: bool = False,
        events: Callable[[StageEvent], None] | None = None, kept: Kept | None = None,
    ) -> Reply:  # fmt: skip
        """As Wire.send, under the rules of the journal; the same call is answered from memory."""
        known = self.journal.answer(call)
        if known is not None:
            return known
        self.journal.sent += 1
        reply = super().send(call, deadline=deadline, cap=cap, truncate=truncate, events=events, kept=kept)
        self.journal.note(call, reply)
        return reply


def guarded(wire: Wire, journal: Journal) -> Wire:
    """A wire of the same kind as this one, and all that is made from it, under the rules of a journal."""
    bases = (_Guarded,) if type(wire) is Wire else (_Guarded, type(wire))
    made: _Guarded = object.__new__(type("GuardedWire", bases, {}))
    made.__dict__.update(wire.__dict__)
    made.journal = journal
    return made


def _mark(call: Call) -> bytes:
    """Equal for equal calls; no secret can be had from it."""
    whole = hashlib.sha256()
    for part in (call.method, call.url, *(text for header in call.headers for text in header)):
        whole.update(f"{len(part)}:{part}".encode(errors="surrogatepass"))
    whole.update(b"-" if call.body is None else call.body)
    return whole.digest()


def _asks_to_slow_down(body: bytes) -> bool:
    """RFC 8628 §3.5: a word that some servers say to everybody who asks too often."""
    try:
        said = parse_json(body)
    except NotJson:
        return False
    return isinstance(said, dict) and said.get("error") in ("slow_down", "too_many_requests", "rate_limited", "rate_limit_exceeded")
