"""`authweave test`: the real path in stages, what was sent, what came back, and what to change."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from authweave.cli.common import (
    Exit,
    Given,
    at_terminal,
    command_of,
    given_options,
    given_values,
    profile_argument,
    profile_of,
)

if TYPE_CHECKING:
    from authweave.engine import Engine
    from authweave.profile import Profile
    from authweave.report import Report, Stage

EXAMPLES: Final = """\
authweave test acme.yaml                              asks for what is missing
authweave test acme.yaml --tenant eu --input region=2
authweave test acme.yaml --format json | jq .diagnoses
authweave test nuance-mix-runtime --sandbox           against servers on this machine that really check
authweave test acme.yaml --sandbox --fault wrong_secret
"""


@command_of("test", examples=EXAMPLES)
@profile_argument()
@click.option("--format", "form", default="text", metavar="NAME", help="text, json, or a format that a plugin adds. Default: text.")
@click.option("--sandbox", is_flag=True, help="Test against an identity provider and an API on this machine. It is a teacher, and proves nothing.")
@click.option("--fault", multiple=True, metavar="NAME", help="With --sandbox: what it does wrong (authweave sandbox --faults).")
@click.option("--deadline", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="How long all calls together may take.")
@given_options
def command(profile: str, form: str, sandbox: bool, fault: tuple[str, ...], deadline: float | None, given: Given) -> Exit:
    """Test auth: get a token anew, send the profile's check request, and say what to change if something is wrong.

    The real path: the same requests that tasks would send. Secrets never show, neither as they are nor encoded. A
    profile without a check (`test`) is tested as far as the token.

    \b
    Ends with 0 if the credential is accepted (or the token obtained, where there is no check),
    1 if token or credential is refused or the profile is not valid, 2 if nothing could be sent,
    3 if it stays open (unreachable, busy, nothing to test), 4 if an input is missing.
    """
    if fault and not sandbox:
        raise click.UsageError("--fault goes with --sandbox")
    with _engine(given, deadline) as engine:
        render = _renderer(engine, form)
        report = _sandboxed(engine, profile, fault, given) if sandbox else _tested(engine, profile, given, form)
        sys.stdout.write(render(report))
    return exit_for_report(report)


def exit_for_report(report: Report) -> Exit:
    """The exit code for a report."""
    token, credential = report.token.word, report.credential.word
    errors = [found.stage for found in report.diagnoses if found.severity == "error"]
    if not report.is_valid or "refused" in (token, credential) or credential == "forbidden":
        return Exit.REFUSED
    if "resolve" in errors:
        return Exit.INPUT
    if "inconclusive" in (token, credential):
        return Exit.INCONCLUSIVE
    if errors:
        return Exit.USAGE
    return Exit.OK if credential == "accepted" or token == "obtained" else Exit.INCONCLUSIVE


@contextmanager
def _engine(given: Given, deadline: float | None) -> Iterator[Engine]:
    from authweave.cli.options import named_by_options
    from authweave.engine import Engine

    settings = given.settings()
    if deadline is not None:
        origins = {**settings.origins, "test_deadline": "command line (--deadline)", "deadline": "command line (--deadline)"}
        settings = dataclasses.replace(settings, test_deadline=deadline, deadline=min(deadline, settings.deadline), origins=origins)
    with Engine(given.profiles_dir, settings=settings) as engine:
        yield named_by_options(engine)


def _renderer(engine: Engine, form: str) -> Callable[[Report], str]:
    from authweave.errors import UsageError

    formats = engine.catalog.named("reports")
    if form not in formats:
        raise UsageError(f"--format {form} is not known; known are {', '.join(sorted(formats))}")
    kind: Any = formats[form]
    made = kind.for_stream(sys.stdout) if hasattr(kind, "for_stream") else kind()
    render: Callable[[Report], str] = made.render
    return render


def _tested(engine: Engine, reference: str, given: Given, form: str) -> Report:
    """The report; on a terminal it is asked for what is missing, one input at a time."""
    from authweave.errors import ProfileError
    from authweave.probe import test_profile

    with _progress() as tell:
        try:
            profile = profile_of(engine, reference)
        except ProfileError:
            return test_profile(engine, reference, tenant=given.tenant, subject=given.subject)
        values = given_values(profile, given)
        while True:
            report = test_profile(
                engine, profile, tenant=given.tenant, subject=given.subject, inputs=values, servers=given.server, events=tell
            )
            missing = _missing(report, profile) if at_terminal() else ""
            if not missing or missing in values:
                return report
            _wipe()
            values[missing] = _asked(profile, missing, given.tenant)


def _sandboxed(engine: Engine, reference: str, faults: tuple[str, ...], given: Given) -> Report:
    from authweave.probe import test_profile
    from authweave.sandbox import Person, for_test

    profile = profile_of(engine, reference)
    settings = engine.settings
    options = {"deadline": settings.deadline, "test_deadline": settings.test_deadline}
    with for_test(profile, given_values(profile, given), faults=faults, **options) as (inside, inputs):
        subject = given.subject or ("somebody" if profile.subject == "user" else None)
        report = test_profile(
            inside, profile, tenant=given.tenant, subject=subject, inputs=inputs, servers=given.server, sandbox=True,
            person=Person(inside.wire),
        )  # fmt: skip
    words = ["authweave", "test", reference, "--sandbox", *(word for fault in faults for word in ("--fault", fault))]
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


@contextmanager
def _progress() -> Iterator[Callable[[Stage], None]]:
    """Shows the stage that has just ended on a terminal, and wipes it away at the end."""
    if not (sys.stderr.isatty() and sys.stdout.isatty()):
        yield lambda _: None
        return
    try:
        yield lambda stage: print(f"\r\x1b[2K{stage.title}: {stage.status}", end="", file=sys.stderr, flush=True)
    finally:
        _wipe()


def _wipe() -> None:
    print("\r\x1b[2K", end="", file=sys.stderr, flush=True)
