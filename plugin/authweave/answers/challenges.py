"""What a `WWW-Authenticate` or `Proxy-Authenticate` field asks for: RFC 9110 §11.

The grammar is kept (a quoted comma splits nothing, empty list elements are skipped, blanks around `=` are allowed);
what does not fit it, as a control character in quotes, is no challenge. Never raises, and reads in linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_CONTROLS = r"\x00-\x08\x0a-\x1f\x7f"
_QUOTED = rf'"((?:[^"\\{_CONTROLS}]|\\[^{_CONTROLS}])*)"'
_BLANKS = r"[ \t]*"
_SEPARATORS = re.compile(r"[ \t,]*")
_SCHEME = re.compile(rf"({_TOKEN})(?=[ \t,]|\Z)")
_PARAMETER = re.compile(rf"({_TOKEN}){_BLANKS}={_BLANKS}(?:({_TOKEN})|{_QUOTED}){_BLANKS}(?=,|\Z)", re.DOTALL)
_TOKEN68 = re.compile(rf"([A-Za-z0-9\-._~+/]+=*){_BLANKS}(?=,|\Z)")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way the server would accept: scheme and parameter names in lower case, values as written."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    token68: str | None = None


def challenges(lines: Iterable[str]) -> tuple[Challenge, ...]:
    """Every challenge of these field lines, in order; empty when there is none or nothing can be read.

    Repeated lines combine in order (RFC 9110 §5.3). When the whole is not readable, the lines that are
    readable by themselves still count: one broken line does not hide another server's sound one.
    """
    written = list(lines)
    whole = _parsed(",".join(written))
    if whole is not None:
        return whole
    return tuple(challenge for line in written for challenge in _parsed(line) or ())


def _parsed(text: str) -> tuple[Challenge, ...] | None:
    found: list[tuple[str, dict[str, str], list[str]]] = []
    place = _skipped(text, 0)
    while place < len(text):
        if parameter := _PARAMETER.match(text, place):
            if not found or found[-1][2]:
                return None  # a parameter without a scheme, or after a token68
            found[-1][1].setdefault(parameter[1].lower(), _value(parameter))
            place = _skipped(text, parameter.end())
        elif scheme := _SCHEME.match(text, place):
            credentials: list[str] = []
            found.append((scheme[1].lower(), {}, credentials))
            place = _after_scheme(text, scheme.end(), credentials)
        else:
            return None
        if place < 0:
            return None
    return tuple(Challenge(name, parameters, next(iter(given), None)) for name, parameters, given in found) or None


def _after_scheme(text: str, end: int, credentials: list[str]) -> int:
    """The place after a scheme and its token68 (put into `credentials`), if one follows; -1 if something else does."""
    start = _blanks_end(text, end)
    if text[start : start + 1] in ("", ","):
        return _skipped(text, start)
    if _PARAMETER.match(text, start):
        return start
    token68 = _TOKEN68.match(text, start)
    if token68 is None:
        return -1
    credentials.append(token68[1])
    return _skipped(text, token68.end())


def _blanks_end(text: str, place: int) -> int:
    while place < len(text) and text[place] in " \t":
        place += 1
    return place


def _skipped(text: str, place: int) -> int:
    separators = _SEPARATORS.match(text, place)
    return separators.end() if separators else place


def _value(parameter: re.Match[str]) -> str:
    return parameter[2] if parameter[2] is not None else _ESCAPED.sub(r"\1", parameter[3])
