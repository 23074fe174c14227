"""`authweave preview`: what would be sent, offline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import click

from authweave.cli.common import (
    Exit,
    Given,
    command_of,
    given_options,
    given_values,
    profile_argument,
    profile_of,
)
from authweave.cli.printing import columns, print_json
from authweave.cli.requests import request_of, request_options
from authweave.redaction import inert

if TYPE_CHECKING:
    from authweave.preview import Preview, PreviewedPart, PreviewedRequest

EXAMPLES: Final = """\
authweave preview acme.yaml --url /v1/me
authweave preview acme.yaml --url /v1/users --json '{"name": "Ada"}' --input tenant=acme
authweave preview acme.yaml --refresh         the request that renews a token
authweave preview acme.yaml --format curl     as commands, with secrets as variables
"""
_TITLES: Final = {"sign_in": "Sign-in: what the person's browser, or their device, asks", "before": "Step before the token request:", "token": "Token request", "after": "Step after the token request:", "task": "Task request"}


@command_of("preview", examples=EXAMPLES)
@profile_argument()
@click.option("--url", help="Of the task request: absolute, or relative to the first server. Without it: the profile's test.")
@request_options
@click.option("--refresh", is_flag=True, help="Show the request that renews a token, instead of the first one.")
@click.option("--format", "form", type=click.Choice(["text", "json", "curl"]), default="text", help="How to print it; curl: as commands for sh, with secrets as variables.")
@given_options
def command(
    profile: str, url: str | None, method: str | None, header: tuple[str, ...], data: str | None, json_data: str | None,
    refresh: bool, form: str, given: Given,
) -> Exit:  # fmt: skip
    """Show the exact requests a profile makes, offline, each part with the key of the profile it comes from.

    A secret shows its length and a fingerprint, so that two people can compare without seeing it; an input that nobody
    supplies is named in its place. Nothing is sent.
    """
    from authweave.preview import preview

    request = None if url is None else replace(request_of(method, url, header, data, json_data), path_template=True)
    if request is None and (method or header or data or json_data):
        raise click.UsageError("--method, --header and --data go with --url")
    with given.engine() as engine:
        found = profile_of(engine, profile)
        values = given_values(found, given)
        subject = given.subject or "preview"
        connection = engine.connect(found, tenant=given.tenant, subject=subject, inputs=values, servers=given.server)
        made = preview(connection, request, refresh=refresh)
    if form == "json":
        print_json(made.as_dict())
    elif form == "curl":
        print(_commands(made), end="")
    else:
        print("\n".join(_lines(made)))
    return Exit.USAGE if any(one.error for one in made.requests) else Exit.OK


def _commands(made: Preview) -> str:
    from authweave.reports.shell import Commands

    commands = Commands()
    for request in made.requests:
        title = f"{_TITLES[request.purpose]} {request.step}".rstrip()
        if request.error:
            commands.say(f"{title}: cannot be made: {request.error}")
            continue
        origins = [f"  {part.key or 'URL'} <- {part.origin}{f' ({part.file_line})' if part.file_line else ''}" for part in request.parts if part.origin not in ("standard", "given")]
        commands.add(title, request.method, request.recipe, origins, in_browser=request.purpose == "sign_in" and not request.headers)
    return commands.text([f"What `authweave preview` foretells for {made.profile}. Nothing was sent."])


def _lines(made: Preview) -> Iterator[str]:
    variant = f", variant {made.variant}" if made.variant else ""
    yield f"{made.profile}{variant}: nothing was sent"
    for request in made.requests:
        yield ""
        yield f"{_TITLES[request.purpose]} {request.step}".rstrip()
        yield from _request(request)
    if not made.requests:
        yield "\nIt gets no token; add --url to see a task request"
    if made.inputs:
        yield "\nInputs"
        yield from columns([(one.name, one.origin) for one in made.inputs], "  ")


def _request(request: PreviewedRequest) -> Iterator[str]:
    from authweave.urls.shown import other_letters

    if request.error:
        yield f"  cannot be made: {request.error}"
        return
    yield inert(f"  {request.method} {request.url}")
    if letters := other_letters(request.url):
        yield f"  this host stands for other letters: {letters}"
    yield from (inert(f"  {name}: {value}") for name, value in request.headers)
    if request.body or request.note:
        yield ""
        yield from (f"  {line}" for line in (request.body or f"({request.note})").splitlines())
    if request.signs:
        yield f"\n  signs {request.signs}"
    yield "\n  where each part comes from"
    yield from columns(map(_part, request.parts), "    ")


def _part(part: PreviewedPart) -> tuple[str, ...]:
    """Headers have shown their values above."""
    return part.place, part.key, part.value if part.place in ("payload", "assertion") else "", part.origin, part.file_line
