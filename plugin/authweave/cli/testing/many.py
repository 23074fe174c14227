"""`authweave test` of many: which profiles and tenants are meant, the runs, what is shown meanwhile, and the exit code."""

from __future__ import annotations

import dataclasses
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from authweave.cli.exits import Exit
from authweave.cli.options import GIVEN, GIVEN_TITLE, PLACE, Given, complete_profile, pair, taking
from authweave.cli.testing.exits import exit_for_reports
from authweave.cli.testing.live import live, reading
from authweave.errors import LimitRefused, UsageError

if TYPE_CHECKING:
    from authweave.cli.testing.cassettes import Cassettes
    from authweave.cli.testing.running import Running
    from authweave.cli.testing.writing import Writer, Writing
    from authweave.engine import Engine
    from authweave.matrix import Matrix, Results, Run
    from authweave.matrix.table import Row
    from authweave.profile import Profile
    from authweave.report import Report

PATIENCE: Final = 1.0
"""Seconds that runs under way get to end after Ctrl-C."""
_OPTIONS: Final = (
    click.option("--all", "everything", is_flag=True, help="Every profile of the folders that are named; of --profiles-dir, or ./profiles, if none is."),
    click.option("--changed-since", metavar="REV", help="Only profiles that say something else than at this git revision, parents included."),
    click.option("--jobs", type=click.IntRange(1, 64), metavar="N", help="Tests at once; never more than 2 of them at one host. Default: 8."),
    click.option("--fail-fast", is_flag=True, help="Begin no other test after the first that is not accepted."),
    click.option("--verbose", is_flag=True, help="Name every test of many, the accepted ones, too."),
)  # fmt: skip
_IS_PAIR: Final = re.compile(r"[^=/\\.]+=")


@dataclass(frozen=True, slots=True)
class Many:
    """Which tests are made, and how many at once."""

    everything: bool = False
    changed_since: str | None = None
    jobs: int | None = None
    fail_fast: bool = False
    verbose: bool = False

    def is_meant(self, profiles: Sequence[str], given: TestGiven) -> bool:
        """Is more than one test asked for?"""
        return self.everything or self.changed_since is not None or bool(given.matrix) or len(profiles) > 1

    def only(self, profiles: Sequence[str]) -> str:
        """The one profile that is meant. Raises click.UsageError."""
        if not profiles:
            raise click.UsageError("missing argument PROFILE; --all tests every profile of a folder")
        if self.jobs or self.fail_fast or self.verbose:
            raise click.UsageError("--jobs, --fail-fast and --verbose go with several tests: several profiles, --all, or --input-file TENANTS")
        if os.path.isdir(profiles[0]):
            raise click.UsageError(f"{profiles[0]} is a folder; --all {profiles[0]} tests every profile in it")
        return profiles[0]


@dataclass(frozen=True, slots=True)
class TestGiven(Given):
    """What is given, and the file of a matrix, if there is one."""

    __test__ = False
    matrix: str = ""


def many_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of Many; the function gets it as `many`."""
    return taking(Many, "many", _OPTIONS, title="Many at once")(function)


def profiles_argument(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add PROFILE…: names, files, and with --all folders; the function gets them as `profiles`."""
    return click.argument("profiles", nargs=-1, metavar="[PROFILE]...", shell_complete=complete_profile)(function)


