"""Many reports on a page for a terminal: what failed, alike together, what to change first, and how many passed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from authweave.reports.page import Page, cells
from authweave.reports.summary import OUTCOMES, Cause, Summary, outcome_of, reason_of, summary_of

if TYPE_CHECKING:
    from authweave.report import Report

MANY_ALIKE: Final = 4
"""So many that failed alike are told together."""
FEW_PASSING: Final = 8
"""So many that passed are named without being asked for."""
MOST_ALONE: Final = 40
"""So many that failed each in its own way are shown."""
_NAMED: Final = 6
_MARKS: Final = {"accepted": ("✓", "ok"), "refused": ("✗", "failed"), "not_valid": ("✗", "failed"), "not_sent": ("✗", "failed"), "not_run": ("–", "skipped")}
_HEADS: Final = ("profile", "tenant", "token", "credential", "code")
_GAP: Final = 2


def many_text(page: Page, reports: Sequence[Report], *, verbose: bool = False) -> str:
    """The summary as text; no line is wider than the page. `verbose` names every run, also the accepted ones."""
    summary = summary_of(reports)
    _failing(page, summary, verbose)
    _passing(page, summary, verbose)
    _counted(page, summary)
    return page.text()


def name_of(report: Report) -> str:
    """`acme eu`: the profile, and whose connection it was."""
    return " ".join(filter(None, (_profile(report), report.tenant, report.subject)))


def _failing(page: Page, summary: Summary, verbose: bool) -> None:
    together = [cause for cause in summary.causes if len(cause.reports) >= MANY_ALIKE and not verbose]
    alone = [summary.reports[number] for cause in summary.causes if cause not in together for number in cause.reports]
    for cause in together:
        _alike(page, cause, [summary.reports[number] for number in cause.reports])
        page.blank()
    if alone:
        shown = alone if verbose else alone[:MOST_ALONE]
        _table(page, shown)
        if len(alone) > len(shown):
            page.add(f"and {len(alone) - len(shown)} more; --verbose names them all", indent=2, style="dim")
        page.blank()


def _alike(page: Page, cause: Cause, reports: Sequence[Report]) -> None:
    mark, style = _MARKS.get(cause.outcome, ("!", "warning"))
    what = " ".join(filter(None, (cause.code or OUTCOMES[cause.outcome], cause.host)))
    page.add(f"{_profiles(reports)}: {what}", lead=f"{mark} ", lead_style=style, style="title")
    first = reports[0]
    if (found := reason_of(first)) is not None:
        page.add(found.sentence, indent=4)
    _first_fix(page, first, indent=4)
    names = [name_of(report) for report in reports[:_NAMED]]
    more = f", and {len(reports) - _NAMED} more" if len(reports) > _NAMED else ""
    page.add(", ".join(names) + more, indent=4, style="dim")


def _table(page: Page, reports: Sequence[Report]) -> None:
    """In columns where they fit, else one below the other."""
    rows = [(*map(page.fit, _row(report)),) for report in reports]
    widths = [max(cells(row[column]) for row in (_HEADS, *rows)) if any(row[column] for row in rows) else 0 for column in range(len(_HEADS))]
    taken = 2 + sum(width + _GAP for width in widths if width)
    if taken > page.width:
        for report, row in zip(reports, rows, strict=True):
            _stacked(page, report, row)
        return
    page.lines.append(page.paint("  " + _in_columns(_HEADS, widths), "dim"))
    for report, row in zip(reports, rows, strict=True):
        mark, style = _mark(report)
        page.lines.append(f"{page.paint(page.fit(mark), style)} {_in_columns(row, widths)}")
        _first_fix(page, report, indent=4)


def _stacked(page: Page, report: Report, row: tuple[str, ...]) -> None:
    mark, style = _mark(report)
    page.add(" ".join(filter(None, row[:2])), lead=f"{mark} ", lead_style=style, style="title")
    page.add(f"token {row[2]}, credential {row[3]}", indent=2)
    if row[4]:
        page.add(row[4], indent=2, style="code")
    _first_fix(page, report, indent=2)


def _row(report: Report) -> Iterator[str]:
    found = reason_of(report)
    yield _profile(report)
    yield " ".join(filter(None, (report.tenant, report.subject)))
    yield report.token.word.replace("_", " ")
    yield report.credential.word.replace("_", " ")
    yield found.code if found else "" if outcome_of(report) == "accepted" else OUTCOMES[outcome_of(report)]


def _profile(report: Report) -> str:
    """The profile's name; of one that could not be read that of its file."""
    return report.profile or PurePath(report.source).stem


def _in_columns(row: Sequence[str], widths: Sequence[int]) -> str:
    return (" " * _GAP).join(text + " " * (width - cells(text)) for text, width in zip(row, widths, strict=True) if width).rstrip()


def _mark(report: Report) -> tuple[str, str]:
    return _MARKS.get(outcome_of(report), ("!", "warning"))


def _first_fix(page: Page, report: Report, *, indent: int) -> None:
    """What to change first, or why there is nothing to change."""
    if fix := _fix(report):
        page.add(fix, lead="fix  ", indent=indent, lead_style="key")
    elif outcome_of(report) in ("not_sent", "not_tested", "not_run") and report.credential.reason:
        page.add(report.credential.reason, lead="why  ", indent=indent, lead_style="dim")


def _fix(report: Report) -> str:
    """`auth.client_auth (acme.yaml:7): write …`, or the first problem of a profile; '' if nothing is known."""
    if not report.is_valid:
        return str(next(problem for problem in report.problems if problem.severity == "error"))
    found = reason_of(report)
    if outcome_of(report) == "accepted" or found is None or not found.fixes:
        return ""
    first = found.fixes[0]
    return f"{first.key}{f' ({first.place})' if first.place else ''}: {first.text}"


def _passing(page: Page, summary: Summary, verbose: bool) -> None:
    passed = summary.accepted
    if passed and (verbose or len(passed) <= FEW_PASSING):
        _table(page, passed)
        page.blank()


def _counted(page: Page, summary: Summary) -> None:
    counts = [f"{summary.counts[outcome]} {words}" for outcome, words in OUTCOMES.items() if summary.counts.get(outcome)]
    is_good = set(summary.counts) <= {"accepted"}
    page.add(f"{_profiles(summary.reports)}: {', '.join(reversed(counts))}" if counts else "nothing to test", style="ok" if is_good else "title")
    again = next((summary.reports[number].again for cause in summary.causes for number in cause.reports if summary.reports[number].again), "")
    if again:
        page.add(again, lead="Whole report  ", lead_style="dim")
    if any(report.sandbox for report in summary.reports):
        page.add("against the sandbox: this proves nothing of the real servers", style="dim")


def _profiles(reports: Sequence[Report]) -> str:
    """`37 profiles`, or `6 tests of 3 profiles` where some were tested for several tenants."""
    profiles = len({report.source or report.profile for report in reports})
    named = f"{profiles} profile{'' if profiles == 1 else 's'}"
    return named if profiles == len(reports) else f"{len(reports)} tests of {named}"
