"""`authweave request`: a request with a profile's credential."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from authweave.cli.common import (
    Exit,
    Given,
    command_of,
    complain,
    exit_for,
    given_options,
    profile_of,
    with_connection,
)
from authweave.cli.options import complete_profile
from authweave.cli.pointing import is_of_token_call, point, try_test
from authweave.cli.requests import request_of, request_options

if TYPE_CHECKING:
    from authweave.applying.sent import Sent
    from authweave.connections.connection import Connection
    from authweave.sending import Answer
    from authweave.values import TaskRequest
    from authweave.wire import Reply

EXAMPLES: Final = """\
authweave request /v1/me --profile acme.yaml
authweave request POST https://api.acme.example/v1/users -p acme --json '{"name": "Ada"}' -i
authweave request /v1/report -p acme -o report.pdf --max-time 300
"""
LARGEST: Final = 256 * 1024 * 1024


@command_of("request", examples=EXAMPLES)
@click.argument("target", nargs=-1, required=True, metavar="[METHOD] URL")
@click.option("-p", "--profile", required=True, shell_complete=complete_profile, help="A name, name@version, or a file.")
@request_options
@click.option("-i", "--include", is_flag=True, help="Print status and headers, too.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the body to this file.")
@click.option("--max-time", type=click.FloatRange(min=0, min_open=True), default=60.0, show_default=True, help="Seconds for one send.")
@given_options
def command(
    target: tuple[str, ...], profile: str, method: str | None, header: tuple[str, ...], data: str | None,
    json_data: str | None, include: bool, output: Path | None, max_time: float, given: Given,
) -> Exit:  # fmt: skip
    """Send a request with a profile's credential: much like curl, but no redirect is followed.

    The URL is absolute, or relative to the profile's first server. A credential that is refused is renewed once, and
    the request sent once more. The body goes to stdout; an answer from 400 on ends with another code than 0.
    """
    if output is not None and not output.parent.is_dir():
        raise click.BadParameter(f"there is no folder {output.parent}", param_hint="'-o' / '--output'")
    request = request_of(*_method_and_url(target, method), header, data, json_data)
    with given.keeping_engine() as engine:
        words = try_test(profile, given)
        answer = with_connection(
            engine, profile_of(engine, profile), given, lambda connection: sent(connection, request, max_time, words)
        )
    _write(answer.reply, output, include=include)
    if answer.judgement.verdict != "accepted":
        is_of_token = is_of_token_call(answer.judgement.error)
        complain(f"{answer.judgement.reason}\n{words}" if is_of_token else answer.judgement.reason)
    return exit_for(answer.judgement)


def sent(connection: Connection, request: TaskRequest, seconds: float, words: str = "") -> Answer:
    """Send the request over the wire, renewing once. Raises ApplyError, InputError, TokenError, WireError.

    `words` go with the error of a token call, and not with that of the request itself.
    """
    from authweave.sending import over_wire

    begun: list[Sent] = []
    try:
        return over_wire(connection, request, seconds=seconds, cap=LARGEST, hear=begun.append)
    except Exception as error:
        if not begun:
            point(error, words)
        raise


def _method_and_url(target: tuple[str, ...], method: str | None) -> tuple[str | None, str]:
    if len(target) > 2 or (len(target) == 2 and method is not None):
        raise click.UsageError("write URL, or METHOD URL")
    return (target[0], target[1]) if len(target) == 2 else (method, target[0])


def _write(reply: Reply, output: Path | None, *, include: bool) -> None:
    if include:
        print("\n".join(_head(reply)), end="\n\n")
    if output is not None:
        _into_file(reply.body, output)
    elif sys.stdout.isatty() and b"\0" not in reply.body:
        print(_shown(reply.body))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(reply.body)


def _head(reply: Reply) -> Iterator[str]:
    from authweave.redaction import inert

    yield inert(f"{reply.http_version} {reply.status} {reply.reason}".rstrip())
    yield from (inert(f"{name}: {value}") for name, value in reply.headers)


def _shown(body: bytes) -> str:
    """For a terminal: what an API answers must not move its cursor."""
    from authweave.redaction import inert

    return inert(body.decode("utf-8", "replace"), lines=True).removesuffix("\n")


def _into_file(body: bytes, output: Path) -> None:
    from authweave.errors import UsageError

    failure = ""
    try:
        output.write_bytes(body)
    except OSError as error:
        failure = f"{output}: {error.strerror}"
    if failure:
        raise UsageError(failure)
