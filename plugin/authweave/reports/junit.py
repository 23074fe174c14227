"""The report for a build server: JUnit XML, as Jenkins, GitLab, Azure DevOps and GitHub's actions read it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from authweave.hookspecs import Register, hookimpl
from authweave.reports.words import diagnosis_lines, summary_lines, title_of

if TYPE_CHECKING:
    from authweave.report import Diagnosis, Report, Stage, Verdict

_TOKEN: Final = frozenset({"dns", "connect", "tls", "discovery", "sign_in", "before", "token_call", "token_parse", "after", "token_checks"})
_RECORDING: Final = "recording"
_REFUSED: Final = frozenset({"refused", "forbidden"})
_NOT_XML: Final = re.compile("[^\\t\\n\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
"""What XML 1.0 has no way to write (§2.2). CR, too: a reader would make it LF."""


class JunitReport:
    """`junit`: a suite for each report, a case for each stage.

    A refusal is a failure, what stayed open is an error (its type is the code of the diagnosis), what was not run is skipped.
    """

    name: ClassVar[str] = "junit"

    def render(self, report: Report) -> str:
        """The report as `<testsuite>`."""
        return _document(_suite(report))

    def render_many(self, reports: Sequence[Report]) -> str:
        """All of them in `<testsuites>`, with the sums."""
        suites = [_suite(report) for report in reports]
        cases = [case for report in reports for case in _cases(report)]
        ms = sum(report.ms for report in reports)
        return _document([f"<testsuites{_attributes(name='authweave', **_sums(cases), time=_seconds(ms))}>", *(line for suite in suites for line in suite), "</testsuites>"])


class _Case:
    """A stage, and what it counts as: ok, failure, error or skipped."""

    def __init__(self, stage: Stage, found: Sequence[Diagnosis], outcome: str) -> None:
        self.stage, self.found, self.outcome = stage, tuple(found), outcome


def _cases(report: Report) -> list[_Case]:
    """Each diagnosis belongs to the stage that it names; one whose stage is not there, or did well, to the verdict."""
    left = list(report.diagnoses)
    cases = []
    for stage in report.stages:
        is_last = stage is report.stages[-1]
        mine = [found for found in left if is_last or _is_about(found, stage)]
        left = [found for found in left if found not in mine]
        cases.append(_Case(stage, mine, _outcome(stage, mine, report)))
    return [*cases, *_stale(report)]


def _stale(report: Report) -> Iterator[_Case]:
    """A recording that the profile has left behind proves nothing, whatever the verdict of its replay."""
    from authweave.report import Diagnosis, Stage

    if report.stale:
        sentence = f"The profile now asks otherwise than when it was recorded ({report.recorded})."
        yield _Case(Stage(_RECORDING, "failed", None, sentence), [Diagnosis("stale", "error", _RECORDING, sentence, report.stale, (), "no")], "error")


def _is_about(found: Diagnosis, stage: Stage) -> bool:
    return found.stage == stage.name and (not stage.code or found.code == stage.code) and (stage.status in ("failed", "warning") or found.severity == "warning")


def _outcome(stage: Stage, found: Sequence[Diagnosis], report: Report) -> str:
    if stage.status == "skipped":
        return "skipped"
    is_error = any(one.severity == "error" for one in found)
    if stage.status == "ok" or (stage.status == "warning" and not is_error and stage.name != "verdict"):
        return "ok"
    if stage.name in ("load", "verdict"):
        return "failure" if not report.is_valid or {report.token.word, report.credential.word} & _REFUSED else "error"
    verdict: Verdict = report.token if stage.name in _TOKEN else report.credential
    return "failure" if verdict.word in _REFUSED else "error"


def _suite(report: Report) -> list[str]:
    cases = _cases(report)
    timestamp = report.started.removesuffix("Z") or None
    attributes = _attributes(name=title_of(report), **_sums(cases), time=_seconds(report.ms), timestamp=timestamp, file=report.source or None)
    return [
        f"<testsuite{attributes}>",
        *_properties(report),
        *(line for case in cases for line in _case(case, report)),
        f"<system-out>{_text(chr(10).join(summary_lines(report)))}</system-out>",
        "</testsuite>",
    ]


def _properties(report: Report) -> Iterator[str]:
    properties = {
        "profile": report.profile, "version": report.version, "identity_provider": report.identity_provider, "source": report.source,
        "tenant": report.tenant, "subject": report.subject, "variant": report.variant,
        "token": report.token.word, "token_reason": report.token.reason, "credential": report.credential.word, "credential_reason": report.credential.reason,
        "sandbox": "true" if report.sandbox else "", "recorded": report.recorded, "stale": "; ".join(report.stale), "again": report.again,
    }  # fmt: skip
    yield "<properties>"
    yield from (f"<property{_attributes(name=name, value=value)}/>" for name, value in properties.items() if value)
    yield "</properties>"


def _case(case: _Case, report: Report) -> Iterator[str]:
    stage = case.stage
    attributes = _attributes(name=_RECORDING if stage.name == _RECORDING else stage.title, classname=title_of(report), time=_seconds(stage.ms or 0.0))
    inside = [*_result(case, report), *_told(case)]
    yield f"<testcase{attributes}>" if inside else f"<testcase{attributes}/>"
    yield from inside
    if inside:
        yield "</testcase>"


def _result(case: _Case, report: Report) -> Iterator[str]:
    if case.outcome == "skipped":
        yield f"<skipped{_attributes(message=case.stage.text or 'not tested')}/>"
    elif case.outcome in ("failure", "error"):
        errors = [found for found in case.found if found.severity == "error"]
        message = errors[0].sentence if errors else case.stage.text
        kind = next((found.code for found in (*errors, *report.diagnoses)), case.outcome)
        lines = [line for found in errors for line in diagnosis_lines(found)]
        problems = [str(problem) for problem in report.problems] if case.stage.name == "load" else []
        again = [f"again: {report.again}"] if report.again else []
        body = "\n".join([*lines, *problems, *again]) or message
        yield f"<{case.outcome}{_attributes(message=message, type=kind)}>{_text(body)}</{case.outcome}>"


def _told(case: _Case) -> Iterator[str]:
    """What a stage found, and the warnings of it."""
    warnings = [line for found in case.found if found.severity != "error" or case.outcome in ("ok", "skipped") for line in diagnosis_lines(found)]
    said = [case.stage.text] if case.stage.text and case.outcome != "skipped" else []
    if said or warnings:
        yield f"<system-out>{_text(chr(10).join([*said, *warnings]))}</system-out>"


def _sums(cases: Sequence[_Case]) -> dict[str, str]:
    def count(outcome: str) -> str:
        return str(sum(case.outcome == outcome for case in cases))

    return {"tests": str(len(cases)), "failures": count("failure"), "errors": count("error"), "skipped": count("skipped")}


def _document(lines: Sequence[str]) -> str:
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', *lines]) + "\n"


def _attributes(**values: str | None) -> str:
    from xml.sax.saxutils import quoteattr  # it brings urllib with it, which loading a profile must not pay for

    return "".join(f" {name}={quoteattr(_writable(value), {chr(10): '&#10;', chr(9): '&#9;'})}" for name, value in values.items() if value is not None)


def _text(text: str) -> str:
    from xml.sax.saxutils import escape

    return escape(_writable(text))


def _writable(text: str) -> str:
    """The text with an escape (`\\x1b`) for each character that XML cannot hold."""
    return _NOT_XML.sub(lambda found: f"\\x{ord(found[0]):02x}" if ord(found[0]) < 256 else f"\\u{ord(found[0]):04x}", text)


def _seconds(ms: float) -> str:
    return f"{ms / 1000:.3f}"


@hookimpl
def register_reports(register: Register) -> None:
    """Add `junit`."""
    register(JunitReport)
