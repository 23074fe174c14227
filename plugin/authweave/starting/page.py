"""A new profile as a text: what is known as keys, what is not as comments that say what they would mean."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from authweave.starting.inputs import inputs_of
from authweave.starting.start import ENDPOINTS, Start
from authweave.starting.taught import auth_comments, scopes_comment
from authweave.starting.texts import comment, flow, flow_map, scalar

SCHEMA: Final = "auth-profile.schema.json"
USUAL_SCHEMA: Final = f"../schemas/{SCHEMA}"
_LEVELS: Final = 4


def written(start: Start, *, schema: str = USUAL_SCHEMA, implied: Iterable[str] = ()) -> str:
    """The text. `implied` names the inputs that the type asks for by itself, for the comment that teaches them."""
    return "\n".join(_lines(start, schema, tuple(implied))) + "\n"


def schema_beside(folder: Path) -> str:
    """How the file of the schema is reached from a folder: where one lies in `schemas` near it, else where it usually does."""
    place = folder.absolute()
    for level, above in enumerate((place, *place.parents)):
        if level < _LEVELS and (above / "schemas" / SCHEMA).is_file():
            return Path(os.path.relpath(above / "schemas" / SCHEMA, place)).as_posix()
    return USUAL_SCHEMA


def schema_line(schema: str) -> str:
    """The first line: editors complete and explain by it."""
    return f"# yaml-language-server: $schema={schema}"


def _lines(start: Start, schema: str, implied: tuple[str, ...]) -> Iterator[str]:
    yield schema_line(schema)
    yield from comment("A line that begins with # changes nothing: take the # away from what you need.")
    yield "format: 1"
    yield f"name: {scalar(start.name)}"
    yield "version: 0.1.0"
    yield f"identity_provider: {scalar(start.identity_provider)}"
    yield f"description: {scalar(start.description)}" if start.description else "# description: For people who choose from a list."
    if start.documentation:
        yield f"documentation: {scalar(start.documentation)}"
    yield from _inputs(start, implied)
    yield from _servers(start)
    yield from _auth(start)
    yield from _fields(start)
    yield from _test(start)


def _inputs(start: Start, implied: tuple[str, ...]) -> Iterator[str]:
    declared = inputs_of(start)
    left = [name for name in implied if name not in declared]
    if left:
        yield from comment(f"Supplied outside this file, because the type asks for it: {', '.join(left)}. A secret never stands here.")
    if declared:
        yield "inputs:"
        yield from (f"  {name}: {flow_map(**said)}" for name, said in declared.items())


def _servers(start: Start) -> Iterator[str]:
    if start.servers:
        yield "servers:"
        yield from (f"  - {scalar(server)}" for server in start.servers)
        return
    yield from comment("Who may get the credential, and nobody else. Until it is written, only the token is tested.")
    yield from ("# servers:", "#   - https://api.example.com")


def _auth(start: Start) -> Iterator[str]:
    taught = auth_comments(start)
    yield "auth:"
    yield f"  type: {start.type}"
    if start.grant:
        yield from taught["grant_type"]
        yield f"  grant_type: {scalar(start.grant)}"
    for name in ENDPOINTS:
        if name in start.urls:
            yield from taught[name]
            yield f"  {name}: {scalar(start.urls[name])}"
    if start.client_auth:
        yield from taught["client_auth"]
        yield f"  client_auth: {scalar(start.client_auth)}"
    if start.registers:
        yield from taught["registration"]
        yield f"  registration: {flow_map(client_name='authweave', token_endpoint_auth_method=start.client_auth)}"
    if start.service:
        yield f"  service: {scalar(start.service)}"
    yield from _scopes(start)
    yield from _key(start)
    yield from taught["end"]


def _scopes(start: Start) -> Iterator[str]:
    if start.type != "oauth2":
        return
    yield from scopes_comment(start)
    if not start.scopes:
        return
    if all(name == "scope" for name, _ in start.scopes):
        yield f"  scopes: {flow(value for _, value in start.scopes)}"
    else:
        yield "  scopes:"
        yield from (f"    - {flow_map(key=name, value=value)}" for name, value in start.scopes)


def _key(start: Start) -> Iterator[str]:
    place, name = start.key_in
    if place and name:
        yield "  fields:"
        yield f"    - {_field(place, name, '{{ inputs.api_key }}')}"


def _fields(start: Start) -> Iterator[str]:
    if start.fields:
        yield "fields:"
        yield from (f"  - {_field(*field)}" for field in start.fields)
        return
    yield from comment("Additions to every task request, in header, query, payload, path or cookie:")
    yield from ("# fields:", "#   - {in: header, key: X-Channel, value: bot}")


def _field(place: str, name: str, value: str) -> str:
    return f"{{in: {place}, key: {scalar(name, in_flow=True)}, value: {scalar(value, in_flow=True)}}}"


def _test(start: Start) -> Iterator[str]:
    if start.test_url:
        yield "test:"
        yield f"  request: {{url: {scalar(start.test_url, in_flow=True)}}}"
        return
    yield from comment("How authweave test sees whether the credential is accepted: a request that needs it, and changes nothing.")
    yield from ("# test:", "#   request: {url: /v1/me}")
