"""`--record` and `--replay` of many profiles and tenants."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from authweave.cli.exits import Exit

if TYPE_CHECKING:
    from authweave.cassettes import Cassette
    from authweave.engine import Engine
    from authweave.matrix import Run
    from authweave.report import Report

Make = Callable[["Engine", "Run", Any], "Report"]
_MARKS: Final = {"as recorded": "✓", "stale": "!", "another verdict": "✗", "no cassette of ours": "✗", "profile not valid": "✗"}
_ENDS: Final = {
    "another verdict": Exit.REFUSED, "profile not valid": Exit.REFUSED, "no cassette of ours": Exit.USAGE, "stale": Exit.INCONCLUSIVE, "as recorded": Exit.OK,
}  # fmt: skip
"""How the command ends, for the gravest that was found."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """One cassette: how it came out, and the report where there is one."""

    title: str
    outcome: str
    why: tuple[str, ...]
    report: Report | None = None


def recording(make: Make, problems: list[str]) -> Callable[[Engine, Run], Report]:
    """A way to make runs that keeps each in its cassette. Why one could not be kept goes into `problems`."""
    from authweave.cassettes import Tape, cassette_path, write
    from authweave.errors import AuthweaveError
    from authweave.profile import Profile

    def made(engine: Engine, run: Run) -> Report:
        tape = Tape()
        report = make(engine, run, tape)
        if isinstance(run.profile, Profile):
            try:
                path = cassette_path(Path(run.reference), run.tenant, run.subject or "")
                write(path, tape.cassette(run.profile, report, run.servers, catalog=engine.catalog))
            except AuthweaveError as error:
                problems.append(f"{run.title}: {error}")
        return report

    return made


def replayed_all(engine: Engine, references: Sequence[str | Path], *, tenant: str = "") -> Iterator[Replayed]:
    """Every cassette of these profiles, of one tenant if it is named; a profile without one yields nothing."""
    from authweave.cassettes import cassettes_of, read
    from authweave.errors import ProfileError, UsageError

    for reference in references:
        try:
            profile = engine.profile(reference)
        except ProfileError as error:
            yield Replayed(str(reference), "profile not valid", tuple(str(problem) for problem in error.problems[:3]))
            continue
        for path in cassettes_of(Path(profile.merged.document.source)):
            try:
                cassette = read(path)
            except UsageError as error:
                yield Replayed(str(path), "no cassette of ours", (str(error).partition(": ")[2],))
                continue
            if cassette.profile == profile.name and tenant in ("", cassette.tenant):
                yield _replayed(engine, profile, cassette)


def _replayed(engine: Engine, profile: Any, cassette: Cassette) -> Replayed:
    from authweave.cassettes import replay
    from authweave.cassettes.recording import unexpected

    title = " ".join(filter(None, (cassette.profile, cassette.tenant, cassette.subject)))
    report = replay(profile, cassette, catalog=engine.catalog)
    if report.stale:
        return Replayed(title, "stale", report.stale, report)
    if why := unexpected(cassette, report):
        return Replayed(title, "another verdict", (why,), report)
    words = cassette.expected.credential if cassette.expected.credential != "not_tested" else f"token {cassette.expected.token}"
    return Replayed(title, "as recorded", (f"{words.replace('_', ' ')}, {cassette.recorded}",), report)


def tell(found: Sequence[Replayed], without: Sequence[str]) -> None:
    """What was found, the gravest last, and how many of each."""
    from authweave.reports.page import Page

    page = Page.for_stream(sys.stdout)
    order = list(reversed(_ENDS))
    for one in sorted(found, key=lambda one: order.index(one.outcome)):
        lines = one.why[:5] + ((f"and {len(one.why) - 5} more differences",) if len(one.why) > 5 else ())
        style = "ok" if one.outcome == "as recorded" else "warning" if one.outcome == "stale" else "failed"
        page.add("\n".join(lines), lead=f"{_MARKS[one.outcome]} {one.title}: {one.outcome}: ", lead_style=style)
    counts = Counter(one.outcome for one in found)
    page.blank()
    page.add(", ".join(f"{count} {outcome}" for outcome in order if (count := counts[outcome])) or "no cassette was found", lead=f"{len(found)} replayed: " if found else "")
    if without:
        page.add(", ".join(without[:10]) + (f" and {len(without) - 10} more" if len(without) > 10 else ""), lead=f"{len(without)} without a cassette: ", style="dim")
    sys.stdout.write(page.text())


def ending(found: Sequence[Replayed]) -> Exit:
    """0 if all came out as recorded; 3 where there was nothing to replay."""
    outcomes = {one.outcome for one in found}
    return next((code for outcome, code in _ENDS.items() if outcome in outcomes), Exit.INCONCLUSIVE)
