"""How one run of "test auth" is made: the options that say so, and the run."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from authweave.cli.common import Given, at_terminal, complain, given_values, profile_of
from authweave.cli.options import taking
from authweave.cli.testing.progress import progress, wipe

if TYPE_CHECKING:
    from pathlib import Path

    from authweave.cassettes import Tape
    from authweave.engine import Engine
    from authweave.matrix import Run
    from authweave.profile import Profile
    from authweave.report import Report

_OPTIONS: Final = (
    click.option("--sandbox", is_flag=True, help="Test against an identity provider and an API on this machine. It is a teacher, and proves nothing."),
    click.option("--fault", multiple=True, metavar="NAME", help="With --sandbox: what it does wrong (authweave sandbox --faults)."),
    click.option("--control", is_flag=True, help="Send an accepted check once more without the credential: an endpoint that answers everybody proves nothing."),
    click.option("--refresh", is_flag=True, help="After the check, renew the token as it is renewed at its end, and check once more."),
    click.option("--login", is_flag=True, help="Sign in for this run, in a browser on this machine or at a device; nothing of it is kept."),
    click.option("--keep-login", is_flag=True, help="With --login: keep what the sign-in gives, as authweave login does."),
    click.option("--no-browser", is_flag=True, help="With --login: print the link, and open nothing."),
    click.option("--paste", is_flag=True, help="With --login: the browser is elsewhere; wait for the address of its last page."),
    click.option("--no-compare", is_flag=True, help="Say nothing of the last run, and remember nothing of this one (so it is where CI is set)."),
    click.option("--deadline", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="How long all calls together may take."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Running:
    """How a run is made. `deadline` in seconds, None for that of the settings.

    `control`, `refresh`: as `test_profile` has them. `login`: a person signs in for the run, and only with `keep_login` the
    next command has what it gives. `no_compare`: nothing is said of the last run, nor kept of this one.
    """

    sandbox: bool = False
    fault: tuple[str, ...] = ()
    control: bool = False
    refresh: bool = False
    login: bool = False
    keep_login: bool = False
    no_browser: bool = False
    paste: bool = False
    no_compare: bool = False
    deadline: float | None = None

    def check(self) -> None:
        """Raises click.UsageError for options that do not go together."""
        if self.fault and not self.sandbox:
            raise click.UsageError("--fault goes with --sandbox")
        if self.login and self.sandbox:
            raise click.UsageError("--login is for the real provider: in the sandbox a person is played")
        for name in ("keep_login", "no_browser", "paste"):
            if getattr(self, name) and not self.login:
                raise click.UsageError(f"--{name.replace('_', '-')} goes with --login")

    @contextmanager
    def engine(self, given: Given) -> Iterator[Engine]:
        """The engine that runs: with what is given, and this deadline. Raises SettingsError, ExtensionError."""
        from authweave.engine import Engine

        settings = given.settings()
        if self.deadline is not None:
            origins = {**settings.origins, "test_deadline": "command line (--deadline)", "deadline": "command line (--deadline)"}
            settings = dataclasses.replace(settings, test_deadline=self.deadline, deadline=min(self.deadline, settings.deadline), origins=origins)
        with Engine(given.profiles_dir, settings=settings) as engine:
            yield given.asked(engine)


def running_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of Running; the function gets it as `running`."""
    return taking(Running, "running", _OPTIONS, title="What is tested")(function)


def tested(engine: Engine, reference: str, running: Running, given: Given, tape: Tape | None, values: dict[str, Any]) -> Report:
    """The report; on a terminal it is asked for what is missing, one input at a time. `tape` hears the run. Raises UsageError.

    `values` gets the inputs that were given and typed, for who has another use for them.
    """
    from authweave.cli.testing import last_run

    if running.sandbox:
        return _sandboxed(engine, reference, running, given, tape)
    if tape is not None and (running.login or running.refresh):
        raise click.UsageError("--record goes without --login and --refresh: a replay has nobody to sign in, and no end of a token")
    report = _tested(engine, reference, running, given, tape, values)
    if running.no_compare or not last_run.is_wanted():
        return report
    return last_run.compared(report, last_run.folder())


def tested_run(engine: Engine, run: Run, running: Running, given: Given, tape: Tape | None) -> Report:
    """The report of one of many; nobody is asked for anything, and the last run is left alone. Raises UsageError."""
    from authweave.errors import ProfileError
    from authweave.matrix import probed
    from authweave.profile import Profile

    try:
        profile = run.profile if isinstance(run.profile, Profile) else engine.profile(run.profile, run.tenant or None)
    except ProfileError:
        return _with_own_options(probed(engine, run), running, given, None)
    if running.sandbox:
        report = _in_sandbox(engine, run.reference, profile, running, run.inputs, tape, tenant=run.tenant, subject=run.subject, servers=run.servers)
        return _with_words(report, _of_place(given))
    with keeping(engine, profile, running, given) as kept:
        report = probed(kept, run, heard=tape, control=running.control, refresh=running.refresh)
    return _with_own_options(report, running, given, profile)


def _tested(engine: Engine, reference: str, running: Running, given: Given, tape: Tape | None, values: dict[str, Any]) -> Report:
    from authweave.errors import ProfileError
    from authweave.probe import test_profile

    with progress() as tell:
        try:
            profile = profile_of(engine, reference)
        except ProfileError:
            return _with_own_options(test_profile(engine, reference, tenant=given.tenant, subject=given.subject), running, given, None)
        _refuse_or_warn(profile, running, given)
        values.update(given_values(profile, given))
        person = _person(running)
        with keeping(engine, profile, running, given) as kept:
            while True:
                report = test_profile(
                    kept, profile, tenant=given.tenant, subject=given.subject, inputs=values, servers=given.server, events=tell,
                    person=person, heard=tape, control=running.control, refresh=running.refresh,
                )  # fmt: skip
                missing = _missing(report, profile) if at_terminal() else ""
                if not missing or missing in values:
                    return _with_own_options(report, running, given, profile)
                wipe()
                values[missing] = _asked(profile, missing, given.tenant)


