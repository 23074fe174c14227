"""What an assertion claimed that was sent, and how far the clocks were apart: both decide whether it is believed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from authweave.answers.jwt_parts import jwt_part
from authweave.probe.recorder import Recorded
from authweave.probe.token_checks import SKEW, clock_offset
from authweave.profile import Variant
from authweave.redaction import masked
from authweave.values import Secret

_JWT: Final = re.compile(r"eyJ[\w-]{6,}\.eyJ[\w-]{2,}\.[\w-]+")
_HEADER: Final = ("alg", "kid", "x5t", "x5t#S256")
_CLAIMS: Final = ("iss", "sub", "aud", "scope", "iat", "exp")
_TIMES: Final = frozenset({"iat", "exp"})
_LONGEST: Final = 200


def asserts(variant: Variant | None) -> bool:
    """Does the variant send assertions?"""
    if variant is None:
        return False
    settings = variant.tokens
    return "assertion" in variant.own or (settings is not None and (settings.assertion is not None or settings.client_assertion is not None))


def members_of(secrets: Iterable[tuple[str, Secret]]) -> frozenset[str]:
    """The texts inside secret inputs that are lists or maps: what is made from a secret is a secret."""
    found: set[str] = set()
    waiting: list[Any] = [secret.reveal() for _, secret in secrets]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping | list):
            inner = list(part.values()) if isinstance(part, Mapping) else part
            found |= {text for text in inner if isinstance(text, str)}
            waiting += inner
    return frozenset(found)


def claimed(record: Recorded | None, hidden: frozenset[str] = frozenset()) -> list[str]:
    """A line for each assertion of a request: never its signature, and masks for what is `hidden`."""
    if record is None:
        return []
    texts = [*(value for _, value in record.request.headers), (record.request.body or b"").decode("utf-8", "replace"), record.request.url]
    found = dict.fromkeys(match[0] for text in texts for match in _JWT.finditer(text))
    return [line for text in found if (line := _line(text, hidden))]


def skew_of(record: Recorded | None) -> float | None:
    """Seconds that this machine is ahead of the server, if they are too many; None if not."""
    skew = clock_offset(record.response, record.at) if record is not None else None
    return skew if skew is not None and abs(skew) > SKEW else None


def _line(text: str, hidden: frozenset[str]) -> str:
    header, claims = (jwt_part(part) or {} for part in text.split(".")[:2])
    said = [*_words(header, _HEADER, hidden), *_words(claims, _CLAIMS, hidden)]
    return f"the assertion says {', '.join(said)}" if said else ""


def _words(members: Mapping[str, Any], names: tuple[str, ...], hidden: frozenset[str]) -> Iterator[str]:
    for name in names:
        if name in members:
            is_hidden = isinstance(members[name], str) and members[name] in hidden and name != "aud"  # the audience is a URL that the profile names
            yield f"{name}={masked(members[name], name) if is_hidden else _shown(name, members[name])}"


def _shown(name: str, value: Any) -> str:
    if name in _TIMES and isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e11:
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value)[:_LONGEST]
