"""What has to arrive: the fields of a profile as a server sees them, and whether a request has them.

The values come from the profile's templates. Where they are looked for, and how they are decoded, is this file's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote
from xml.etree import ElementTree

from authweave.errors import AuthweaveError
from authweave.profile import Field, Profile
from authweave.sandbox.arrived import Arrived
from authweave.templates import Data, Template
from authweave.templates.expressions import Expression

ANYTHING: Final = object()
"""Stands for a value that nobody can know beforehand: a time, a random number."""

_UNFORESEEN: Final = frozenset({"now", "uuid", "random"})
_HOLE: Final = re.compile(r"\\\{([A-Za-z_][A-Za-z0-9_.-]*)\\\}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A field that has to arrive under `key` in `place`. `origin` is the key of the profile that says so.

    `optional`: it may also not be there, as a path field is where the host's URL has no place for it.
    """

    place: str
    key: str
    value: Any
    origin: str
    optional: bool = False

    @property
    def words(self) -> str:
        """`header X-Org`."""
        return f"{'payload field' if self.place == 'payload' else self.place} {self.key}"

    def found(self, arrived: Arrived, servers: Iterable[str] = ()) -> list[Any]:
        """What arrived there; empty for nothing. `servers` are the profile's, whose paths may hold `{key}`."""
        if self.place == "header":
            return list(arrived.header_lines(self.key))
        if self.place == "query":
            return [value for name, value in arrived.query if name == self.key]
        if self.place == "cookie":
            return [value for name, value in arrived.cookies if name == self.key]
        if self.place == "path":
            return _in_path(self.key, self.value, arrived, servers)
        return _in_body(self.key, arrived)

    def is_met(self, arrived: Arrived, servers: Iterable[str] = ()) -> bool:
        """Did it arrive, there and nowhere twice?"""
        found = self.found(arrived, servers)
        if self.optional and not found:
            return True
        if self.value is ANYTHING:
            return any(value not in ("", None) for value in found)
        if isinstance(self.value, re.Pattern):
            return len(found) == 1 and self.value.fullmatch(_text(found[0])) is not None
        if self.place == "header" and self.key.lower() == "authorization":
            return len(found) == 1 and _same_credentials(found[0], _text(self.value))
        if self.place == "payload" and len(found) == 1 and (arrived.media_type.endswith("json")):
            return bool(_canonical(found[0]) == _canonical(self.value))
        wanted = self.value if isinstance(self.value, list | tuple) else [self.value]
        return [_text(value) for value in found] == [_text(value) for value in wanted]


def wanted_fields(fields: Iterable[Field], scope: Mapping[str, Any], profile: Profile) -> list[Wanted]:
    """The fields that apply: of those with one place and key the first whose `when` is true, optional ones if filled.

    A field that keeps what the host wrote may have any value.
    """
    wanted: dict[tuple[str, str], Wanted | None] = {}
    for field in fields:
        place = field.placement.name
        slot = (place, field.key.lower() if place == "header" else field.key)
        if slot in wanted or (field.when is not None and not field.when.is_true(scope)):
            continue
        wanted[slot] = _wanted(field, scope, profile)
    return [item for item in wanted.values() if item is not None]


def _wanted(field: Field, scope: Mapping[str, Any], profile: Profile) -> Wanted | None:
    unforeseen = is_unforeseen(field.value, profile)
    value = _frame(field.value, scope, profile) if unforeseen else _value(field.value, scope)
    if field.optional and value in (None, "", [], {}):
        return None
    if field.on_conflict != "replace":
        value = ANYTHING
    place = field.placement.name
    return Wanted(place, field.key, value, field.origin, optional=field.optional and place == "path")


def _value(value: Any, scope: Mapping[str, Any]) -> Any:
    """The value, or null where something it needs is not there."""
    if not isinstance(value, Template | Data):
        return value
    try:
        return value.value(scope)
    except AuthweaveError:
        return None


