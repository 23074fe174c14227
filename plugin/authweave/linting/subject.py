"""What is compared: one variant of a profile, its values as far as they are no secrets, and where each part stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from authweave.applying.scopes import make_scope
from authweave.call import scope_parameters
from authweave.checking.document import Checked
from authweave.errors import AuthweaveError, InputError, UsageError
from authweave.linting.finding import Finding
from authweave.profile import Profile, TokenSettings, Variant
from authweave.values import Path, path_of


class OpenInputs(Mapping[str, Any]):
    """Inputs without the secret ones: reading one of those is an error, so that none gets into a URL that is asked."""

    def __init__(self, profile: Profile, values: Mapping[str, Any]) -> None:
        self._profile = profile
        self._values = values

    def __getitem__(self, name: str) -> Any:
        if self._profile.inputs[name].secret:
            raise InputError(name, f"the input {name} is a secret, and secrets are not used for this")
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._profile.inputs)

    def __len__(self) -> int:
        return len(self._profile.inputs)


@dataclass(frozen=True, slots=True)
class Subject:
    """One way to get a token, of one profile. `path` is where it stands."""

    checked: Checked
    settings: TokenSettings
    scope: Mapping[str, Any]
    path: Path

    @classmethod
    def of(cls, checked: Checked, profile: Profile, variant: Variant, values: Mapping[str, Any], now: float) -> Subject:
        """A variant that gets tokens. Raises UsageError for one that does not."""
        if variant.tokens is None:
            raise UsageError(f"{profile.name}: {variant.origin} gets no token")
        return cls(checked, variant.tokens, make_scope(profile, OpenInputs(profile, values), now), path_of(variant.origin))

    def text(self, template: Any) -> str:
        """What a template comes to. Raises InputError, TemplateError, UrlRefused."""
        return str(template.render(self.scope))

    def is_written(self, key: str) -> bool:
        """Does the profile, or a parent of it, write this key of `auth`?"""
        return self.checked.merged.is_written((*self.path, key))

    def scopes(self) -> Iterator[tuple[str, Path]]:
        """Each scope that is asked for, with its place."""
        try:
            wanted = scope_parameters(self.settings, self.scope).get("scope", "").split()
        except AuthweaveError:
            return
        places = dict(self._places())
        yield from ((scope, places.get(scope, (*self.path, "scopes"))) for scope in dict.fromkeys(wanted))

    def finding(
        self, rule: str, key: str | Path, message: str, fix: str, severity: str, *, metadata_url: str = "", member: str = "", says: tuple[str, ...] = (),
    ) -> Finding:  # fmt: skip
        """A finding at a key of `auth`, or at a whole path."""
        path = (*self.path, key) if isinstance(key, str) else key
        problem = self.checked.problem(f"online.{rule}", path, message, fix, severity=severity)
        return Finding(problem.rule, problem.source, problem.mark, problem.key, message, fix, severity, metadata_url, member, says)

    def _places(self) -> Iterator[tuple[str, Path]]:
        """The scopes that stand there word for word."""
        auth: Any = self.checked.data
        for part in self.path:
            auth = auth[part]
        written = auth.get("scopes")
        for number, item in enumerate(written if isinstance(written, list) else ()):
            at = (*self.path, "scopes", number)
            text = item.get("value") if isinstance(item, dict) else item
            yield from ((word, (*at, "value") if isinstance(item, dict) else at) for word in str(text).split())
