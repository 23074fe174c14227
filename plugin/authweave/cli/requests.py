"""A task request from options, as curl has them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from authweave.values import TaskRequest

FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"

_OPTIONS: Final = (
    click.option("-X", "--method", help="GET, or POST with a body, if it is not said."),
    click.option("-H", "--header", multiple=True, metavar="'NAME: VALUE'", help="A header field."),
    click.option("-d", "--data", help="The body, as a form unless Content-Type is given; @file or @- (stdin)."),
    click.option("--json", "json_data", metavar="DATA", help="As --data, with Content-Type and Accept application/json."),
)


def request_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add -X, -H, -d and --json."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def request_of(
    method: str | None, url: str, header: tuple[str, ...], data: str | None, json_data: str | None
) -> TaskRequest:
    """The request that is meant. Raises click.UsageError."""
    from authweave.values import TaskRequest

    if data is not None and json_data is not None:
        raise click.UsageError("say --data or --json, not both")
    headers = [_header(line) for line in header]
    body = _body(data if json_data is None else json_data)
    defaults = {} if body is None else {"Content-Type": FORM} if json_data is None else {"Content-Type": JSON, "Accept": JSON}
    given = {name.lower() for name, _ in headers}
    headers += [(name, value) for name, value in defaults.items() if name.lower() not in given]
    return TaskRequest((method or ("GET" if body is None else "POST")).upper(), url, tuple(headers), body)


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name.strip(" \t"):
        raise click.UsageError("a header is written 'Name: value'")
    return name.strip(" \t"), value.strip(" \t")


def _body(data: str | None) -> bytes | None:
    if data is None or not data.startswith("@"):
        return None if data is None else data.encode(errors="surrogateescape")
    if data == "@-":
        return sys.stdin.buffer.read()
    failure = ""
    try:
        return Path(data[1:]).read_bytes()
    except OSError as error:
        failure = f"{data[1:]}: {error.strerror}"
    raise click.UsageError(failure)
