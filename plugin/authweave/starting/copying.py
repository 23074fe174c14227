"""A new profile like another: its text with other values at their places, comments and all; or a small child that extends it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from authweave.documents import parse_document
from authweave.editing import edited
from authweave.errors import EditRefused, UsageError
from authweave.starting.page import schema_line
from authweave.starting.start import ENDPOINTS, Start
from authweave.starting.texts import comment, flow, flow_map, scalar
from authweave.values import Path, dotted

ORDER: Final = ("format", "name", "version", "extends", "abstract", "identity_provider", "description", "documentation", "subject", "inputs", "vars", "servers", "auth", "fields", "tls", "test")
FIRST_VERSION: Final = "0.1.0"
_EDITOR: Final = "# yaml-language-server:"


@dataclass(frozen=True, slots=True)
class Change:
    """A value for a key."""

    path: Path
    value: Any


def changes_of(start: Start, data: Mapping[str, Any]) -> tuple[Change, ...]:
    """What the content says other than `data`, the profile that is copied. Raises UsageError where that has several ways."""
    return tuple(_changes(start, data))


def copied(text: str, start: Start, changes: Sequence[Change], *, schema: str, json: bool = False) -> str:
    """The text with its name, a version of its own, and the changes. Raises UsageError where it cannot be made so."""
    data = parse_document(text, "the text", json=json).data
    version = [Change(("version",), FIRST_VERSION)] if isinstance(data, dict) and "version" in data else []
    for change in (Change(("name",), start.name), *version, *changes):
        text = _with(text, change, json=json)
    return text if json else _for_editors(text, schema)


def child(start: Start, parent: str, changes: Sequence[Change], *, schema: str) -> str:
    """A file that extends the parent and says only what differs."""
    said: dict[str, Any] = {}
    for change in changes:
        here = said
        for part in change.path[:-1]:
            here = here.setdefault(str(part), {})
        here[str(change.path[-1])] = change.value
    lines = [
        schema_line(schema), *comment(f"What is not written here is as {parent} says it; authweave show prints all of it. Maps merge, lists replace, null takes away."),
        "format: 1", f"name: {scalar(start.name)}", f"version: {FIRST_VERSION}", f"extends: {scalar(parent)}", *_block(said, ""),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def urls_in(data: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """The URLs that a copy most likely changes: servers and endpoints, each with its path."""
    for number, server in enumerate(data.get("servers") or ()):
        yield ("servers", number), str(server)
    auth = data.get("auth")
    variants = [(("auth", number), one) for number, one in enumerate(auth)] if isinstance(auth, list) else [(("auth",), auth)]
    for path, one in variants:
        yield from (((*path, name), one[name]) for name in ENDPOINTS if isinstance(one, dict) and isinstance(one.get(name), str))


def _changes(start: Start, data: Mapping[str, Any]) -> Iterator[Change]:
    for name in ("identity_provider", "description", "documentation"):
        if getattr(start, name):
            yield Change((name,), getattr(start, name))
    if start.servers:
        yield Change(("servers",), list(start.servers))
    if start.client_id:
        yield Change(("inputs", "client_id", "default"), start.client_id)
    own: dict[str, Any] = {name: start.urls[name] for name in ENDPOINTS if name in start.urls}
    own |= {"client_auth": start.client_auth} if start.client_auth else {}
    own |= {"service": start.service} if start.service else {}
    own |= {"scopes": _scopes(start.scopes)} if start.scopes else {}
    if own and isinstance(data.get("auth"), list):
        raise UsageError(f"{', '.join(own)}: the profile has several ways to authenticate; change them in the file")
    yield from (Change(("auth", name), value) for name, value in own.items())
    if start.fields:
        yield Change(("fields",), [*(data.get("fields") or ()), *({"in": place, "key": key, "value": value} for place, key, value in start.fields)])
    if start.test_url:
        test = data.get("test")
        yield Change(("test", "request", "url"), start.test_url) if isinstance(test, dict) else Change(("test",), {"request": {"url": start.test_url}})


def _scopes(pairs: Iterable[tuple[str, str]]) -> list[Any]:
    listed = list(pairs)
    if all(name == "scope" for name, _ in listed):
        return [value for _, value in listed]
    return [{"key": name, "value": value} for name, value in listed]


def _with(text: str, change: Change, *, json: bool) -> str:
    wrong = ""
    try:
        return edited(text, change.path, change.value, json=json, order=ORDER if len(change.path) == 1 else ())
    except EditRefused as error:
        wrong = str(error)
    raise UsageError(f"{dotted(change.path)} cannot be changed in a copy: {wrong}; copy without it, and change the file")


def _for_editors(text: str, schema: str) -> str:
    """The text whose first line says where the schema lies, seen from its new place."""
    if text.startswith(_EDITOR):
        rest = text.partition("\n")[2]
        return f"{schema_line(schema)}\n{rest}"
    return f"{schema_line(schema)}\n{text}" if not text.startswith("\ufeff") else text


def _block(data: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, value in data.items():
        if isinstance(value, dict):
            yield f"{indent}{name}:"
            yield from _block(value, f"{indent}  ")
        elif isinstance(value, list) and all(isinstance(item, str) for item in value):
            yield f"{indent}{name}: {flow(value)}"
        elif isinstance(value, list):
            yield f"{indent}{name}:"
            yield from (f"{indent}  - {scalar(item) if isinstance(item, str) else flow_map(**item)}" for item in value)
        else:
            yield f"{indent}{name}: {scalar(value)}"
