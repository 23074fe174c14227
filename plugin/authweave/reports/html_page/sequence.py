"""The run as a sequence: who took part, and what went from whom to whom, in time order. Values only; nothing is drawn here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from authweave.reports.html_page.blame import TOKEN_CALLS, Mark, homeless, marks
from authweave.reports.html_page.words import without_query

if TYPE_CHECKING:
    from authweave.report import Diagnosis, Exchange, Report

_API_CALLS: Final = frozenset({"check", "control"})
_TITLES: Final[Mapping[str, str]] = {
    "task": "task", "browser": "browser", "proxy": "proxy", "provider": "identity provider", "api": "API",
}  # fmt: skip
_SPAN_OF: Final[Mapping[str, str]] = {
    "dns": "dns", "connect": "connect", "proxy": "proxy", "tls": "tls", "sent": "wait", "headers": "wait", "body": "read",
}  # fmt: skip
SPANS: Final = ("dns", "connect", "proxy", "tls", "wait", "read")
"""What the time of a call is made of; `wait` is from the first byte sent to the status."""

_REACHES: Final[Mapping[str, float]] = {"dns": 0.3, "connect": 0.6, "proxy": 0.5, "tls": 0.85, "answer": 1.0}
"""How far along its way an arrow comes that ends in this stage."""

_ENDS: Final[Mapping[str, str]] = {
    "dns": "dns: no address", "connect": "connect: no connection", "proxy": "proxy: no way through", "tls": "tls: no secure channel", "answer": "no answer",
}  # fmt: skip
_PROXY: Final = re.compile(r"through (\S+)")


@dataclass(frozen=True, slots=True)
class Lane:
    """Who takes part. `hosts` are the hosts that were called, the first one is told."""

    role: str
    title: str
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a call's time, in milliseconds."""

    kind: str
    ms: float


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that happened, or did not.

    `kind`: call, local (it ended on this machine) or unsent. `number` is the call's, from 1; 0 for none. `source` and
    `target` are lanes, `via` is that of a proxy on the way. `state`: ok, failed, open, warning or unsent. `ended` is
    the stage in which a call without an answer ended, and `reach` how far along its way that is.
    """

    kind: str
    title: str
    source: int
    target: int
    ask: str = ""
    answer: str = ""
    state: str = "ok"
    code: str = ""
    number: int = 0
    via: int | None = None
    ms: float | None = None
    spans: tuple[Span, ...] = ()
    ended: str = ""
    reach: float = 1.0

    @property
    def span_ms(self) -> float:
        """The time that is told of, part by part."""
        return sum(span.ms for span in self.spans)


@dataclass(frozen=True, slots=True)
class Sequence:
    """The lanes from left to right, and the rows in time order."""

    lanes: tuple[Lane, ...]
    rows: tuple[Row, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of spans that are there."""
        there = {span.kind for row in self.rows for span in row.spans}
        return tuple(kind for kind in SPANS if kind in there)

    @property
    def longest(self) -> float:
        """The time of the slowest call."""
        return max((row.span_ms for row in self.rows), default=0.0)


def sequence(report: Report) -> Sequence:
    """What happened in a run."""
    lanes = tuple(_lanes(report))
    index = {lane.role: place for place, lane in enumerate(lanes)}
    marked = marks(report)
    calls = [_call(one, place, marked.get(place), lanes, index) for place, one in enumerate(report.exchanges)]
    return Sequence(lanes, tuple(_in_order(report, calls, index)))


def _in_order(report: Report, calls: list[Row], index: Mapping[str, int]) -> Iterator[Row]:
    """The calls; what ended the run here, at its moment; then what was not come to."""
    ended = [_local(one) for one in homeless(report)]
    yield from calls
    yield from ended
    purposes = {one.purpose for one in report.exchanges}
    if "provider" in index and not purposes & TOKEN_CALLS and report.token.word in ("not_tested", "inconclusive"):
        yield Row("unsent", "Token call", 0, index["provider"], answer="not sent", state="unsent")
    if "check" not in purposes and report.credential.word != "accepted":
        why = f": {report.credential.reason}" if report.credential.reason and not ended else ""
        yield Row("unsent", "Check", 0, index["api"], answer=f"not sent{why}", state="unsent")


