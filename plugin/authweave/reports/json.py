"""The report for a machine: `schemas/test-report.schema.json`."""

from __future__ import annotations

import json
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


@hookimpl
def register_reports(register: Register) -> None:
    """Add `json`."""
    register(JsonReport)
