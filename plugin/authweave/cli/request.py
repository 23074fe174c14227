"""`authweave request`: a request with a profile's credential."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

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
    from authweave.applying import Sent
    from authweave.connection import Connection
    from authweave.values import Judgement, TaskRequest
    from authweave.wire import Kept, Reply

EXAMPLES: Final = """\
authweave request /v1/me --profile acme.yaml
authweave request POST https://api.acme.example/v1/users -p acme --json '{"name": "Ada"}' -i
authweave request /v1/report -p acme -o report.pdf --max-time 300
"""
LARGEST: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """The last answer and what it says of the credential."""

    reply: Reply
    judgement: Judgement


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
    from authweave.wire import Kept

    with Kept() as kept:
        return _sent(connection, request, seconds, words, kept if connection.is_bound else None)


def _sent(connection: Connection, request: TaskRequest, seconds: float, words: str, kept: Kept | None) -> Answer:
    from authweave.values import TaskResponse

    flow = connection.applying(connection.as_we_send(request))
    reply: Reply | None = None
    step: Callable[[], Any] = partial(next, flow)
    while True:
        try:
            asked = step()
        except StopIteration as stop:
            assert reply is not None  # noqa: S101 - a flow ends after an answer
            return Answer(reply, stop.value)
        except Exception as error:
            point(error, words)
            raise
        if isinstance(asked, Future):
            step = _landed(flow, asked)
        else:
            reply = _over_wire(connection, asked, seconds, kept)
            step = partial(flow.send, TaskResponse(reply.status, reply.headers, reply.body, reply.tls.encoded if reply.tls else None))


def _landed(flow: Any, future: Future[Any]) -> Callable[[], Any]:
    """The next step of the flow, with what it waited for; a failed renewal is for the flow to judge."""
    from authweave.errors import AuthweaveError
    from authweave.flights import outcome

    try:
        result = outcome(future)
    except AuthweaveError as error:
        return partial(flow.throw, error.fresh())
    return partial(flow.send, result)


def _over_wire(connection: Connection, sent: Sent, seconds: float, kept: Kept | None) -> Reply:
    from authweave.wire import Call

    request = sent.request
    call = Call(request.method, request.url, request.headers, request.body)
    return connection.wire("task").send(call, deadline=seconds, cap=LARGEST, kept=kept)


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
