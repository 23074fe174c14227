"""The report for a person at a terminal: stages, then Headers, Response and Diagnosis. What matters most stands last, before the prompt."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, Final, Self, TextIO

from authweave.hookspecs import Register, hookimpl
from authweave.reports.page import Page, cells
from authweave.reports.text_beside import banner, compared, explained
from authweave.urls.shown import other_letters

if TYPE_CHECKING:  # listed by every command, needed by one: whoever renders a report has it
    from authweave.report import Answered, Asked, Body, Diagnosis, Exchange, Part, Report, Stage, Verdict

_MARKS: Final = {"ok": "✓", "failed": "✗", "skipped": "–", "warning": "!"}
_WORDS: Final = {
    "obtained": "ok", "not_needed": "skipped", "accepted": "ok", "refused": "failed", "forbidden": "failed",
    "inconclusive": "warning", "not_tested": "skipped",
}  # fmt: skip
_NARROW: Final = 56
"""Columns below which the texts of stages stand below their names."""


class TextReport:
    """`text`. `page` makes an empty page: 100 columns without colour, or what `for_stream` finds."""

    name: ClassVar[str] = "text"

    def __init__(self, page: Callable[[], Page] = Page) -> None:
        self._page = page

    @classmethod
    def for_stream(cls, stream: TextIO) -> Self:
        """The report as this stream can show it."""
        return cls(lambda: Page.for_stream(stream))

    def render(self, report: Report) -> str:
        """The report as text; no line is wider than the page."""
        page = self._page()
        banner(page, report)
        _head(page, report)
        for number, stage in enumerate(report.stages, 1):
            _stage(page, number, stage)
        _verdicts(page, report)
        compared(page, report)
        if report.exchanges:
            page.rule("Headers")
            for exchange in report.exchanges:
                _asked(page, exchange, report)
            page.rule("Response")
            for exchange in report.exchanges:
                _answered(page, exchange)
        _diagnoses(page, report)
        if report.explained is not None:
            explained(page, report.explained, report.again)
        _foot(page, report)
        return page.text()

    def render_many(self, reports: Sequence[Report], *, verbose: bool = False) -> str:
        """What failed, alike together, and how many passed; `verbose` names every run."""
        from authweave.reports.many_text import many_text

        return many_text(self._page(), reports, verbose=verbose)

    def stage(self, number: int, stage: Stage) -> str:
        """One stage, for who shows them as they end."""
        page = self._page()
        _stage(page, number, stage)
        return page.text()


def _head(page: Page, report: Report) -> None:
    name = f"{report.profile} {report.version}".strip() or report.source
    provider = f" ({report.identity_provider})" if report.identity_provider else ""
    page.add(f"Test auth: {name}{provider}", style="title")
    whose = [f"tenant {report.tenant}" if report.tenant else "", f"subject {report.subject}" if report.subject else "",
             f"variant {report.variant}" if report.variant and report.variant != "default" else "",
             "against the sandbox: this proves nothing of the real servers" if report.sandbox else ""]  # fmt: skip
    if told := ", ".join(filter(None, whose)):
        page.add(told, style="dim")
    page.blank()


def _stage(page: Page, number: int, stage: Stage) -> None:
    """A line a stage. The name of a step or a test never moves the times: where it has no room it goes with the text."""
    ms = f"{stage.ms:.0f} ms" if stage.ms is not None else ""
    width, style = _title_width(), "dim" if stage.status == "skipped" else ""
    title, text = stage.title, stage.text
    if cells(page.fit(title)) > width:
        title, text = stage.title.removesuffix(stage.about).rstrip(), f"{stage.about}: {text}" if text else stage.about
    front = f"{number:>2} {_MARKS[stage.status]} "
    if page.width < _NARROW:
        page.add(f"{title} {ms}".rstrip(), lead=front, lead_style=stage.status, style=style)
        if text:
            page.add(text, indent=2, style=style)
        return
    page.add(text, lead=f"{front}{title}{' ' * (width - cells(page.fit(title)))} {ms:>8}  ", lead_style=stage.status, style=style)


def _verdicts(page: Page, report: Report) -> None:
    page.blank()
    for name, verdict in (("Token", report.token), ("Credential", report.credential)):
        _verdict(page, name, verdict)
    for message in report.messages:
        page.add(message, lead="Message     ")


@functools.cache
def _title_width() -> int:
    from authweave.report import STAGES

    return max(map(len, STAGES.values())) + 1


def _verdict(page: Page, name: str, verdict: Verdict) -> None:
    word = verdict.word.replace("_", " ")
    page.add(verdict.reason or word, lead=f"{name:<11} {word}{': ' if verdict.reason else ''}" if verdict.reason else f"{name:<11} ", lead_style=_WORDS[verdict.word])


def _asked(page: Page, exchange: Exchange, report: Report) -> None:
    asked: Asked = exchange.asked
    page.add(f"{exchange.title}: {asked.url.partition('?')[0]}", indent=2, style="key")
    if letters := other_letters(asked.url):
        page.add(f"This host stands for other letters: {letters}", indent=4, style="warning")
    _part(page, f"{asked.method} {asked.target} HTTP/1.1", asked.origin, asked.place, report)
    for part in asked.path:
        _part(page, f"/ {{{part.name}}} = {part.value}", part.origin, part.place, report)
    for part in asked.query:
        _part(page, f"? {part.name} = {part.value}", part.origin, part.place, report)
    for part in asked.headers:
        _part(page, f"{part.name}: {part.value}", part.origin, part.place, report)
    _body(page, asked.body, lambda part: _part(page, f"{part.name} = {part.value}", part.origin, part.place, report))
    page.blank()


def _part(page: Page, text: str, origin: str, place: str, report: Report) -> None:
    """A line of a message and, where there is room beside it, the key that it comes from."""
    if not origin or origin == "standard":
        page.add(text, indent=4)
        return
    where = place.removeprefix(f"{report.source}:")
    note = f"← {origin}" + (f", line {where}" if where.isdecimal() else f", {place}" if place else "")
    shown, told = page.fit(text), page.fit(note)
    if cells(shown) + cells(told) + 6 <= page.width:
        page.lines.append(f"    {shown}  {page.paint(told, 'dim')}")
        return
    page.add(text, indent=4)
    page.add(note, indent=6, style="dim")


def _answered(page: Page, exchange: Exchange) -> None:
    answered: Answered | None = exchange.answered
    took = f"{exchange.ms:.0f} ms" + (f", {exchange.address}" if exchange.address else "")
    page.add(f"{exchange.title}: {took}", indent=2, style="key")
    if answered is None:
        page.add(f"no answer: {exchange.error}", indent=4, style="failed")
        page.blank()
        return
    page.add(f"{answered.http_version} {answered.status} {answered.reason}".strip(), indent=4)
    for part in answered.headers:
        page.add(f"{part.name}: {part.value}", indent=4)
    _body(page, answered.body, lambda part: page.add(f"{part.name} = {part.value}", indent=4))
    page.blank()


def _body(page: Page, body: Body, show: Callable[[Part], None]) -> None:
    if body.kind == "none" and not body.note:
        return
    page.add(body.note or f"{body.kind} body, {body.size} bytes", indent=4, style="dim")
    for part in body.parts:
        show(part)
    if body.text:
        page.add(body.text, indent=4)
    if body.truncated:
        page.add(f"… cut here: the body has {body.size} bytes", indent=4, style="dim")


def _diagnoses(page: Page, report: Report) -> None:
    if not report.diagnoses:
        return
    page.rule("Diagnosis")
    for found in report.diagnoses:
        _diagnosis(page, found, report)
        page.blank()


def _diagnosis(page: Page, found: Diagnosis, report: Report) -> None:
    is_error = found.severity == "error"
    page.add(found.sentence, lead=f"{'✗' if is_error else '!'} {found.code}  ", indent=2, lead_style="code" if is_error else "odd")
    for number, line in enumerate(found.evidence):
        page.add(line, lead="seen   " if number == 0 else "       ", indent=4, lead_style="dim")
    if found.code in ("profile_invalid", "limit_refused"):
        for problem in report.problems:
            page.add(str(problem), lead="- ", indent=4)
    for number, fix in enumerate(found.fixes, 1):
        where = f" ({fix.place})" if fix.place else ""
        page.add(f"{fix.key}{where}: {fix.text}", lead=f"fix {number}  ", indent=4, lead_style="key")
    if is_error:
        page.add(found.retry, lead="retry  ", indent=4, lead_style="dim")


def _foot(page: Page, report: Report) -> None:
    page.blank()
    if report.not_tested:
        page.add("; ".join(report.not_tested), lead="Not tested  ", lead_style="dim")
    page.add(report.again, lead="Again       ", lead_style="dim")


@hookimpl
def register_reports(register: Register) -> None:
    """Add `text`."""
    register(TextReport)
