"""`authweave test`: the real path in stages, what was sent, what came back, and what to change."""

from __future__ import annotations

from typing import Final

from authweave.cli.common import Exit, Given, command_of, given_options, profile_argument
from authweave.cli.testing.exits import exit_for_report
from authweave.cli.testing.running import Running, running_options, tested
from authweave.cli.testing.writing import Writing, writing_options

EXAMPLES: Final = """\
authweave test acme.yaml                              asks for what is missing
authweave test acme.yaml --tenant eu --input region=2
authweave test acme.yaml --format json | jq .diagnoses
authweave test acme.yaml --output report.html         and a page to attach to a ticket
authweave test nuance-mix-runtime --sandbox           against servers on this machine that really check
authweave test acme.yaml --sandbox --fault wrong_secret
"""


@command_of("test", examples=EXAMPLES)
@profile_argument()
@writing_options
@running_options
@given_options
def command(profile: str, writing: Writing, running: Running, given: Given) -> Exit:
    """Test auth: get a token anew, send the profile's check request, and say what to change if something is wrong.

    The real path: the same requests that tasks would send. Secrets never show, neither as they are nor encoded. A
    profile without a check (`test`) is tested as far as the token.

    \b
    Ends with 0 if the credential is accepted (or the token obtained, where there is no check),
    1 if token or credential is refused or the profile is not valid, 2 if nothing could be sent,
    3 if it stays open (unreachable, busy, nothing to test), 4 if an input is missing.
    """
    running.check()
    with running.engine(given) as engine:
        writer = writing.writer(engine)
        report = tested(engine, profile, running, given)
        writer.write(report)
    return exit_for_report(report)
