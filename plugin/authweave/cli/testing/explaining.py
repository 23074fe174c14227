"""Finding out what else a refused profile could say: the options, the questions, and the edit of the file."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from authweave.cli.common import Exit, Given, at_terminal, complain, profile_of
from authweave.cli.options import taking
from authweave.cli.testing.exits import exit_for_report
from authweave.cli.testing.progress import progress, wipe
from authweave.cli.testing.running import Running, keeping

if TYPE_CHECKING:
    from authweave.cli.testing.writing import Writer
    from authweave.engine import Engine
    from authweave.explaining import Exploration, Proposal
    from authweave.explaining.change import Change
    from authweave.explaining.trying import Target
    from authweave.profile import Profile
    from authweave.report import Report, Try

_OPTIONS: Final = (
    click.option("--explain", is_flag=True, help="If it is refused: try what else the profile could say, at the real servers, until something works."),
    click.option("--fix", is_flag=True, help="As --explain, and write what works into the profile's file; then test again."),
    click.option("--budget", type=click.IntRange(1, 20), metavar="N", help="With --explain: how many variants may be sent, 1 to 20. Default: 6."),
    click.option("-y", "--yes", is_flag=True, help="With --explain: try also where an account may lock, a one-time code be spent, or a URL be logged."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Explaining:
    """What is asked for. `budget` None is the default one."""

    explain: bool = False
    fix: bool = False
    budget: int | None = None
    yes: bool = False

    @property
    def is_asked(self) -> bool:
        """Is anything to be explained?"""
        return self.explain or self.fix

    def check(self, others: Mapping[str, bool]) -> None:
        """Raises click.UsageError for options that do not go together; `others` are those beside which nothing is explained."""
        if not self.is_asked and (self.budget is not None or self.yes):
            raise click.UsageError(f"{'--budget' if self.budget is not None else '--yes'} goes with --explain or --fix")
        if beside := [name for name, is_given in others.items() if is_given and self.is_asked]:
            raise click.UsageError(f"--explain asks the real servers, about the profile as it stands: it does not go with {beside[0]}")

    def offered(self, report: Report) -> None:
        """Name the command that tries variants, to who sits at a terminal, where there are some for what is wrong."""
        if not _is_watched():
            return
        from authweave.explaining.candidates import FAMILIES
        from authweave.explaining.clues import failure_of

        failure = failure_of(report)
        if failure is not None and failure.code in FAMILIES:
            _remark(f"Try: {report.again} --explain     what else the profile could say, at the real servers")

    def written(
        self, engine: Engine, reference: str, report: Report, running: Running, given: Given, values: dict[str, Any], writer: Writer
    ) -> Exit:  # fmt: skip
        """Explain a report, write it with what was found, and change the file if that is wanted. Raises UsageError."""
        if not report.is_valid or not report.profile:
            writer.write(report)
            return exit_for_report(report)
        judged = engine.as_read(reference)
        with keeping(engine, judged, running, given) as kept:
            return _Session(self, kept, reference, judged, running, given, values, writer).run(report)


def explaining_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of Explaining; the function gets it as `explaining`."""
    return taking(Explaining, "explaining", _OPTIONS, title="If it is refused")(function)


