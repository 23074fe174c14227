"""The report for a machine: `schemas/test-report.schema.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from authweave.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from authweave.report import Report


class JsonReport:
    """`json`. ASCII only, so that no terminal and no pipe changes it."""

    name: ClassVar[str] = "json"

    def render(self, report: Report) -> str:
        """The report as one JSON object."""
        return json.dumps(report.as_dict(), indent=2) + "\n"

    def render_many(self, reports: Sequence[Report]) -> str:
        """One JSON object with a summary and every report: `schemas/test-reports.schema.json`."""
        from authweave.reports.summary import FORMAT, summary_of

        whole = {"format": FORMAT, "summary": summary_of(reports).as_dict(), "reports": [report.as_dict() for report in reports]}
        return json.dumps(whole, indent=2) + "\n"


@hookimpl
def register_reports(register: Register) -> None:
    """Add `json`."""
    register(JsonReport)
