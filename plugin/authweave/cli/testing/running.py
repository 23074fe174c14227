"""How one run of "test auth" is made: the options that say so, and the run."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from authweave.cli.common import Given, at_terminal, given_values, profile_of
from authweave.cli.options import taking
from authweave.cli.testing.progress import progress, wipe

if TYPE_CHECKING:
    from authweave.cassettes import Tape
    from authweave.engine import Engine
    from authweave.profile import Profile
    from authweave.report import Report

_OPTIONS: Final = (
    click.option("--sandbox", is_flag=True, help="Test against an identity provider and an API on this machine. It is a teacher, and proves nothing."),
    click.option("--fault", multiple=True, metavar="NAME", help="With --sandbox: what it does wrong (authweave sandbox --faults)."),
    click.option("--deadline", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="How long all calls together may take."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Running:
    """How a run is made. `deadline` in seconds, None for that of the settings."""

    sandbox: bool = False
    fault: tuple[str, ...] = ()
    deadline: float | None = None

    def check(self) -> None:
        """Raises click.UsageError for options that do not go together."""
        if self.fault and not self.sandbox:
            raise click.UsageError("--fault goes with --sandbox")

    @contextmanager
    def engine(self, given: Given) -> Iterator[Engine]:
        """The engine that runs: with what is given, and this deadline. Raises SettingsError, ExtensionError."""
        from authweave.cli.options import named_by_options
        from authweave.engine import Engine

        settings = given.settings()
        if self.deadline is not None:
            origins = {**settings.origins, "test_deadline": "command line (--deadline)", "deadline": "command line (--deadline)"}
            settings = dataclasses.replace(settings, test_deadline=self.deadline, deadline=min(self.deadline, settings.deadline), origins=origins)
        with Engine(given.profiles_dir, settings=settings) as engine:
            yield named_by_options(engine)


def running_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of Running; the function gets it as `running`."""
    return taking(Running, "running", _OPTIONS)(function)


def tested(engine: Engine, reference: str, running: Running, given: Given, tape: Tape | None) -> Report:
    """The report; on a terminal it is asked for what is missing, one input at a time. `tape` hears the run. Raises UsageError."""
    return _sandboxed(engine, reference, running, given, tape) if running.sandbox else _tested(engine, reference, given, tape)


def _tested(engine: Engine, reference: str, given: Given, tape: Tape | None) -> Report:
    from authweave.errors import ProfileError
    from authweave.probe import test_profile

    with progress() as tell:
        try:
            profile = profile_of(engine, reference)
        except ProfileError:
            return test_profile(engine, reference, tenant=given.tenant, subject=given.subject)
        values = given_values(profile, given)
        while True:
            report = test_profile(
                engine, profile, tenant=given.tenant, subject=given.subject, inputs=values, servers=given.server, events=tell, heard=tape
            )
            missing = _missing(report, profile) if at_terminal() else ""
            if not missing or missing in values:
                return report
            wipe()
            values[missing] = _asked(profile, missing, given.tenant)


def _sandboxed(engine: Engine, reference: str, running: Running, given: Given, tape: Tape | None) -> Report:
    from authweave.probe import test_profile
    from authweave.sandbox import Person, for_test, profile_for_test

    profile = profile_of(engine, reference)
    settings = engine.settings
    options = {"deadline": settings.deadline, "test_deadline": settings.test_deadline}
    with for_test(profile, given_values(profile, given), faults=running.fault, **options) as (inside, inputs):
        subject = given.subject or ("somebody" if profile.subject == "user" else None)
        report = test_profile(
            inside, profile_for_test(profile, running.fault), tenant=given.tenant, subject=subject, inputs=inputs, servers=given.server, sandbox=True,
            person=tape.watched(Person(inside.wire)) if tape else Person(inside.wire), heard=tape,
        )  # fmt: skip
    words = ["authweave", "test", reference, "--sandbox", *(word for fault in running.fault for word in ("--fault", fault))]
    return dataclasses.replace(report, again=shlex.join(words))


def _missing(report: Report, profile: Profile) -> str:
    """The input that a person may type to go on; '' if there is none."""
    for found in report.diagnoses:
        for fix in found.fixes:
            name = fix.key.removeprefix("inputs.")
            if found.code == "secret_unresolved" and name in profile.inputs:
                return name
    return ""


def _asked(profile: Profile, name: str, tenant: str) -> Any:
    from authweave.cli.asking import asked

    return asked(profile, profile.inputs[name], tenant)
