"""What people type, as parts of a new profile. Everything raises UsageError with what would be right."""

from __future__ import annotations

import re
from typing import Final

from authweave.errors import UsageError
from authweave.starting.start import NewField

PLACES: Final = ("header", "query", "payload", "path", "cookie")
_SECRET_WORDS: Final = re.compile(r"(?:^|_)(?:api_?key|key|secret|token|password|passwd|pwd|pin|credential)(?:_|$)", re.IGNORECASE)


def scope_pair(text: str) -> tuple[str, str]:
    """`audience=crm` as key and value; a word without `=` is a value of `scope`. A URL is a value, whatever stands in it."""
    name, is_pair, value = text.strip().partition("=")
    if not is_pair or "/" in name or ":" in name:
        name, value = "scope", text.strip()
    if not name.strip() or not value.strip():
        raise UsageError("a scope is key=value, such as scope=read or audience=crm, or a value alone, such as read")
    return name.strip(), value.strip()


def new_field(text: str) -> NewField:
    """`header:X-Channel=bot` as place, key and value."""
    place, has_place, rest = text.strip().partition(":")
    name, has_value, value = rest.partition("=")
    places = ", ".join(PLACES)
    if not has_place or not has_value or not name.strip():
        raise UsageError(f"a field is place:key=value, such as header:X-Channel=bot; places are {places}")
    if place.strip().lower() not in PLACES:
        raise UsageError(f"a field goes into one of {places}, and not into {place.strip()[:40]}")
    return NewField(place.strip().lower(), name.strip(), value.strip())


def key_place(text: str) -> tuple[str, str]:
    """`header:X-API-Key` as place and name of an API key."""
    place, has_place, name = text.strip().partition(":")
    if not has_place or place.strip().lower() not in PLACES or not name.strip():
        raise UsageError("the place of an API key is place:name, such as header:X-API-Key or query:api_key")
    return place.strip().lower(), name.strip()


def looks_secret(name: str) -> bool:
    """Does an input of this name probably hold a secret?"""
    return bool(_SECRET_WORDS.search(name))