def _frame(value: Any, scope: Mapping[str, Any], profile: Profile) -> Any:
    """What is known of a text that changes by itself: everything around the parts that do."""
    template = value.content if isinstance(value, Data) else value
    if not isinstance(template, Template) or template.whole:
        return ANYTHING
    pieces = []
    for part in template.parts:
        if not isinstance(part, str) and is_unforeseen(part, profile):
            pieces.append("(?s:.+)")
        else:
            pieces.append(re.escape(part if isinstance(part, str) else _text(part.run(scope))))
    return re.compile("".join(pieces))


def is_unforeseen(value: Any, profile: Profile) -> bool:
    """Does the value change by itself: is a time, a random number or an identifier made in it, or in what it reads? Or is it signed?"""
    waiting: list[Any] = [value]
    seen: set[str] = set()
    while waiting:
        part = waiting.pop()
        if not isinstance(part, Template | Data | Expression):
            continue
        if part.functions & _UNFORESEEN or any(read[0] in ("assertion", "signature") for read in part.reads):
            return True
        names = {read[1] for read in part.reads if read[0] == "vars" and len(read) > 1} - seen
        seen |= names
        waiting += [profile.vars[name] for name in names if name in profile.vars]
    return False


def _in_path(key: str, value: Any, arrived: Arrived, servers: Iterable[str]) -> list[Any]:
    """Where a server's path has `{key}`: what stands there. Else: the segment that the value is, or is part of."""
    for server in servers:
        host, _, path = server.partition("://")[2].partition("/")
        if host.partition(":")[0].lower() != arrived.host and not host.startswith("*."):
            continue
        template = re.escape(f"/{path.rstrip('/')}")
        holes = _HOLE.findall(template)
        if key in holes and (met := re.match(_HOLE.sub(lambda hole: "([^/]+)", template) + r"(?:/|$)", arrived.path)):
            return [unquote(met[holes.index(key) + 1])]
        if key in holes:
            return []
    text = _text(value)
    return [value] if value is not ANYTHING and text and any(text in segment for segment in arrived.segments) else []


def _in_body(key: str, arrived: Arrived) -> list[Any]:
    for pairs in (arrived.form, arrived.parts):
        if pairs is not None:
            return [value for name, value in pairs if name == key]
    if arrived.xml is not None:
        return list(_elements(key, arrived.xml))
    return _at_pointer(key, arrived.json)


def _at_pointer(key: str, data: Any) -> list[Any]:
    steps = key.split("/")[1:] if key.startswith("/") else [key]
    for step in steps:
        name = step.replace("~1", "/").replace("~0", "~") if key.startswith("/") else step
        if isinstance(data, dict) and name in data:
            data = data[name]
        elif isinstance(data, list) and name.isdecimal() and int(name) < len(data):
            data = data[int(name)]
        elif isinstance(data, list) and name == "-" and data:
            data = data[-1]
        else:
            return []
    return [data]


def _elements(key: str, root: ElementTree.Element) -> Iterator[str]:
    steps = key.split("/")[1:] if key.startswith("/") else [_local(root.tag), key]
    if steps[0] != _local(root.tag):
        return
    nodes = [root]
    for step in steps[1:]:
        nodes = [child for node in nodes for child in node if _local(child.tag) == step]
    yield from ((node.text or "") for node in nodes)


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _canonical(value: Any) -> Any:
    """JSON in a form in which 1 is not true, and 2 is 2.0."""
    if isinstance(value, dict):
        return {name: _canonical(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(part) for part in value]
    return (type(value) is bool, value)


def _same_credentials(found: str, wanted: str) -> bool:
    """The scheme in any case, the rest to the letter (RFC 9110 §11.1)."""
    scheme, _, rest = found.strip().partition(" ")
    other, _, right = wanted.strip().partition(" ")
    return scheme.lower() == other.lower() and rest.strip() == right
