"""Many reports in one: how each came out, how many of each, and which failed alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from authweave.errors import AuthweaveError
from authweave.urls import Origin

if TYPE_CHECKING:
    from authweave.report import Diagnosis, Report

FORMAT: Final = 1
"""The version of the JSON form of many reports."""

OUTCOMES: Final[Mapping[str, str]] = {
    "refused": "refused", "not_valid": "not valid", "not_sent": "nothing could be sent", "inconclusive": "inconclusive", "not_tested": "not tested",
    "input_missing": "input missing", "not_run": "not run", "accepted": "accepted",
}  # fmt: skip
"""How a run can come out, the gravest first, with its words. `accepted` includes a token obtained where there is no check."""


def outcome_of(report: Report) -> str:
    """The word of OUTCOMES for a report."""
    token, credential = report.token.word, report.credential.word
    failed = {found.stage for found in report.diagnoses if found.severity == "error"}
    load = report.stages[0].status if report.stages else "ok"
    if load == "skipped":
        return "not_run"
    if not report.is_valid:
        return "not_valid"
    if "refused" in (token, credential) or credential == "forbidden":
        return "refused"
    if "resolve" in failed:
        return "input_missing"
    if "inconclusive" in (token, credential):
        return "inconclusive"
    if failed or load == "failed":
        return "not_sent"
    return "accepted" if credential == "accepted" or token == "obtained" else "not_tested"


@dataclass(frozen=True, slots=True)
class Cause:
    """Runs that came out alike for the same reason at the same host. `code` and `host` may be empty; `reports` are numbers of reports."""

    outcome: str
    code: str
    host: str
    reports: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """What many reports come to. `causes` are of all that are not accepted, the gravest first, then in the order of the runs."""

    reports: tuple[Report, ...]
    counts: Mapping[str, int]
    causes: tuple[Cause, ...]

    @property
    def accepted(self) -> tuple[Report, ...]:
        """The reports of runs that were accepted."""
        return tuple(report for report in self.reports if outcome_of(report) == "accepted")

    def as_dict(self) -> dict[str, Any]:
        """The summary as plain data, without the reports."""
        return {
            "total": len(self.reports),
            **{outcome: self.counts.get(outcome, 0) for outcome in OUTCOMES},
            "causes": [
                {"outcome": cause.outcome, "code": cause.code, "host": cause.host, "reports": list(cause.reports)} for cause in self.causes
            ],
        }  # fmt: skip


def summary_of(reports: Sequence[Report]) -> Summary:
    """The summary of reports, which keep their order."""
    outcomes = [outcome_of(report) for report in reports]
    alike: dict[tuple[str, str, str], list[int]] = {}
    for number, (report, outcome) in enumerate(zip(reports, outcomes, strict=True)):
        if outcome != "accepted":
            found = reason_of(report)
            alike.setdefault((outcome, found.code if found else "", host_of(report)), []).append(number)
    gravity = list(OUTCOMES)
    causes = sorted((Cause(*key, tuple(numbers)) for key, numbers in alike.items()), key=lambda cause: gravity.index(cause.outcome))
    return Summary(tuple(reports), Counter(outcomes), tuple(causes))


def reason_of(report: Report) -> Diagnosis | None:
    """The diagnosis that matters most: the first error, else the first warning."""
    return report.diagnoses[0] if report.diagnoses else None


def host_of(report: Report) -> str:
    """The host that was called last; '' if none was. The call that failed is the last one."""
    if outcome_of(report) == "accepted" or not report.exchanges:
        return ""
    try:
        return Origin.of(report.exchanges[-1].asked.url).host
    except AuthweaveError:
        return ""
