"""A vendor's own word for what is wrong: how it is recognised, what it means, and what to write."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TOKEN, API = "token", "api"


@dataclass(frozen=True, slots=True)
class Sample:
    """An answer as the vendor documents it. `body` is JSON."""

    status: int
    body: Any
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def content(self) -> bytes:
        """The body as bytes."""
        return json.dumps(self.body).encode()


@dataclass(frozen=True, slots=True)
class Code:
    """One word of a vendor.

    `name` is stable, `row` the diagnosis that it ends in. Every one of `patterns` must be found among the words of the answer,
    one a line: `error=invalid_auth`. `means` ends a sentence, `say` is what to write under `key`. `at` says whose answer it is.
    """

    name: str
    vendor: str
    row: str
    patterns: tuple[str, ...]
    means: str
    key: str
    say: str
    sample: Sample
    at: str = TOKEN
    _compiled: tuple[re.Pattern[str], ...] = field(default=(), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_compiled", tuple(re.compile(pattern, re.IGNORECASE | re.MULTILINE) for pattern in self.patterns))

    def is_in(self, lines: str) -> bool:
        """Is this what the answer says?"""
        return all(pattern.search(lines) for pattern in self._compiled)


def refusal(error: str, description: str, status: int = 400, **more: Any) -> Sample:
    """An error of RFC 6749 §5.2."""
    return Sample(status, {"error": error, "error_description": description, **more})


def said(**members: str) -> tuple[str, ...]:
    """Patterns for members that say exactly this."""
    return tuple(rf"^{name}={re.escape(value)}$" for name, value in members.items())


def phrase(words: str, **members: str) -> tuple[str, ...]:
    """Patterns for words anywhere in a line, and for members that say exactly this."""
    return (re.escape(words), *said(**members))


def table(*codes: Code) -> Mapping[str, Code]:
    """Codes by their names."""
    return {code.name: code for code in codes}
