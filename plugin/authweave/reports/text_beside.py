"""What a report for a terminal says beside the run itself: a recording, the last run, the variants that were tried."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from authweave.reports.page import Page, cells

if TYPE_CHECKING:
    from authweave.report import Edit, Explained, Report, Try

_UNITS: Final = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_WIDEST: Final = 48
"""Columns of the table's first column at most."""


def banner(page: Page, report: Report) -> None:
    """At the head: these are recorded answers, and whether they still hold."""
    if report.recorded:
        page.add(f"REPLAY of what was recorded at {report.recorded}: nothing was sent", style="banner")
    if report.stale:
        page.add("STALE: the recording no longer holds", style="odd")
        for line in report.stale:
            page.add(line, lead="- ", indent=2)
    if report.recorded or report.stale:
        page.blank()


def compared(page: Page, report: Report) -> None:
    """What is otherwise than in the last run; that nothing is, only where something is wrong."""
    if not report.compared_with or not (report.compared or report.diagnoses):
        return
    page.add(f"Since the last run{_ago(report.compared_with, report.started)}{'' if report.compared else ': nothing is otherwise'}")
    for line in report.compared:
        page.add(line, lead="~ ", indent=2, lead_style="key")


def explained(page: Page, found: Explained, again: str) -> None:
    """Every variant with what came of it, then the edit that is proposed; nothing where nothing could be tried. `again` is the command of the run."""
    if not (found.tries or found.warnings):
        return
    page.rule("Explain")
    for line in found.warnings:
        page.add(line, lead="! ", indent=2, lead_style="odd")
    names = [page.fit(f"{one.key}: {one.value}" if one.value else one.key) for one in found.tries]
    width = max((size for size in map(cells, names) if size <= _WIDEST), default=0)
    for one, name in zip(found.tries, names, strict=True):
        _tried(page, one, name, width)
    if found.edit is not None:
        _edit(page, found.edit, "" if found.applied else f"{again or 'authweave test …'} --fix")
    elif found.tries:
        page.add("No variant works better: there is no edit to propose.", indent=2)


def _tried(page: Page, one: Try, name: str, width: int) -> None:
    mark, style = _mark(one)
    words = [
        f"token {_worded(one.token.word)}", f"credential {_worded(one.credential.word)}", str(one.status) if one.status else "", one.word,
        f"{one.ms:.0f} ms" if one.ms else "",
    ]  # fmt: skip
    told = ", ".join(word for word in words if word) if one.sent else f"not sent: {one.word}"
    if cells(name) > width or width + 30 > page.width:
        page.add(name, lead=f"{mark} ", indent=2, lead_style=style)
        page.add(told, indent=6, style="" if one.sent else "dim")
        return
    page.add(told, lead=f"{mark} {name}{' ' * (width - cells(name))}  ", indent=2, lead_style=style, style="" if one.sent else "dim")


def _mark(one: Try) -> tuple[str, str]:
    if not one.sent:
        return "–", "skipped"
    words = {one.token.word, one.credential.word}
    if words & {"refused", "forbidden"}:
        return "✗", "failed"
    if "inconclusive" in words:
        return "!", "warning"
    return ("✓", "ok") if words & {"accepted", "obtained"} else ("–", "skipped")


def _edit(page: Page, edit: Edit, command: str) -> None:
    """The edit, with the command that makes it; '' if it is made."""
    where = f" ({edit.place})" if edit.place else ""
    page.blank()
    page.add(f"{edit.key}{where}", lead="Proposed edit  " if command else "Changed  ", indent=2, lead_style="key")
    for sign, style, lines in (("-", "old", edit.old), ("+", "new", edit.new)):
        for line in lines:
            page.add(line, lead=f"{sign} ", indent=4, lead_style=style, style=style)
    if command:
        page.add(f"{command} writes it.", indent=4, style="dim")


def _worded(word: str) -> str:
    return word.replace("_", " ")


def _ago(then: str, now: str) -> str:
    """` (3 min ago)`; nothing for what is no time."""
    try:
        seconds = (datetime.fromisoformat(now) - datetime.fromisoformat(then)).total_seconds()
    except (ValueError, TypeError):
        return ""
    whole = max(0, int(seconds))
    size, unit = next(((size, unit) for size, unit in _UNITS if whole >= 2 * size), _UNITS[-1])
    return f" ({whole // size} {unit} ago)"