def _files_and_matrix(context: click.Context, option: click.Parameter, texts: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """KEY=PATH is an input; a text without `=`, or with a path before it (`./a=b.yaml`), is the file of a matrix."""
    files = [text for text in texts if not _IS_PAIR.match(text)]
    if len(files) > 1:
        raise click.BadParameter("only one file of tenants can be given", context, option)
    context.params["matrix"] = next(iter(files), "")
    return pair(context, option, tuple(text for text in texts if _IS_PAIR.match(text)))


_INPUT_FILE: Final = click.option(
    "--input-file", multiple=True, callback=_files_and_matrix, metavar="KEY=PATH|TENANTS",
    help="An input in a file (- is stdin); or a file of tenants and their inputs (YAML, JSON, CSV) to test each.",
)  # fmt: skip


def test_given_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a Given, and a matrix; the function gets it as `given`."""
    options = tuple(_INPUT_FILE if each is GIVEN[1] else each for each in GIVEN)
    return taking(TestGiven, "given", (*options, *PLACE), title=GIVEN_TITLE)(function)


def tested_many(profiles: Sequence[str], many: Many, writing: Writing, running: Running, cassettes: Cassettes, given: TestGiven) -> Exit:
    """Make every test that is meant, write the reports, and answer the exit code. Raises UsageError before anything is sent."""
    from authweave.matrix import test_profiles

    if cassettes.cassette is not None:
        raise click.UsageError("--cassette is for one profile and tenant; of many each has its own, beside its profile")
    if cassettes.record and running.refresh:
        raise click.UsageError("--record goes without --refresh: a replay has no end of a token")
    if running.login:
        raise click.UsageError("--login is for one profile: nobody signs in several times at once")
    with running.engine(given) as engine:
        writer = writing.writer(engine)
        writer.refuse_one_only()
        if many.verbose and writing.form != "text":
            raise click.UsageError("--verbose goes with --format text; the other formats name every test anyway")
        matrix = _matrix(given.matrix) if given.matrix else None
        references = _chosen(engine, profiles, many, given, matrix, is_sandbox=running.sandbox)
        if cassettes.replay:
            return _replayed(engine, references, writer, writing, given)
        with reading(len(references)):
            runs = _planned(engine, references, matrix, given)
        if matrix is not None and references and not runs and many.changed_since is None:
            raise UsageError(f"{given.matrix} has no tenant for any of these profiles, so that nothing would be tested")
        unkept: list[str] = []
        make = _recording(running, given, unkept) if cassettes.record else _make(running, given)
        with live(len(runs)) as shown:
            jobs = many.jobs or min(8, max(len(runs), 1))
            results = test_profiles(engine, runs, jobs=jobs, events=shown.hear, make=make, gently=not running.sandbox)
            was_interrupted = _watched(results, many)
        writer.write_many(results.reports(), verbose=many.verbose)
        _tell_unkept(unkept)
    if was_interrupted:
        sys.stdout.flush()
        _tell_unfinished(results)
        raise KeyboardInterrupt  # ends as every command does then: what is still under way gets its bounded time
    return exit_for_reports(results.reports())


def _matrix(name: str) -> Matrix:
    from authweave.matrix import read_matrix

    if not os.path.exists(name):
        raise UsageError(f"--input-file {name}: there is no such file; a file of tenants is named alone, that of an input as KEY=PATH")
    return read_matrix(name)


def _watched(results: Results, many: Many) -> bool:
    """See every run to its end; True if Ctrl-C came before. A second Ctrl-C waits for nothing."""
    from authweave.reports.summary import outcome_of

    try:
        for done in results:
            if many.fail_fast and outcome_of(done.report) != "accepted":
                results.stop()
    except KeyboardInterrupt:
        results.stop()
        results.wait(PATIENCE)
        return True
    return False


def _tell_unfinished(results: Results) -> None:
    from authweave.cli.common import complain

    left = results.unfinished
    if left:
        named = ", ".join(run.title for run in left[:8]) + (f" and {len(left) - 8} more" if len(left) > 8 else "")
        complain(f"stopped by Ctrl-C; not tested: {named}")
    else:
        complain("stopped by Ctrl-C; every test had ended")


def _make(running: Running, given: TestGiven) -> Callable[[Engine, Run], Report]:
    from authweave.cli.testing.running import tested_run

    return lambda engine, run: tested_run(engine, run, running, given, None)


def _recording(running: Running, given: TestGiven, unkept: list[str]) -> Callable[[Engine, Run], Report]:
    from authweave.cli.testing.cassettes_many import recording
    from authweave.cli.testing.running import tested_run

    return recording(lambda engine, run, tape: tested_run(engine, run, running, given, tape), unkept)


def _tell_unkept(unkept: Sequence[str]) -> None:
    from authweave.cli.common import complain

    for line in unkept:
        complain(f"not recorded: {line}")


def _replayed(engine: Engine, references: Sequence[str | Path], writer: Writer, writing: Writing, given: TestGiven) -> Exit:
    """Every cassette of the profiles, in the place of real runs."""
    from authweave.cassettes import cassettes_of
    from authweave.cli.testing.cassettes_many import ending, replayed_all, tell

    found = list(replayed_all(engine, references, tenant=given.tenant))
    reports = [one.report for one in found if one.report is not None]
    if writing.form == "text":
        writer.write_files(reports)
        told = {one.title for one in found}
        tell(found, [str(each) for each in references if str(each) not in told and not cassettes_of(engine.path_of(each))])
    else:
        writer.write_many(reports)
    return ending(found)


def _planned(engine: Engine, references: Sequence[str | Path], matrix: Matrix | None, given: TestGiven) -> tuple[Run, ...]:
    from authweave.matrix import planned
    from authweave.matrix.plan import rows_of

    inputs = _inputs(engine, references, given, rows_of(matrix, given.tenant))
    return planned(engine, references, matrix, tenant=given.tenant, subject=given.subject, inputs=inputs, servers=given.server)


def _inputs(engine: Engine, references: Sequence[str | Path], given: TestGiven, rows: Sequence[Row]) -> dict[str, Any]:
    """The inputs that options give. Raises UsageError: for an unknown one, for a secret among the arguments, and for one secret for several providers."""
    from authweave.cli.common import given_values
    from authweave.errors import ProfileError
    from authweave.matrix.plan import for_some

    names = {*dict(given.input), *dict(given.input_file), *given.prompt}
    values: dict[str, Any] = {}
    if not names:
        return values
    loaded: list[Profile] = []
    for reference in references:
        try:
            loaded.append(for_some(rows, partial(engine.profile, reference)))
        except ProfileError:
            continue
    for name in sorted(names):
        declaring = [profile for profile in loaded if name in profile.inputs and not profile.abstract]
        if len(declaring) > 1 and (secret := next((each for each in declaring if each.inputs[name].secret), None)):
            raise UsageError(_one_secret_for_many(secret, name, len(declaring)))
        if declaring:
            values |= given_values(declaring[0], _only(given, name))
        elif loaded:
            values[name] = None  # told by the plan, with what may have been meant
    return values


def _only(given: TestGiven, name: str) -> Given:
    return dataclasses.replace(
        given, input=tuple(each for each in given.input if each[0] == name), input_file=tuple(each for each in given.input_file if each[0] == name),
        prompt=tuple(each for each in given.prompt if each == name),
    )  # fmt: skip


def _one_secret_for_many(profile: Profile, name: str, count: int) -> str:
    from authweave.sources.environment import EnvironmentSource

    where = EnvironmentSource({}).describe(profile.name, profile.inputs[name], "")
    return f"{name} is a secret of {count} profiles, and one secret is not sent to several providers; supply each its own, as {where} for {profile.name}"


def _chosen(
    engine: Engine, named: Sequence[str], many: Many, given: TestGiven, matrix: Matrix | None, *, is_sandbox: bool
) -> list[str | Path]:
    """The profiles that are meant, each once, in order. Raises UsageError."""
    from authweave.matrix.plan import rows_of

    whole = [Path(name) for name in named if os.path.isdir(name)]
    single = [name for name in named if not os.path.isdir(name)]
    if whole and not many.everything:
        raise click.UsageError(f"{whole[0]} is a folder; --all {whole[0]} tests every profile in it")
    if not named and matrix is not None and matrix.profiles and not many.everything:
        single = list(matrix.profiles)
    if not (whole or single):
        if not many.everything and many.changed_since is None:
            raise click.UsageError("which profiles? name them, or write `profiles` in the file of tenants, or use --all")
        whole = _usual_folders(given, is_sandbox=is_sandbox)
    for reference in single:
        _refuse_unknown(engine, reference)
    references = _each_once(engine, [*_in_folders(whole), *single], rows_of(matrix, given.tenant))
    return references if many.changed_since is None else _changed(engine, references, whole, many.changed_since)


def _each_once(engine: Engine, references: Iterable[str | Path], rows: Sequence[Row]) -> list[str | Path]:
    """Of two references to one file the first."""
    from authweave.matrix.plan import for_some

    by_file: dict[Path, str | Path] = {}
    for reference in references:
        try:
            file = for_some(rows, partial(engine.path_of, reference))
        except LimitRefused:  # its run tells so
            file = Path(str(reference))
        by_file.setdefault(file.absolute(), reference)
    return list(by_file.values())


def _usual_folders(given: TestGiven, *, is_sandbox: bool) -> list[Path]:
    from authweave.resources import profiles_folder

    if given.profiles_dir:
        return list(given.profiles_dir)
    if Path("profiles").is_dir():
        return [Path("profiles")]
    if is_sandbox:
        return [profiles_folder()]
    raise click.UsageError("there is no folder profiles here; name the folder or the profiles to test")


def _in_folders(folders: Iterable[Path]) -> Iterator[Path]:
    """The profiles of folders, without the abstract ones; one that is not valid is tested, to be told."""
    from authweave.loading import files_in

    for folder in folders:
        files = list(files_in(folder))
        if not files:
            raise click.UsageError(f"there is no profile in {folder}: no file ends in .yaml, .yml or .json")
        yield from files


def _refuse_unknown(engine: Engine, reference: str) -> None:
    """Before anything is sent: one that is not there, or that is abstract though it was named. Raises UsageError."""
    from authweave.cli.common import profile_of
    from authweave.errors import ProfileError

    try:
        profile = profile_of(engine, reference)
    except ProfileError:
        return
    if profile.abstract:
        raise UsageError(f"{profile.name} is abstract: only other profiles extend it")


def _changed(engine: Engine, references: Sequence[str | Path], whole: Sequence[Path], revision: str) -> list[str | Path]:
    """Those that changed; what is gone, and how many are as they were, is told on standard error."""
    from authweave.matrix import changed_since

    files = {reference: engine.path_of(reference) for reference in references}
    found = changed_since(revision, files.values(), folders=engine.folders, whole=whole)
    for path in found.deleted:
        print(f"{path}: deleted since {revision}", file=sys.stderr)
    print(f"{len(found.changed)} of {len(files)} profiles changed since {revision}", file=sys.stderr)
    changed = set(found.changed)
    return [reference for reference, path in files.items() if path in changed]
