"""The calls of a report as curl commands, to be run by hand: the same requests, with secrets as variables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from authweave.hookspecs import Register, hookimpl
from authweave.reports.shell import Commands
from authweave.reports.words import title_of, verdict_lines

if TYPE_CHECKING:
    from authweave.report import Asked, Exchange, Report


class CurlReport:
    """`curl`: a script for sh. Nothing secret stands in it, and nothing that a server said is code."""

    name: ClassVar[str] = "curl"

    def render(self, report: Report) -> str:
        """The calls of one report."""
        return self.render_many((report,))

    def render_many(self, reports: Sequence[Report]) -> str:
        """The calls of all of them, in one script."""
        commands = Commands()
        for report in reports:
            for exchange in report.exchanges:
                whose = f"{title_of(report)}: " if len(reports) > 1 else ""
                commands.add(f"{whose}{exchange.title}: {came_of(exchange)}", exchange.asked.method, exchange.asked.recipe, origins(exchange.asked), in_browser=exchange.purpose == "authorize")
        titles = ", ".join(title_of(report) for report in reports) or "no profile"
        nothing = [] if commands.blocks else ["Nothing was sent."]
        return commands.text([f"The requests of `authweave test` for {titles}, as they were sent.", *nothing, *_judged(reports)])


def _judged(reports: Sequence[Report]) -> Iterator[str]:
    """What was found, so that an answer that comes otherwise can be told from the one that came then."""
    for report in reports:
        whose = f"{title_of(report)}: " if len(reports) > 1 else ""
        yield from (f"{whose}{line}" for line in verdict_lines(report))


def came_of(exchange: Exchange) -> str:
    """What came of it, in a few words."""
    answered = exchange.answered
    return f"answered {answered.status} {answered.reason}".rstrip() if answered else f"no answer: {exchange.error}"


def origins(asked: Asked) -> Iterator[str]:
    """Which key of the profile each part comes from."""
    if asked.origin:
        yield f"  URL <- {asked.origin}{_at(asked.place)}"
    for part in (*asked.path, *asked.query, *asked.headers, *asked.body.parts):
        if part.origin and part.origin != "standard":
            yield f"  {part.name} <- {part.origin}{_at(part.place)}"


def _at(place: str) -> str:
    return f" ({place})" if place else ""


@hookimpl
def register_reports(register: Register) -> None:
    """Add `curl`."""
    register(CurlReport)
