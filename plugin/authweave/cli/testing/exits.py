"""What `authweave test` ends with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from authweave.cli.exits import Exit

if TYPE_CHECKING:
    from authweave.report import Report

_OF_OUTCOME: Final[Mapping[str, Exit]] = {
    "refused": Exit.REFUSED, "not_valid": Exit.REFUSED, "not_sent": Exit.USAGE, "inconclusive": Exit.INCONCLUSIVE,
    "not_tested": Exit.INCONCLUSIVE, "input_missing": Exit.INPUT, "not_run": Exit.OK, "accepted": Exit.OK,
}  # fmt: skip
_GRAVEST: Final = (Exit.REFUSED, Exit.USAGE, Exit.INCONCLUSIVE, Exit.INPUT)


def exit_for_report(report: Report) -> Exit:
    """The exit code for a report."""
    from authweave.reports.summary import outcome_of

    return _OF_OUTCOME[outcome_of(report)]


def exit_for_reports(reports: Iterable[Report]) -> Exit:
    """0 if all are accepted; else the first that fits: 1 refused or not valid, 2 nothing could be sent, 3 open, 4 an input is missing.

    What was not run says nothing: who stopped the tests had a reason, and that is told.
    """
    codes = {exit_for_report(report) for report in reports}
    return next((code for code in _GRAVEST if code in codes), Exit.OK)
