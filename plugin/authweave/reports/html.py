"""The report as one page to attach to a ticket: nothing in it comes from elsewhere, and nothing in it runs that a server said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from authweave.hookspecs import Register, hookimpl

if TYPE_CHECKING:  # listed by every command, needed by one: whoever renders a report has it
    from authweave.report import Report


class HtmlReport:
    """`html`. One self-contained file, ASCII only, so that no pipe changes it."""

    name: ClassVar[str] = "html"

    def render(self, report: Report) -> str:
        """The report as a page: verdict, picture, diagnosis, and every exchange."""
        from authweave.reports.html_page.pages import report_page

        return report_page(report)

    def render_many(self, reports: Sequence[Report]) -> str:
        """All reports on one page, below a table of their verdicts."""
        from authweave.reports.html_page.pages import index_page

        return index_page(reports)


@hookimpl
def register_reports(register: Register) -> None:
    """Add `html`."""
    register(HtmlReport)
