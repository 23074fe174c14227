"""Media types with their parameters: RFC 9110 §8.3.1. Content-Disposition writes its parameters the same way."""

from __future__ import annotations

import re
from typing import Final

_WORD: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_TYPE: Final = re.compile(rf"\s*({_WORD}/{_WORD})\s*(?=;|\Z)")
_PARAMETER: Final = re.compile(rf';\s*(?:({_WORD})=(?:"((?:[^"\\]|\\.)*)"|([^\s;"\\]+))\s*)?(?=;|\Z)', re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


def media_type(text: str) -> tuple[str, dict[str, str]]:
    """The type and the names of its parameters in lower case; ('', {}) if it is none or a parameter is there twice."""
    found = _TYPE.match(text)
    if found is None:
        return "", {}
    written = parameters(text[found.end() :])
    if written is None:
        return "", {}
    return found[1].lower(), {name: unescaped(value) for name, value in written.items()}


def parameters(text: str) -> dict[str, str] | None:
    """`; name="value"; …`: names in lower case, values as written between the quotes; None if it is not that."""
    found: dict[str, str] = {}
    place = 0
    while place < len(text):
        parameter = _PARAMETER.match(text, place)
        if parameter is None or (parameter[1] or "").lower() in found:
            return None
        if parameter[1]:
            found[parameter[1].lower()] = parameter[2] if parameter[2] is not None else parameter[3]
        place = parameter.end()
    return found


def unescaped(text: str) -> str:
    """What a quoted-string says: RFC 9110 §5.6.4."""
    return _ESCAPED.sub(r"\1", text)