class _Session:
    """One exploration for a person, or for a script."""

    def __init__(
        self, wanted: Explaining, engine: Engine, reference: str, judged: Profile, running: Running, given: Given, values: dict[str, Any], writer: Writer
    ) -> None:  # fmt: skip
        self.wanted = wanted
        self.engine = engine
        self.reference = reference
        self.judged = judged
        self.running = running
        self.given = given
        self.values = values
        self.writer = writer

    def run(self, report: Report) -> Exit:
        found = self.explored(report)
        if found is None:
            self.writer.write(report)
            _remark("nothing was refused, so there is nothing to explain")
            return exit_for_report(report)
        report = dataclasses.replace(report, explained=found.explained)
        if self.wanted.fix and found.proposal is not None and not found.is_half:
            return self.fixed(report, found.proposal)
        self.writer.write(report)
        if found.refused:
            return self.unconfirmed(report)
        if not found.explained.tries:
            _remark("there is nothing that could be tried for this diagnosis: see its fixes")
        elif found.proposal is None:
            _remark("none of the variants works: see the fixes of the diagnosis")
        else:
            if found.is_half:
                _remark("with the edit there is a token, but the API does not accept it yet: make the edit if it is right, and test again")
            if self.is_wanted(found.proposal):
                return self.fixed(report, found.proposal)
        return exit_for_report(report)

    def explored(self, report: Report) -> Exploration | None:
        from authweave.explaining import BUDGET, Ways, explain

        target = self.target(self.judged)
        with progress():
            ways = Ways(self.wanted.budget or BUDGET, self.wanted.yes, self.confirmed, self.tell)
            try:
                return explain(self.engine, target, report, ways)
            finally:
                if _is_watched():
                    wipe()

    def target(self, profile: Profile) -> Target:
        from authweave.explaining.trying import Target

        return Target(profile, self.given.tenant, self.given.subject, self.values, tuple(self.given.server))

    def confirmed(self, warnings: tuple[str, ...]) -> bool:
        """May it be tried in spite of these? They are shown in any case."""
        for warning in warnings:
            _remark(f"warning: {warning}")
        if self.wanted.yes:
            return True
        return at_terminal() and click.confirm("Try all the same?", default=False, err=True)

    def tell(self, number: int, change: Change, outcome: Try | None) -> None:
        """Show what is being tried, on a terminal."""
        if _is_watched() and outcome is None:
            wipe()
            print(f"trying {number}: {change.key}: {change.value}"[:76], end="", file=sys.stderr, flush=True)

    def unconfirmed(self, report: Report) -> Exit:
        """Nobody agreed to what could do harm: with nobody there that is a command that cannot be carried out."""
        if at_terminal():
            return exit_for_report(report)
        complain("--explain was not carried out: " + "; ".join(report.explained.warnings if report.explained else ()) + ". If that is all right: --yes")
        return Exit.USAGE

    def is_wanted(self, proposal: Proposal) -> bool:
        """Does the person at the terminal want the change?"""
        if not at_terminal():
            return False
        return click.confirm(f"Change {proposal.edit.key} in {proposal.edit.place}?", default=False, err=True)

    def fixed(self, report: Report, proposal: Proposal) -> Exit:
        """Change the file and test again; what cannot be changed is told after the report."""
        from authweave.cli.testing import last_run
        from authweave.errors import UsageError
        from authweave.explaining import apply_to_file
        from authweave.probe import test_profile

        try:
            apply_to_file(proposal, by_name=_is_name(self.reference))
        except UsageError as error:
            if self.wanted.fix:
                self.writer.write(report)
            complain(str(error))
            return Exit.USAGE
        self.engine.profile_files.read_anew()
        target = self.target(profile_of(self.engine, self.reference))
        with progress() as tell:
            again = test_profile(
                self.engine, target.profile, tenant=target.tenant, subject=target.subject, inputs=target.inputs_of(target.profile), servers=target.servers, events=tell,
                control=self.running.control, refresh=self.running.refresh,
            )  # fmt: skip
        if not self.running.no_compare and last_run.is_wanted():
            again = last_run.compared(again, last_run.folder())
        explained = dataclasses.replace(report.explained, applied=True) if report.explained else None
        again = dataclasses.replace(again, explained=explained)
        self.writer.write(again)
        return exit_for_report(again)


def _is_name(reference: str) -> bool:
    from authweave.loading import ENDINGS

    return "/" not in reference and not reference.endswith(ENDINGS)


def _is_watched() -> bool:
    return sys.stderr.isatty() and sys.stdout.isatty()


def _remark(text: str) -> None:
    click.echo(text, err=True)
