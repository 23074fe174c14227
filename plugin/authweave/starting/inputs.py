"""The inputs that a new profile declares: whatever its values read, with what can be said of each from where it is read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from authweave.starting.start import Start

_READ: Final = re.compile(r"\binputs\s*\.\s*([A-Za-z_][A-Za-z0-9_]*)")
_HOLE: Final = r"\{\{\s*inputs\s*\.\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}"
_WHOLE_URL: Final = re.compile(rf"^{_HOLE}")
_WHOLE_HOST: Final = re.compile(rf"^https?://{_HOLE}(?=[:/?]|$)")
_IN_HOST: Final = re.compile(r"^https?://([^/?]*)")
_SINGLE_BRACES: Final = re.compile(r"(?<!\{)\{([A-Za-z_][A-Za-z0-9_]*)\}(?!\})")
LABEL: Final = "[a-z0-9-]{1,63}"
"""What one label of a host name is made of."""


def inputs_of(start: Start) -> dict[str, dict[str, Any]]:
    """The inputs to declare, by name: those that are read, and an implied one that gets a default."""
    hosts = {name for url in _urls(start) if (found := _IN_HOST.match(url)) for name in _READ.findall(found[1])}
    whole = {found[1]: form for url in _urls(start) for pattern, form in ((_WHOLE_URL, "url"), (_WHOLE_HOST, "hostname")) if (found := pattern.match(url))}
    names = dict.fromkeys(name for text in _texts(start) for name in _READ.findall(text))
    declared: dict[str, dict[str, Any]] = {}
    for name in names:
        declared[name] = {"title": titled(name)}
        if name in whole:
            declared[name]["format"] = whole[name]
        elif name in hosts:
            declared[name] |= {"description": "The part of the URLs that names your organization.", "pattern": LABEL}
        if name in start.secrets:
            declared[name]["secret"] = True
    if start.client_id:
        declared["client_id"] = {"title": "Client ID", "default": start.client_id}
    return declared


def with_braces(url: str, path_keys: frozenset[str] = frozenset()) -> str:
    """A URL with `{tenant}`, as other platforms write it, in the words of profiles; a `{key}` that a path field fills stays."""
    return _SINGLE_BRACES.sub(lambda found: found[0] if found[1] in path_keys else f"{{{{ inputs.{found[1]} }}}}", url)


def tidied(urls: Mapping[str, str]) -> dict[str, str]:
    """Endpoints in the words of profiles, without those that are not written."""
    return {name: with_braces(url.strip()) for name, url in urls.items() if url and url.strip()}


def titled(name: str) -> str:
    """A name as people read it: `gateway_key` is `Gateway key`."""
    return name.replace("_", " ").strip().capitalize() or name


def _urls(start: Start) -> Iterator[str]:
    yield from start.servers
    yield from start.urls.values()
    yield start.test_url


def _texts(start: Start) -> Iterator[str]:
    yield from _urls(start)
    yield from (value for _, value in start.scopes)
    yield from (field.value for field in start.fields)
    yield start.service
