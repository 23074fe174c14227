"""Events as lines of Python's `logging`, logger `authweave.events`."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import ClassVar, Final, Self

from authweave.events import Event
from authweave.hookspecs import Register, hookimpl
from authweave.machine.forks import Lock
from authweave.observers.flood import Flood
from authweave.redaction import fingerprint, inert
from authweave.settings import Settings
from authweave.times import NotATime, format_time

LOGGER: Final = "authweave.events"
LONGEST: Final = 200
_PLAIN: Final = re.compile(r"""[^\s"'=\\,;]+""")


class LogObserver:
    """`logging`: one line an event, `kind=refused profile=acme key=…`; warnings for what wants a person's eye.

    `extra` of each record holds the event under `authweave` and the number of those left out under
    `authweave_left_out`. The user's id is written as a fingerprint, there too. The same bad kind for the same key is
    written once a minute. Safe for threads and forks; `clock` is monotonic seconds.
    """

    name: ClassVar[str] = "logging"

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = logging.getLogger(LOGGER)
        self._flood = Flood(clock)
        self._lock = Lock()

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The observer; nothing needs to be set up. Where its lines go is the host's `logging` configuration."""
        return cls()

    def tell(self, event: Event) -> None:
        """Write the event, and those left out before it whose minute is over."""
        with self._lock:
            due = self._flood.due(event)
        for told, left_out in due:
            self._write(told, left_out, is_late=told is not event)

    def _write(self, event: Event, left_out: int, *, is_late: bool) -> None:
        if not self._log.isEnabledFor(level := _level(event)):
            return
        shown = fit_to_write(event)
        extra = {"authweave": shown, "authweave_left_out": left_out}
        self._log.log(level, line_of(shown, left_out, is_late=is_late), extra=extra)


def fit_to_write(event: Event) -> Event:
    """The event with a fingerprint in the place of the user's id, and texts that nobody is harmed by reading."""
    return replace(
        event, kind=_calm(event.kind), profile=_calm(event.profile), tenant=_calm(event.tenant), key=_calm(event.key),
        grant=_calm(event.grant), subject=fingerprint(event.subject) if event.subject else "",
    )  # fmt: skip


def line_of(event: Event, left_out: int = 0, *, is_late: bool = False) -> str:
    """`key=value` for all that is known, in the order of the fields. Values with spaces or signs stand in quotes (JSON).

    A line that is written later than the event happened says when that was.
    """
    pairs = [*_pairs(event), ("left_out", str(left_out or "")), ("at", _moment(event.at) if is_late else "")]
    return " ".join(f"{name}={_quoted(value)}" for name, value in pairs if value)


def _pairs(event: Event) -> Iterator[tuple[str, str]]:
    for name in ("kind", "profile", "tenant", "subject", "key", "endpoint", "grant"):
        yield name, getattr(event, name)
    if event.seconds is not None:
        yield "seconds", f"{event.seconds:.3f}"
    if event.retry_at is not None:
        yield "retry_at", _moment(event.retry_at)
    yield "detail", event.detail


def _level(event: Event) -> int:
    if event.kind == "reused":
        return logging.DEBUG
    return logging.WARNING if event.is_bad else logging.INFO


def _calm(text: str) -> str:
    return inert(text if len(text) <= LONGEST else text[: LONGEST - 1] + "…")


def _moment(seconds: float) -> str:
    try:
        return str(format_time(seconds, "rfc3339"))
    except NotATime:
        return str(seconds)


def _quoted(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else json.dumps(value, ensure_ascii=False)


@hookimpl
def register_observers(register: Register) -> None:
    """Add this observer."""
    register(LogObserver)
