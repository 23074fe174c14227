"""Environment variables: `AUTHWEAVE_<PROFILE>_<INPUT>`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar, Self

from authweave.contracts import everything
from authweave.errors import InputError
from authweave.hookspecs import Register, hookimpl
from authweave.settings import VARIABLES, Settings
from authweave.settings.variable_names import limits, variables
from authweave.values import Secret

if TYPE_CHECKING:
    from authweave.profile import Input


class EnvironmentSource:
    """Reads the environment of the process each time it is asked. A variable that is set to nothing holds no value.

    Two inputs can come to one variable (`a-b` with `c`, `a` with `b_c`); `describe` tells once both were read.
    """

    name: ClassVar[str] = "environment"
    limited_by: ClassVar[str] = "environment"
    max_age: float | None = None

    def __init__(self, environ: Mapping[str, str] | None = None, allows: Callable[[str], bool] = everything) -> None:
        self._environ = os.environ if environ is None else environ
        self._allows = allows
        self._read: dict[str, tuple[str, str, str]] = {}

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The source for the environment that the settings were read from."""
        return cls(settings.environment)

    def get(self, profile: str, asked: Input, tenant: str) -> Secret | None:
        """The value of the tenant's variable, else of the general one. Raises InputError if it is not UTF-8."""
        for variable in self.names(profile, asked, tenant):
            if value := self._environ.get(variable):
                self._read.setdefault(variable, (profile, asked.name, tenant if "__" in variable else ""))
                return Secret(_sound(value, variable, asked), f"environment variable {variable}")
        return None

    def describe(self, profile: str, asked: Input, tenant: str) -> str:
        """The variables, and what is odd about them."""
        names = self.names(profile, asked, tenant)
        shown = " or ".join(variable + self._note(variable, profile, asked) for variable in names) or "(none)"
        return f"environment variable {shown}{limits(profile, asked.name, tenant, VARIABLES)}"

    def names(self, profile: str, asked: Input, tenant: str) -> tuple[str, ...]:
        """The variables."""
        return tuple(filter(self._allows, variables(profile, asked.name, tenant, VARIABLES)))

    def only(self, allows: Callable[[str], bool]) -> Self:
        """The same source for these variables only."""
        return type(self)(self._environ, allows)

    def _note(self, variable: str, profile: str, asked: Input) -> str:
        other = self._read.get(variable)
        if other and other[:2] != (profile, asked.name):
            return f" (also read for input {other[1]} of {other[0]})"
        return " (set, but empty)" if self._environ.get(variable) == "" else ""


def _sound(value: str, variable: str, asked: Input) -> str:
    """The value, if it was UTF-8; Python reads other bytes as lone surrogates."""
    for at, character in enumerate(value):
        if "\ud800" <= character <= "\udfff":
            offset = len(value[:at].encode())
            raise InputError(asked.name, f"{asked.name}: environment variable {variable} is not UTF-8 at byte {offset}")
    return value


@hookimpl
def register_sources(register: Register) -> None:
    """Add this source."""
    register(EnvironmentSource)
