"""A dotenv file: lines such as `AUTHWEAVE_<PROFILE>_<INPUT>=value`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from authweave.contracts import everything
from authweave.errors import InputError
from authweave.hookspecs import Register, hookimpl
from authweave.settings import VARIABLES, Settings
from authweave.settings.variable_names import limits, variables
from authweave.sources.dotenv_text import NotDotenv, parse
from authweave.sources.secret_files import read_value
from authweave.values import Secret

if TYPE_CHECKING:
    from authweave.profile import Input


@dataclass(frozen=True, slots=True)
class DotenvSource:
    """The file that the operator names, read strictly (see `dotenv_text`); none is looked for by itself."""

    name: ClassVar[str] = "dotenv"
    limited_by: ClassVar[str] = "environment"
    path: Path
    max_age: float | None = 60.0
    allows: Callable[[str], bool] = everything

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """The source for `dotenv`, if that is set."""
        return cls(settings.dotenv) if settings.dotenv else None

    def get(self, profile: str, asked: Input, tenant: str) -> Secret | None:
        """The value of the tenant's variable, else of the general one. Raises InputError naming file and line."""
        names = self.names(profile, asked, tenant)
        found = self._variables(asked) if names else {}
        for variable in names:
            if value := found.get(variable):
                return Secret(value, f"{variable} in {self.path}")
        return None

    def describe(self, profile: str, asked: Input, tenant: str) -> str:
        """The variables and the file."""
        names = " or ".join(self.names(profile, asked, tenant)) or "(none)"
        return f"{names} in {self.path}{limits(profile, asked.name, tenant, VARIABLES)}"

    def names(self, profile: str, asked: Input, tenant: str) -> tuple[str, ...]:
        """The variables."""
        return tuple(filter(self.allows, variables(profile, asked.name, tenant, VARIABLES)))

    def only(self, allows: Callable[[str], bool]) -> Self:
        """The same source for these variables only: without any for an input the file is not even opened."""
        return replace(self, allows=allows)

    def _variables(self, asked: Input) -> dict[str, str]:
        text = read_value(self.path, asked.name)
        if not isinstance(text, str):
            raise InputError(asked.name, f"{asked.name}: the file of dotenv, {self.path}, is not there")
        try:
            return parse(text)
        except NotDotenv as refused:
            wrong = f"{self.path}:{refused.line} {refused}"
        raise InputError(asked.name, f"{asked.name}: {wrong}")


@hookimpl
def register_sources(register: Register) -> None:
    """Add this source."""
    register(DotenvSource)