def _refuse_or_warn(profile: Profile, running: Running, given: Given) -> None:
    """What has to be said before anything is sent. Raises click.UsageError."""
    from authweave.probe.renewal_part import presents_given

    if running.login and profile.subject == "user" and not given.subject:
        raise click.UsageError(f"{profile.name} acts for a user: say who with --subject, as the host will name them")
    if running.login and not any(variant.tokens is not None and variant.tokens.signs_in for variant in profile.variants):
        raise click.UsageError(f"{profile.name}: nobody signs in for this profile; its tokens come without a person")
    if running.refresh and presents_given(profile):
        complain("--refresh presents the refresh token that was handed over; a server that rotates takes it for good, and the one that comes in its place is kept in the store")


@contextmanager
def keeping(engine: Engine, profile: Profile, running: Running, given: Given) -> Iterator[Engine]:
    """The engine for this profile: what a person consented to is in the store of the command line, and has to go back there.

    A sign-in of this run alone stays with it.
    """
    from authweave.cli.keeping import with_default_store
    from authweave.engine import Engine
    from authweave.errors import SettingsError
    from authweave.stores.memory import MemoryStore

    attended = any(variant.tokens is not None and variant.tokens.attended for variant in profile.variants)
    is_of_this_run = running.login and not running.keep_login
    if not attended or (engine.settings.origins["store"] != "default" and not is_of_this_run):
        yield engine
        return
    if is_of_this_run:
        made = Engine(given.profiles_dir, settings=engine.settings, store=MemoryStore())
    else:
        try:
            made = Engine(given.profiles_dir, settings=with_default_store(engine.settings))
        except SettingsError as error:
            complain(f"tokens are kept in memory and end with this command: {error}")
            yield engine
            return
    with made:
        yield given.asked(made)


def _person(running: Running) -> Any:
    """Who signs in: the person at this terminal, if they are to."""
    if not running.login:
        return None
    from authweave.cli.testing.at_terminal import AtTerminal

    return AtTerminal(opens_browser=not running.no_browser, pastes=running.paste)


def _with_own_options(report: Report, running: Running, given: Given, profile: Profile | None) -> Report:
    """The command that does it again, with the options that only a command line has: where secrets are looked for among them, never one itself."""
    words = [f"--{name.replace('_', '-')}" for name in ("login", "keep_login", "no_browser", "paste") if getattr(running, name)]
    words += [word for name, path in given.input_file if profile is not None and name in profile.inputs and profile.inputs[name].secret for word in ("--input-file", f"{name}={path}")]
    words += [word for name in given.prompt for word in ("--prompt", name)]
    words += _of_paths(("--secrets-dir", given.secrets_dir), ("--dotenv", given.dotenv)) + _of_place(given)
    words += ["--deadline", f"{running.deadline:g}"] if running.deadline is not None else []
    return _with_words(report, words)


def _of_place(given: Given) -> list[str]:
    """Which profiles there are, and what they may: without these words the same command is another one."""
    words = _of_paths(*(("--profiles-dir", one) for one in given.profiles_dir), ("--config", given.config), ("--limits", given.limits))
    return [*words, "--strict"] if given.strict else words


def _of_paths(*places: tuple[str, Path | None]) -> list[str]:
    return [word for option, path in places if path is not None for word in (option, str(path))]


def _with_words(report: Report, words: list[str]) -> Report:
    return dataclasses.replace(report, again=" ".join([report.again, shlex.join(words)])) if words and report.again else report


def _sandboxed(engine: Engine, reference: str, running: Running, given: Given, tape: Tape | None) -> Report:
    profile = profile_of(engine, reference)
    values = given_values(profile, given)
    report = _in_sandbox(engine, reference, profile, running, values, tape, tenant=given.tenant, subject=given.subject, servers=given.server)
    return _with_words(report, _of_place(given))


def _in_sandbox(
    engine: Engine, reference: str, profile: Profile, running: Running, values: Mapping[str, Any], tape: Tape | None, *, tenant: str,
    subject: str | None, servers: tuple[str, ...],
) -> Report:  # fmt: skip
    from authweave.probe import test_profile
    from authweave.sandbox import for_test, person_for_test, profile_for_test

    settings, whose = engine.settings, (("--tenant", tenant), ("--subject", subject))
    options = {"deadline": settings.deadline, "test_deadline": settings.test_deadline}
    with for_test(profile, values, faults=running.fault, **options) as (inside, inputs):
        subject = subject or ("somebody" if profile.subject == "user" else None)
        person = person_for_test(inside, running.fault)
        report = test_profile(
            inside, profile_for_test(profile, running.fault), tenant=tenant, subject=subject, inputs=inputs, servers=servers, sandbox=True,
            person=tape.watched(person) if tape and person else person, heard=tape, control=running.control, refresh=running.refresh,
        )  # fmt: skip
    words = ["authweave", "test", reference, "--sandbox", *(word for fault in running.fault for word in ("--fault", fault))]
    words += [word for option, name in whose if name for word in (option, name)]
    words += [f"--{name}" for name in ("control", "refresh") if getattr(running, name)]
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
