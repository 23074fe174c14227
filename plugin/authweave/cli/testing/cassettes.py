"""`--record` and `--replay`: a run on record, and the run that needs no network and no secrets."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from authweave.cli.common import Exit, Given, complain, profile_of
from authweave.cli.options import taking

if TYPE_CHECKING:
    from authweave.cassettes import Cassette, Tape
    from authweave.engine import Engine
    from authweave.profile import Profile
    from authweave.report import Report

_OPTIONS: Final = (
    click.option("--record", is_flag=True, help="Keep the run, scrubbed, with its verdict: cassettes/NAME.json beside the profile."),
    click.option("--replay", is_flag=True, help="Run on the recorded answers: no network, no secrets. Ends with 0 if it comes to the recorded verdict."),
    click.option("--cassette", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="The cassette to write or read, if it lies elsewhere."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cassettes:
    """Whether a run is recorded, or replayed. `cassette` is None for the usual place."""

    record: bool = False
    replay: bool = False
    cassette: Path | None = None

    def check(self, *, sandbox: bool) -> None:
        """Raises click.UsageError for options that do not go together."""
        if self.record and self.replay:
            raise click.UsageError("--record and --replay do not go together")
        if self.cassette is not None and not (self.record or self.replay):
            raise click.UsageError("--cassette goes with --record or --replay")
        if self.replay and sandbox:
            raise click.UsageError("--replay calls nobody, the sandbox neither")

    def tape(self) -> Tape | None:
        """What hears a run that is to be recorded."""
        if not self.record:
            return None
        from authweave.cassettes import Tape

        return Tape()

    def place(self, engine: Engine, reference: str, given: Given) -> Path:
        """Where the cassette of a profile lies. Raises UsageError for a shipped profile without --cassette."""
        if self.cassette is not None:
            return self.cassette
        from authweave.cassettes import cassette_path
        from authweave.errors import UsageError
        from authweave.resources import profiles_folder

        file = Path(profile_of(engine, reference).merged.document.source)
        if self.record and file.resolve().parent == profiles_folder().resolve():
            raise UsageError(f"{reference} is a shipped profile: say where its cassette goes with --cassette FILE")
        return cassette_path(file, given.tenant, given.subject or "")


def cassette_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of Cassettes; the function gets it as `cassettes`."""
    return taking(Cassettes, "cassettes", _OPTIONS, title="On record")(function)


def keep(engine: Engine, reference: str, report: Report, tape: Tape, cassettes: Cassettes, given: Given) -> None:
    """Write the cassette of a run. Raises UsageError where it cannot be recorded."""
    from authweave.cassettes import write

    path = cassettes.place(engine, reference, given)
    write(path, tape.cassette(profile_of(engine, reference), report, given.server, catalog=engine.catalog))
    complain(f"recorded in {path}: {_words(report)}. Replay it: {_command(reference, cassettes, given)}")


def replayed(engine: Engine, reference: str, cassettes: Cassettes, given: Given) -> tuple[Report, Exit]:
    """The report on recorded answers, and how the command ends. Raises ProfileError, UsageError."""
    from authweave.cassettes import read, replay
    from authweave.errors import UsageError

    profile = profile_of(engine, reference)
    path = cassettes.place(engine, reference, given)
    if not path.exists():
        raise UsageError(f"{path}: there is no cassette yet; record one where servers and secrets are at hand: {_command(reference, cassettes, given, do='--record')}")
    cassette = read(path)
    _refuse_other(profile, cassette, path, given)
    report = replace(replay(profile, cassette, catalog=engine.catalog), again=_command(reference, cassettes, given))
    return report, _judged(cassette, report, path)


def _judged(cassette: Cassette, report: Report, path: Path) -> Exit:
    from authweave.cassettes.recording import unexpected

    if report.stale:
        complain(f"{path} is stale: the profile now asks otherwise than when it was recorded ({cassette.recorded}). Record it anew: --record")
        return Exit.INCONCLUSIVE
    if why := unexpected(cassette, report):
        complain(f"{path} expected another verdict: {why}")
        return Exit.REFUSED
    return Exit.OK


def _refuse_other(profile: Profile, cassette: Cassette, path: Path, given: Given) -> None:
    """Raises UsageError for the recording of another profile, tenant or user: it proves nothing of this one."""
    from authweave.errors import UsageError
    from authweave.redaction import inert

    pairs = (("", cassette.profile, profile.name), ("tenant ", cassette.tenant, given.tenant), ("user ", cassette.subject, given.subject or ""))
    for what, recorded, wanted in pairs:
        if recorded != wanted:
            raise UsageError(f"{path} is the cassette of {what}{inert(recorded) or '(none)'}, not of {wanted or '(none)'}")


def _words(report: Report) -> str:
    return ", ".join(f"{what} {verdict.word.replace('_', ' ')}" for what, verdict in (("token", report.token), ("credential", report.credential)))


def _command(reference: str, cassettes: Cassettes, given: Given, *, do: str = "--replay") -> str:
    words = ["authweave", "test", reference, do, *(["--tenant", given.tenant] if given.tenant else []), *(["--subject", given.subject] if given.subject else [])]
    return shlex.join([*words, *(["--cassette", str(cassettes.cassette)] if cassettes.cassette else [])])
