"""One thing that a profile could say otherwise: a change of its text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from authweave.editing import edited, removed, renamed
from authweave.editing.styles import YAML
from authweave.errors import EditRefused
from authweave.profile import Profile
from authweave.values import Path, dotted

ORDER: Final = (
    "type", "grant_type", "issuer", "token_url", "refresh_url", "client_auth", "basic_encoding", "client_id", "client_secret", "scopes",
    "scope_separator", "audience", "resource", "token_request", "refresh_request", "token_response", "fields", "rejected_when",
)  # fmt: skip
"""The keys of `auth` in the order in which profiles write them."""


@dataclass(frozen=True, slots=True)
class Put:
    """Write `value` at `path`."""

    path: Path
    value: Any

    def text(self, source: str, *, json: bool) -> str:
        """The changed text. Raises EditRefused."""
        return edited(source, self.path, self.value, json=json, order=ORDER)

    @property
    def shown(self) -> str:
        """The value on one line, as YAML has it."""
        return next(YAML.ways(self.value))


@dataclass(frozen=True, slots=True)
class Rename:
    """Write the key at `path` as `key`."""

    path: Path
    key: str

    def text(self, source: str, *, json: bool) -> str:
        """The changed text. Raises EditRefused."""
        return renamed(source, self.path, self.key, json=json)

    @property
    def shown(self) -> str:
        """What becomes of the key."""
        return f"{self.key} instead"


@dataclass(frozen=True, slots=True)
class Remove:
    """Take the key at `path` out."""

    path: Path

    def text(self, source: str, *, json: bool) -> str:
        """The changed text. Raises EditRefused."""
        return removed(source, self.path, json=json)

    @property
    def shown(self) -> str:
        """What becomes of the key."""
        return "taken out"


Step = Put | Rename | Remove


@dataclass(frozen=True, slots=True)
class Change:
    """A variant to try: one step, or two that belong together. `left_out` says why it is not tried, where it is not.

    `risk` is why it is only tried if somebody says so.
    """

    steps: tuple[Step, ...]
    left_out: str = ""
    risk: str = ""

    @property
    def key(self) -> str:
        """What is changed: `auth.client_auth`."""
        return " + ".join(dotted(step.path) for step in self.steps)

    @property
    def value(self) -> str:
        """What it would say."""
        return " + ".join(step.shown for step in self.steps)

    def text(self, profile: Profile) -> str:
        """The profile's own file with the change in it. Raises EditRefused where the change belongs into a parent."""
        document = profile.merged.document
        text = document.text
        for step in self.steps:
            _refuse_foreign_list(profile, step.path)
            text = step.text(text, json=is_json(document.source))
        return text


def put(path: Path, value: Any) -> Change:
    """The change that writes one value."""
    return Change((Put(path, value),))


def is_json(source: str) -> bool:
    """Is a file of this name read as JSON?"""
    return source.lower().endswith(".json")


def _refuse_foreign_list(profile: Profile, path: Path) -> None:
    """A list is inherited whole: an item of a parent's list can only be changed there."""
    for depth in range(1, len(path)):
        if isinstance(path[depth], int) and profile.merged.is_written(path[:depth]) and not profile.merged.is_own(path[:depth]):
            raise EditRefused(dotted(path), f"it stands in a list of {profile.merged.written_in(path).source}: change it there")


def unique(changes: Sequence[Change]) -> list[Change]:
    """Each change once, where it comes first."""
    first: dict[tuple[str, str], Change] = {}
    for change in changes:
        first.setdefault((change.key, change.value), change)
    return list(first.values())
