"""A dotenv file: lines such as `AUTHWEAVE_<PROFILE>_<INPUT>=value`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

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
    path: Path
    max_age: float | None = 60.0

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """The source for `dotenv`, if that is set."""
        return cls(settings.dotenv) if settings.dotenv else None

    def get(self, profile: str, asked: Input, tenant: str) -> Secret | None:
        """The value of the tenant's variable, else of the general one. Raises InputError naming file and line."""
        found = self._variables(asked)
        for variable in variables(profile, asked.name, tenant, VARIABLES):
            if value := found.get(variable):
                return Secret(value, f"{variable} in {self.path}")
        return None

    def describe(self, profile: str, asked: Input, tenant: str) -> str:
        """The variables and the file."""
        names = " or ".join(variables(profile, asked.name, tenant, VARIABLES)) or "(none)"
        return f"{names} in {self.path}{limits(profile, asked.name, tenant, VARIABLES)}"

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
