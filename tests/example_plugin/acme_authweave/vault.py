"""A source of inputs: a JSON file that Acme's vault leaves behind, `{"acme-desk": {"badge": "…"}}`.

Its place is in the variable ACME_VAULT; an operator names it in `sources`: AUTHWEAVE_SOURCES=environment,acme_vault.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from authweave.errors import InputError
from authweave.hookspecs import Register, hookimpl
from authweave.values import Secret

if TYPE_CHECKING:
    from authweave.profile import Input
    from authweave.settings import Settings

authweave_contract = 1
VARIABLE: Final = "ACME_VAULT"


class Vault:
    """The file is read anew each time, and asked again after a minute: who changes a secret restarts nothing."""

    name: ClassVar[str] = "acme_vault"
    max_age: ClassVar[float] = 60.0

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """The source, where the variable is set. The environment is the one that the settings were read from."""
        named = settings.environment.get(VARIABLE)
        return cls(Path(named)) if named else None

    def get(self, profile: str, asked: Input, tenant: str) -> Secret | None:
        """The value: for a tenant under `<profile>@<tenant>`. An error names the file, and nothing that is in it."""
        found = self._read(asked.name).get(f"{profile}@{tenant}" if tenant else profile)
        value = found.get(asked.name) if isinstance(found, dict) else None
        return None if value is None else Secret(value, f"vault file {self._path}")

    def describe(self, profile: str, asked: Input, tenant: str) -> str:
        """Where one would put it."""
        return f"vault file {self._path}, {json.dumps(f'{profile}@{tenant}' if tenant else profile)}, {json.dumps(asked.name)}"

    def _read(self, name: str) -> dict[str, Any]:
        wrong = "is no map in JSON"
        try:
            data = json.loads(self._path.read_text(encoding="utf-8"))
            if isinstance(data, dict):
                return data
        except OSError as error:
            wrong = f"cannot be read: {error.strerror}"
        except ValueError:  # not `from`: what the decoder says may quote the file
            pass
        raise InputError(name, f"{name}: the vault file {self._path} {wrong}")


@hookimpl
def register_sources(register: Register) -> None:
    """Add the source."""
    register(Vault)
