"""Reports as whole pages. Every text of a report is escaped where it is put into the page (autoescape), and nothing runs but our own script."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import jinja2

from authweave._version import __version__
from authweave.redaction import inert
from authweave.reports.html_page import words
from authweave.reports.html_page.blame import Mark, marks
from authweave.reports.html_page.sequence import Lane, sequence
from authweave.reports.html_page.sequence import Sequence as Told

if TYPE_CHECKING:
    from authweave.report import Report

MOST_WHOLE: Final = 200
"""So many reports stand whole on one page; of more only those that did not go well do, up to this number."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A report with what the page says of it. `prefix` makes its ids its own."""

    report: Report
    told: Told
    marked: dict[int, Mark]
    headline: str
    state: str
    prefix: str = ""

    @classmethod
    def of(cls, report: Report, prefix: str = "") -> Sheet:
        """The sheet of a report."""
        return cls(report, sequence(report), marks(report), words.headline(report), words.state_of(report), prefix)


def report_page(report: Report) -> str:
    """One report as a page."""
    return _page("report.html.jinja", sheet=Sheet.of(report), title=_title(report))


def index_page(reports: Sequence[Report]) -> str:
    """Many reports as a page: a table first, then each report, folded. Beyond MOST_WHOLE only what needs a look is there whole."""
    whole = _whole(reports)
    rows = [_Line(report, words.state_of(report), f"r{place}-" if place in whole else "") for place, report in enumerate(reports)]
    counts = {state: sum(row.state == state for row in rows) for state in ("failed", "open", "ok", "none")}
    sheets: Iterator[Sheet] = (Sheet.of(row.report, row.prefix) for row in rows if row.prefix)
    return _page("index.html.jinja", rows=rows, sheets=sheets, counts=counts, left_out=len(reports) - len(whole), most=MOST_WHOLE, title=_title_of_many(counts))


@dataclass(frozen=True, slots=True)
class _Line:
    report: Report
    state: str
    prefix: str


def _whole(reports: Sequence[Report]) -> frozenset[int]:
    if len(reports) <= MOST_WHOLE:
        return frozenset(range(len(reports)))
    worst = {"failed": 0, "open": 1, "none": 2}
    wanted = [place for place, report in enumerate(reports) if words.state_of(report) != "ok"]
    return frozenset(sorted(wanted, key=lambda place: worst[words.state_of(reports[place])])[:MOST_WHOLE])


def _title(report: Report) -> str:
    code = f" ({words.first_code(report)})" if report.diagnoses else ""
    return f"{words.SYMBOLS[words.state_of(report)]} {report.profile or report.source}: {words.headline(report)}{code}"


def _title_of_many(counts: dict[str, int]) -> str:
    return f"Test auth: {counts['failed']} failed, {counts['open']} open, {counts['ok']} accepted"


def _page(template: str, **values: Any) -> str:
    page = _environment().get_template(template).render(**values)
    return page.encode("ascii", "xmlcharrefreplace").decode("ascii")


@functools.cache
def _environment() -> jinja2.Environment:
    """The templates. What is no markup of ours is escaped, and made unable to hide or reorder what stands beside it."""
    made = jinja2.Environment(
        loader=jinja2.FunctionLoader(_asset), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_inert,
    )  # fmt: skip
    style, script = _asset("style.css"), _asset("script.js")
    made.globals |= {
        "style": style, "script": script, "policy": _policy(style, script), "version": __version__,
        "symbols": words.SYMBOLS, "states": words.STATES,
    }  # fmt: skip
    made.filters |= {
        "duration": words.duration, "cut": words.cut, "pieces": words.pieces, "words": words.verdict_words, "first_code": words.first_code,
    }  # fmt: skip
    made.filters |= {"short_place": words.short_place, "code_pieces": words.code_pieces, "host": _host, "without_query": words.without_query}
    made.tests["link"] = words.is_link
    return made


def _inert(value: Any) -> Any:
    return inert(value, lines=True) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _host(lane: Lane) -> str:
    """The first host of a lane, and how many more there are."""
    more = f" +{len(lane.hosts) - 1}" if len(lane.hosts) > 1 else ""
    return f"{lane.hosts[0]}{more}" if lane.hosts else ""


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def _policy(style: str, script: str) -> str:
    """Nothing may be loaded, sent or run, but this style, this script and the empty icon."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )  # fmt: skip


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
