"""`authweave test`: the real path in stages, what was sent, what came back, and what to change."""

from __future__ import annotations

from typing import Any, Final

from authweave.cli.common import Exit, command_of
from authweave.cli.testing.cassettes import Cassettes, cassette_options, keep, replayed
from authweave.cli.testing.exits import exit_for_report
from authweave.cli.testing.explaining import Explaining, explaining_options
from authweave.cli.testing.many import Many, TestGiven, many_options, profiles_argument, test_given_options, tested_many
from authweave.cli.testing.running import Running, running_options, tested
from authweave.cli.testing.writing import Writing, writing_options

EXAMPLES: Final = """\
authweave test acme.yaml                              asks for what is missing
authweave test acme.yaml --tenant eu --input region=2
authweave test acme.yaml --format json | jq .diagnoses
authweave test acme.yaml --output report.html         and a page to attach to a ticket
authweave test acme.yaml --record                     keep the run, scrubbed, for CI
authweave test acme.yaml --replay                     without network and secrets: is it as recorded?
authweave test acme.yaml --explain                    refused? try what else the profile could say
authweave test acme.yaml --fix                        and write what works into the file
authweave test nuance-mix-runtime --sandbox           against servers on this machine that really check
authweave test acme.yaml --sandbox --fault wrong_secret
authweave test --all --changed-since origin/main      every profile of ./profiles that a branch changed
authweave test acme.yaml --input-file tenants.yaml    for each tenant of the file
"""


@command_of("test", examples=EXAMPLES)
@profiles_argument
@writing_options
@running_options
@explaining_options
@cassette_options
@many_options
@test_given_options
def command(
    profiles: tuple[str, ...], writing: Writing, running: Running, explaining: Explaining, cassettes: Cassettes, many: Many, given: TestGiven
) -> Exit:  # fmt: skip
    """Test auth: get a token anew, send the profile's check request, and say what to change if something is wrong.

    The real path: the same requests that tasks would send. Secrets never show, neither as they are nor encoded. A
    profile without a check (`test`) is tested as far as the token. Several profiles, --all of a folder, or a file of tenants
    are tested at once, and summed up.

    \b
    Ends with 0 if the credential is accepted (or the token obtained, where there is no check),
    1 if token or credential is refused or the profile is not valid, 2 if nothing could be sent,
    3 if it stays open (unreachable, busy, nothing to test), 4 if an input is missing. Of many, the first that fits any of them.
    """
    running.check()
    cassettes.check(sandbox=running.sandbox)
    is_many = many.is_meant(profiles, given)
    explaining.check({"--sandbox": running.sandbox, "--login": running.login, "--record": cassettes.record, "--replay": cassettes.replay, "several tests at once": is_many})
    if is_many:
        return tested_many(profiles, many, writing, running, cassettes, given)
    profile = many.only(profiles)
    with running.engine(given) as engine:
        writer = writing.writer(engine)
        if cassettes.replay:
            report, ending = replayed(engine, profile, cassettes, given)
            writer.write(report)
            return ending
        tape = cassettes.tape()
        if tape is not None:
            cassettes.place(engine, profile, given)
        values: dict[str, Any] = {}
        report = tested(engine, profile, running, given, tape, values)
        if explaining.is_asked:
            return explaining.written(engine, profile, report, running, given, values, writer)
        writer.write(report)
        if tape is not None:
            keep(engine, profile, report, tape, cassettes, given)
        elif not (running.sandbox or running.login):
            explaining.offered(report)
    return exit_for_report(report)
