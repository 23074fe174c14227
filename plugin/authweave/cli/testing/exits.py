"""What `authweave test` ends with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authweave.cli.exits import Exit

if TYPE_CHECKING:
    from authweave.report import Report


def exit_for_report(report: Report) -> Exit:
    """The exit code for a report."""
    token, credential = report.token.word, report.credential.word
    errors = [found.stage for found in report.diagnoses if found.severity == "error"]
    if not report.is_valid or "refused" in (token, credential) or credential == "forbidden":
        return Exit.REFUSED
    if "resolve" in errors:
        return Exit.INPUT
    if "inconclusive" in (token, credential):
        return Exit.INCONCLUSIVE
    if errors:
        return Exit.USAGE
    return Exit.OK if credential == "accepted" or token == "obtained" else Exit.INCONCLUSIVE
