"""What a class must have to be an extension of its kind, looked at when it is registered: before anybody relies on it."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from inspect import iscoroutinefunction, isfunction
from typing import Any, Final, Protocol

from authweave import contracts
from authweave.errors import ExtensionError, PatternError
from authweave.foreign import WORDS
from authweave.patterns import searching

KINDS: Final[Mapping[str, Any]] = {
    "schemes": contracts.Scheme,
    "grants": contracts.Grant,
    "client_auth": contracts.ClientAuth,
    "seals": contracts.Seal,
    "placements": contracts.Placement,
    "sources": contracts.ConfiguredSource,
    "stores": contracts.Store,
    "observers": contracts.Observer,
    "reports": contracts.ReportFormat,
    "rules": contracts.Rule,
}
"""Every kind of extension, with its contract."""

_WORD: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")
_URI: Final = re.compile(r"(urn:[A-Za-z0-9-]{2,32}:|https?://)[!-~]+")
_URL_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*")


def check_promises(kind: str, extension: Any) -> None:
    """Raises ExtensionError for what is no class, has no fit name, lacks a member, or has one of another form."""
    if not isinstance(extension, type):
        raise ExtensionError(f"register was given {type(extension).__name__} as {WORDS[kind]}; it takes a class")
    here = f"{extension.__module__}.{extension.__qualname__}"
    name = getattr(extension, "name", None)
    if not isinstance(name, str) or not name:
        raise ExtensionError(f"{here} has no `name`; every extension is found by its name")
    if not is_name(kind, name):
        or_uri = ", or a URI (RFC 6749 §4.5)" if kind == "grants" else ""
        raise ExtensionError(f"{here}: {name!r} is no name; write lower-case letters, digits and _, with a dot after a vendor's name (acme.hmac){or_uri}")
    if missing := sorted(promised(KINDS[kind]) - set(dir(extension)) - _declared(extension)):
        raise ExtensionError(f"{here} ({WORDS[kind]} {name!r}) lacks {', '.join(missing)}; see contracts.{KINDS[kind].__name__}")
    if wrong := list(_misshapen(KINDS[kind], extension)):
        raise ExtensionError(f"{here} ({WORDS[kind]} {name!r}): {'; '.join(wrong)}; see contracts.{KINDS[kind].__name__}")


def is_name(kind: str, name: str) -> bool:
    """Can an extension of this kind be called so?"""
    return bool(_WORD.fullmatch(name) or (kind == "grants" and _URI.fullmatch(name)))


@functools.cache
def promised(protocol: type) -> frozenset[str]:
    """The names of every member that a contract asks for."""
    return frozenset(_members(protocol))


def _members(protocol: type) -> dict[str, Any]:
    bases = [base for base in protocol.__mro__ if getattr(base, "_is_protocol", False) and base is not Protocol]
    return {name: vars(base).get(name) for base in bases for name in (*vars(base), *getattr(base, "__annotations__", ())) if not name.startswith("_")}


def _declared(extension: type) -> set[str]:
    """Members that every object of the class will have, and the class has not: the fields of a dataclass."""
    return set(getattr(extension, "__dataclass_fields__", ()))


def _misshapen(protocol: type, extension: type) -> Iterator[str]:
    for name, member in _members(protocol).items():
        found = getattr(extension, name, None)
        if isfunction(member) or isinstance(member, classmethod):
            if not callable(found):
                yield f"{name} is {type(found).__name__}, and has to be a method"
            elif iscoroutinefunction(found):
                yield f"{name} is async; extensions are called in threads, so it has to be a plain method"
        elif name in _FORMS and not _FORMS[name][1](found):
            yield f"{name} has to be {_FORMS[name][0]}"


def _texts(value: Any) -> bool:
    return isinstance(value, tuple | list | Set) and all(isinstance(one, str) and one for one in value)


_REFUSED_KEYWORDS: Final = frozenset({
    "$ref", "$dynamicRef", "$recursiveRef", "$id", "$schema", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$vocabulary", "unevaluatedProperties",
    "unevaluatedItems",
})  # fmt: skip
"""What would look elsewhere (a fragment becomes a part of another schema), or runs patterns by itself."""
_OF_DATA: Final = frozenset({"default", "examples", "const", "enum", "x-anti-examples", "required"})
_OF_NAMES: Final = frozenset({"properties", "patternProperties", "$defs", "dependentSchemas"})
_DEEPEST: Final = 40


def _is_fragment(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type", "object") == "object" and _is_sound(value, 0)


def _is_sound(schema: Any, depth: int) -> bool:
    """Does a schema look nowhere else, and does each pattern of it run in linear time?"""
    if isinstance(schema, list):
        return depth < _DEEPEST and all(_is_sound(part, depth + 1) for part in schema)
    if not isinstance(schema, dict):
        return True
    if depth >= _DEEPEST or not _REFUSED_KEYWORDS.isdisjoint(schema) or not all(map(_is_linear, _patterns_of(schema))):
        return False
    for keyword, value in schema.items():
        if keyword in _OF_NAMES and isinstance(value, Mapping):
            if not all(_is_sound(part, depth + 1) for part in value.values()):
                return False
        elif keyword not in _OF_DATA and not _is_sound(value, depth + 1):
            return False
    return True


def _patterns_of(schema: Mapping[str, Any]) -> Iterator[Any]:
    if "pattern" in schema:
        yield schema["pattern"]
    named = schema.get("patternProperties", {})
    yield from named if isinstance(named, Mapping) else ()


def _is_linear(pattern: Any) -> bool:
    try:
        return isinstance(pattern, str) and searching(pattern) is not None
    except PatternError:
        return False


def _inputs(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(name, str) and isinstance(spec, Mapping) for name, spec in value.items())


_FORMS: Final[Mapping[str, tuple[str, Callable[[Any], bool]]]] = {
    "title": ("a text", lambda value: isinstance(value, str) and bool(value)),
    "schema": (
        "a JSON Schema of an object (a dict) without references ($ref, $id, …) and unevaluated…, whose patterns run in linear time", _is_fragment,
    ),
    "inputs": ("a map of inputs, as a profile writes them", _inputs),
    "fields": ("a list of fields, as a profile writes them", lambda value: isinstance(value, Sequence) and all(isinstance(one, Mapping) for one in value)),
    "gets_token": ("True or False", lambda value: isinstance(value, bool)),
    "attended": ("True or False", lambda value: isinstance(value, bool)),
    "reads_body": ("True or False", lambda value: isinstance(value, bool)),
    "is_shared": ("True or False", lambda value: isinstance(value, bool)),
    "sends": ("a frozenset of keys", lambda value: isinstance(value, Set) and _texts(value)),
    "schemes": (
        "the schemes of its URLs, at least one, in lower case",
        lambda value: isinstance(value, tuple | list) and bool(value) and all(isinstance(one, str) and _URL_SCHEME.fullmatch(one) for one in value),
    ),
}  # fmt: skip
