"""Many tests as they go: a few lines of constant height on a terminal, elsewhere a line for each that fails."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stderr
from io import TextIOBase
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from authweave.matrix import Event

HEIGHT: Final = 3
MANY: Final = 50
"""Profiles that take a moment to read."""
INTERVAL: Final = 0.1
"""Seconds between two drawings, at least."""
_DONE: Final = "━"
_LEFT: Final = "─"
_REFUSED: Final = ("refused", "not_valid", "not_sent")


@contextmanager
def live(total: int, stream: TextIO | None = None, environ: Mapping[str, str] = os.environ) -> Iterator[Live]:
    """What hears of the runs and shows them on standard error, until the end; on a terminal nothing of it stays."""
    stream = stream or sys.stderr
    kind = Bar if stream.isatty() and environ.get("TERM") != "dumb" else Lines
    shown = kind(total, stream, environ)
    shown.begin()
    try:
        with redirect_stderr(Above(shown)) if isinstance(shown, Bar) else nullcontext():
            yield shown
    finally:
        shown.end()


class Above(TextIOBase):
    """Takes the place of standard error while there is a bar: each line stands above it, for good."""

    def __init__(self, shown: Live) -> None:
        super().__init__()
        self._shown = shown
        self._begun = threading.local()  # two threads never share a line

    def write(self, text: str) -> int:
        """Lines are shown when they are complete."""
        *whole, self._begun.text = (getattr(self._begun, "text", "") + text).split("\n")
        for line in whole:
            self._shown.say(line)
        return len(text)

    def isatty(self) -> bool:
        """It leads to one."""
        return True


@contextmanager
def reading(count: int) -> Iterator[None]:
    """While many profiles are read, which takes a moment: says so on a terminal, and wipes it away."""
    stream = sys.stderr
    is_shown = count >= MANY and stream.isatty() and os.environ.get("TERM") != "dumb"
    if is_shown:
        print(f"reading {count} profiles", end="", file=stream, flush=True)
    try:
        yield
    finally:
        if is_shown:
            print("\r\x1b[K", end="", file=stream, flush=True)


class Live:
    """Counts runs. `hear` may be called from any thread."""

    def __init__(self, total: int, stream: TextIO, environ: Mapping[str, str]) -> None:
        self.total = total
        self.counts: Counter[str] = Counter()
        self.running: dict[int, str] = {}
        self.stream = stream
        self.environ = environ
        self.lock = threading.Lock()

    def hear(self, event: Event) -> None:
        """A run begins or ends."""
        from authweave.reports.summary import outcome_of

        with self.lock:
            if event.report is None:
                self.running[event.number] = event.run.title
            else:
                self.running.pop(event.number, None)
                self.counts[outcome_of(event.report)] += 1
            self.told(event)

    @property
    def done(self) -> int:
        """How many have ended."""
        return sum(self.counts.values())

    def told(self, event: Event) -> None:
        """Show it; called with the lock held."""

    def begin(self) -> None:
        """Before the first."""

    def end(self) -> None:
        """After the last."""

    def say(self, text: str) -> None:
        """A line of its own."""
        with self.lock:
            self.stream.write(f"{text}\n")
            self.stream.flush()


class Lines(Live):
    """For pipes and files: a line for each run that is not accepted, as it ends."""

    def told(self, event: Event) -> None:
        """A line, if it failed."""
        from authweave.redaction import inert
        from authweave.reports.summary import OUTCOMES, outcome_of, reason_of

        if event.report is None or (outcome := outcome_of(event.report)) == "accepted":
            return
        found = reason_of(event.report)
        why = f"{found.code}: {found.sentence}" if found else event.report.credential.reason or event.report.token.reason
        self.stream.write(inert(f"{event.run.title}: {OUTCOMES[outcome]}{f': {why}' if why else ''}") + "\n")
        self.stream.flush()


class Bar(Live):
    """For terminals: how far it is, how it came out so far, and what is under way; drawn over itself in one write."""

    def __init__(self, total: int, stream: TextIO, environ: Mapping[str, str]) -> None:
        super().__init__(total, stream, environ)
        self._started = time.monotonic()
        self._drawn = False
        self._ending = threading.Event()
        self._painter = threading.Thread(target=self._paint, name="authweave progress", daemon=True)

    def begin(self) -> None:
        """Draw it, and go on drawing it."""
        with self.lock:
            self._draw()
        self._painter.start()

    def end(self) -> None:
        """Leave the lines empty."""
        self._ending.set()
        self._painter.join(1)
        with self.lock:
            if self._drawn:
                self._write(f"\r\x1b[{HEIGHT - 1}A\x1b[J" if HEIGHT > 1 else "\r\x1b[J")
                self._drawn = False

    def say(self, text: str) -> None:
        """A line above the bar, which stays."""
        with self.lock:
            back = f"\r\x1b[{HEIGHT - 1}A\x1b[J" if self._drawn else ""
            self._drawn = False
            self._write(f"{back}{text}\n")
            self._draw()

    def _paint(self) -> None:
        while not self._ending.wait(INTERVAL):
            with self.lock:
                self._draw()

    def _draw(self) -> None:
        size = shutil.get_terminal_size((80, 24))
        try:
            columns = os.get_terminal_size(self.stream.fileno()).columns or size.columns
        except (OSError, ValueError):
            columns = size.columns
        back = f"\r\x1b[{HEIGHT - 1}A" if self._drawn else "\r"
        body = "\x1b[K\n".join(lines(self, max(columns, 20), time.monotonic() - self._started, self._can_show()))
        self._write(f"{back}\x1b[?7l{body}\x1b[K\x1b[?7h")
        self._drawn = True

    def _can_show(self) -> bool:
        try:
            "━─…".encode(self.stream.encoding or "ascii")
        except (UnicodeEncodeError, LookupError):
            return False
        return True

    def _write(self, text: str) -> None:
        try:
            self.stream.write(text)
            self.stream.flush()
        except (OSError, ValueError):
            self._ending.set()  # nobody looks any more


def lines(now: Live, columns: int, seconds: float, unicode: bool = True) -> list[str]:
    """HEIGHT lines, none wider than the terminal."""
    return [_cut(line, columns - 1, unicode) for line in (_bar(now, columns - 1, seconds, unicode), _counts(now), _running(now))]


def _bar(now: Live, columns: int, seconds: float, unicode: bool) -> str:
    minutes, rest = divmod(int(seconds), 60)
    told = f" {now.done:>{len(str(now.total))}}/{now.total}  {minutes}:{rest:02}"
    width = max(min(columns - len(told), 40), 4)
    full = width * now.done // max(now.total, 1)
    done, left = (_DONE, _LEFT) if unicode else ("#", ".")
    return done * full + left * (width - full) + told


def _counts(now: Live) -> str:
    refused = sum(now.counts[outcome] for outcome in _REFUSED)
    accepted = now.counts["accepted"]
    return f"{accepted} accepted, {refused} refused, {now.done - accepted - refused} inconclusive"


def _running(now: Live) -> str:
    return "now: " + ", ".join(now.running[number] for number in sorted(now.running)) if now.running else "now: –"


def _cut(text: str, width: int, unicode: bool) -> str:
    from authweave.reports.page import cells

    if not unicode:
        text = text.replace("–", "-").encode("ascii", "backslashreplace").decode()
    if cells(text) <= width:
        return text
    more = "…" if unicode else "..."
    while text and cells(text) + cells(more) > width:
        text = text[:-1]
    return text + more
