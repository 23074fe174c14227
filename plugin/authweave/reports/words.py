"""What formats that are not for a terminal say in plain lines: whose report it is, what was found, what to change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from authweave.report import Diagnosis, Report, Verdict


def title_of(report: Report) -> str:
    """`acme@1.2.0 eu`: the profile, its version, and whose it is."""
    profile = "@".join(filter(None, (report.profile, report.version))) or report.source or "profile"
    return " ".join(filter(None, (profile, report.tenant, report.subject)))


def diagnosis_lines(found: Diagnosis) -> Iterator[str]:
    """The sentence, what was seen, what to change, and whether trying again can help."""
    yield f"{found.code}: {found.sentence}"
    yield from (f"seen: {line}" for line in found.evidence)
    for number, fix in enumerate(found.fixes, 1):
        place = f" ({fix.place})" if fix.place else ""
        yield f"fix {number}: {fix.key}{place}: {fix.text}"
    if found.severity == "error":
        yield f"retry: {found.retry}"


def verdict_lines(report: Report) -> Iterator[str]:
    """The two verdicts, apart: what the token server said, and what the API said."""
    yield _verdict("token", report.token)
    yield _verdict("credential", report.credential)


def summary_lines(report: Report) -> Iterator[str]:
    """The report without its calls."""
    if report.sandbox:
        yield "against the sandbox: this proves nothing of the real servers"
    if report.recorded:
        yield f"a replay of what was recorded at {report.recorded}"
    yield from (f"stale: {line}" for line in report.stale)
    yield from verdict_lines(report)
    yield from (f"message: {message}" for message in report.messages)
    yield from (str(problem) for problem in report.problems)
    for found in report.diagnoses:
        yield from diagnosis_lines(found)
    yield from _explained_lines(report)
    yield from (f"compared: {line}" for line in report.compared)
    yield from (f"not tested: {line}" for line in report.not_tested)
    if report.again:
        yield f"again: {report.again}"


def _verdict(name: str, verdict: Verdict) -> str:
    return f"{name}: {verdict.word.replace('_', ' ')}" + (f", {verdict.reason}" if verdict.reason else "")


def _explained_lines(report: Report) -> Iterator[str]:
    explained = report.explained
    if explained is None:
        return
    yield from (f"explain: {line}" for line in explained.warnings)
    for one in explained.tries:
        came = f"{one.status} {one.word}".strip() if one.status else one.word
        yield f"tried {one.key} = {one.value}: {'token ' + one.token.word.replace('_', ' ') if one.sent else 'left out'}{', ' + came if came else ''}"
    if explained.edit is not None:
        yield f"{'changed' if explained.applied else 'proposed'}: {explained.edit.key} ({explained.edit.place})"
        yield from (f"- {line}" for line in explained.edit.old)
        yield from (f"+ {line}" for line in explained.edit.new)
