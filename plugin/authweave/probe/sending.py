"""The check on its way: what a door does, with a recorder where the wire is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from authweave.drafts.draft import Placed
from authweave.drafts.fields import field_value
from authweave.drafts.texts import text_for
from authweave.errors import AuthweaveError
from authweave.probe.ledger import since
from authweave.tokens.flights import outcome
from authweave.wire import Kept

if TYPE_CHECKING:
    from authweave.applying.sent import Sent
    from authweave.probe.ledger import Ledger
    from authweave.profile import Profile, Test
    from authweave.values import Judgement, TaskRequest


@dataclass(frozen=True, slots=True)
class Checking:
    """One check: the request as the test describes it, and what the test itself put into it (`own`)."""

    test: Test
    request: TaskRequest
    own: tuple[Placed, ...]
    about: str


def driven(ledger: Ledger, checking: Checking, flow: Any, first: Callable[[Sent, float], None]) -> tuple[Judgement, Sent]:
    """Wait for what the flow waits for, send what it sends. Answers the verdict and what was sent last. Raises as a door does.

    `first` hears of the first request that is ready, and of the milliseconds that it took.
    """
    assert ledger.connection is not None  # noqa: S101 - connected
    if not ledger.connection.outgoing.is_bound:
        return _sent_all(ledger, checking, flow, first, None)
    with Kept() as kept:
        return _sent_all(ledger, checking, flow, first, kept)


def _send(ledger: Ledger, checking: Checking, asked: Sent, kept: Kept | None) -> Any:
    """Send the check as it is prepared. Raises WireError."""
    connection = ledger.connection
    assert connection is not None  # noqa: S101 - connected
    ledger.known.learn_token(asked.token)
    with connection.outgoing.calling("task"):
        return ledger.recorder.check(
            asked.request, (*checking.own, *asked.placed), ledger.engine.settings.deadline, about=checking.about,
            url_key=f"{checking.test.origin}.request.url", path=tuple(_path_values(asked, connection.profile)), wire=connection.outgoing.wire("task"), kept=kept,
        )  # fmt: skip


def _sent_all(ledger: Ledger, checking: Checking, flow: Any, first: Callable[[Sent, float], None], kept: Kept | None) -> tuple[Judgement, Sent]:
    step: Callable[[], Any] = partial(next, flow)
    sent: Any = None
    while True:
        start = time.monotonic()
        try:
            asked = step()
        except StopIteration as stop:
            return stop.value, sent
        if isinstance(asked, Future):
            step = _waited(flow, asked)
            continue
        if sent is None:
            first(asked, since(start))
        sent = asked
        step = partial(flow.send, _send(ledger, checking, asked, kept))


def _path_values(sent: Sent, profile: Profile) -> Iterator[tuple[Placed, str]]:
    """The path fields that were filled: in a finished URL they cannot be told from the rest."""
    placed = {one.origin: one for one in sent.placed if one.place == "path"}
    for item in (*profile.fields, *sent.credential.variant.fields):
        if item.origin in placed:
            yield placed[item.origin], text_for(field_value(item, sent.scope), f"path field {item.key}")


def _waited(flow: Any, asked: Future[Any]) -> Callable[[], Any]:
    """The next step of the flow, with what it waited for."""
    try:
        landed = outcome(asked)
    except AuthweaveError as error:
        return partial(flow.throw, error.fresh())
    return partial(flow.send, landed)


def applied(ledger: Ledger, sent: Sent, ms: float, about: str) -> None:
    """Note where the credential and the fields were put."""
    variant = sent.credential.variant
    places = ", ".join(f"{placed.place} {placed.key}" for placed in sent.placed) or "nothing to add"
    several = ledger.profile is not None and len(ledger.profile.variants) > 1
    ledger.stage("apply", "ok", ms, f"variant {variant.name}: {places}" if several else places, about=about)