def _lanes(report: Report) -> Iterator[Lane]:
    calls = report.exchanges
    yield Lane("task", _TITLES["task"], ("this machine",))
    if any(one.purpose == "authorize" for one in calls):
        yield Lane("browser", _TITLES["browser"], ("a person",))
    if any(_proxy(one) for one in calls) or any(one.code.startswith("proxy_") for one in report.diagnoses):
        yield Lane("proxy", _TITLES["proxy"], _distinct(_proxy(one) for one in calls))
    ours = [one for one in calls if one.purpose not in _API_CALLS]
    if ours or report.token.word != "not_needed":
        first = [one for one in ours if one.purpose == "token"]
        yield Lane("provider", _TITLES["provider"], _distinct(_host(one) for one in (*first, *ours)))
    yield Lane("api", _TITLES["api"], _distinct(_host(one) for one in calls if one.purpose in _API_CALLS))


def _call(exchange: Exchange, place: int, mark: Mark | None, lanes: tuple[Lane, ...], index: Mapping[str, int]) -> Row:
    target = index["api" if exchange.purpose in _API_CALLS else "provider"]
    source = index["browser"] if exchange.purpose == "authorize" else 0
    via = index.get("proxy") if _proxy(exchange) or (mark and mark.code.startswith("proxy_")) else None
    host = _host(exchange)
    elsewhere = f"//{host}" if lanes[target].hosts and host != lanes[target].hosts[0] else ""
    row = Row(
        kind="call", title=exchange.title, source=source, target=target, number=place + 1, via=via,
        ask=f"{exchange.asked.method} {elsewhere}{without_query(exchange.asked.target)}", state=mark.state if mark else "ok", code=mark.code if mark else "",
        ms=exchange.ms, spans=tuple(_spans(exchange)),
    )  # fmt: skip
    if exchange.answered is not None:
        return replace(row, answer=f"{exchange.answered.status} {exchange.answered.reason}".rstrip())
    if not exchange.error:
        return row
    ended = _ended(exchange)
    if via is not None and mark and mark.code.startswith("proxy_"):
        return replace(row, answer=_ENDS["proxy"], ended="proxy", reach=via / target, spans=_with_end(row, "proxy"))
    return replace(row, answer=_ENDS[ended], ended=ended, reach=_REACHES[ended], spans=_with_end(row, ended))


def _local(diagnosis: Diagnosis) -> Row:
    return Row("local", "Ended here", 0, 0, answer="before anything was sent" if diagnosis.stage in ("load", "resolve") else "before the call", state="failed", code=diagnosis.code)


def _ended(exchange: Exchange) -> str:
    """The stage in which a call without an answer ended: the one after the last that it passed."""
    passed = {timing.stage for timing in exchange.timings}
    is_https = exchange.asked.url.startswith("https:")
    if passed & {"sent", "headers", "tls"}:
        return "answer"
    if passed & {"connect", "proxy"}:
        return "tls" if is_https else "answer"
    return "connect" if "dns" in passed else "dns"


def _spans(exchange: Exchange) -> Iterator[Span]:
    taken: dict[str, float] = {}
    for timing in exchange.timings:
        kind = _SPAN_OF.get(timing.stage, "wait")
        taken[kind] = taken.get(kind, 0.0) + timing.ms
    return (Span(kind, taken[kind]) for kind in SPANS if kind in taken)


def _with_end(row: Row, ended: str) -> tuple[Span, ...]:
    """The times of a call without an answer: what is not told of was spent in the stage where it ended."""
    kind = "wait" if ended == "answer" else ended
    rest = max((row.ms or 0.0) - row.span_ms, 0.0)
    taken = {span.kind: span.ms for span in row.spans}
    taken[kind] = taken.get(kind, 0.0) + rest
    return tuple(Span(one, taken[one]) for one in SPANS if one in taken)


def _proxy(exchange: Exchange) -> str:
    """The proxy that a call went through, without what could be a credential in its URL."""
    words = next((timing.text for timing in exchange.timings if timing.stage == "proxy"), "")
    found = _PROXY.search(words)
    return found[1].rpartition("@")[2].removeprefix("http://").removeprefix("https://") if found else "proxy" if words else ""


def _host(exchange: Exchange) -> str:
    try:
        return urlsplit(exchange.asked.url).netloc.rpartition("@")[2]
    except ValueError:
        return ""


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, texts)))
