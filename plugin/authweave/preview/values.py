"""A preview, as data: what would be sent, where each part comes from, and what is missing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from authweave.report import Recipe


@dataclass(frozen=True, slots=True)
class PreviewedInput:
    """An input: where its value comes from, or (not `supplied`) why there is none and where it is looked for."""

    name: str
    secret: bool
    supplied: bool
    origin: str


@dataclass(frozen=True, slots=True)
class PreviewedPart:
    """A part of a request: `origin` is the key of the profile that puts it there, which stands at `file_line`."""

    place: str
    key: str
    value: str
    origin: str
    file_line: str


@dataclass(frozen=True, slots=True)
class PreviewedRequest:
    """One request as it would be sent, or (`error`) why it cannot be made. `purpose`: before, token, after or task.

    `step` is the name of a step before or after the token request.

    `body` is its text; where that cannot be shown it is '' and `note` says why. `signs` is the string to sign, on one line.
    `recipe` is how it is made by who has its secrets.
    """

    purpose: str
    method: str = ""
    url: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    note: str = ""
    parts: tuple[PreviewedPart, ...] = ()
    error: str = ""
    step: str = ""
    signs: str = ""
    recipe: Recipe | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """Nothing in it is secret, and nothing was sent to make it."""

    profile: str
    variant: str
    requests: tuple[PreviewedRequest, ...]
    inputs: tuple[PreviewedInput, ...]

    def as_dict(self) -> dict[str, Any]:
        """As plain data, for `--format json`."""
        return asdict(self)
