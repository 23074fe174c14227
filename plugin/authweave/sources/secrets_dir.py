"""A folder of secrets as Docker, Kubernetes and systemd mount them: one file for each input."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, Self

from authweave.errors import InputError
from authweave.hookspecs import Register, hookimpl
from authweave.settings import Settings
from authweave.sources.secret_files import read_value
from authweave.values import Secret

if TYPE_CHECKING:
    from authweave.profile import Input

_UNSOUND: Final = "profile, tenant or input has a name that cannot be part of a file's"
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
_TENANT: Final = re.compile(r"[^./\\\x00-\x1f\x7f\ud800-\udfff][^/\\\x00-\x1f\x7f\ud800-\udfff]{0,99}")


@dataclass(frozen=True, slots=True)
class SecretsDirSource:
    """`<folder>/<profile>.<input>` or `<folder>/<profile>/<input>`; for a tenant, which is looked at first,
    `<profile>.<tenant>.<input>` or `<profile>/<tenant>/<input>`.

    Links are followed as long as they stay in the folder. One line end at the end of a file is taken away.
    """

    name: ClassVar[str] = "secrets_dir"
    folder: Path
    max_age: float | None = 60.0

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """The source for `secrets_dir`, if that is set."""
        return cls(settings.secrets_dir) if settings.secrets_dir else None

    def get(self, profile: str, asked: Input, tenant: str) -> Secret | None:
        """The content of the file. Raises InputError if it cannot be read, or if two files hold it."""
        self._check(asked)
        if not _is_sound(profile, asked, tenant):
            raise InputError(asked.name, f"{asked.name}: {_UNSOUND}")
        for flat, nested in _files(profile, asked, tenant):
            found = {
                path: value
                for path in (self.folder / flat, self.folder / nested)
                if (value := self._read(path, asked)) is not None
            }
            if len(found) > 1:
                raise InputError(asked.name, f"{asked.name}: both {' and '.join(map(str, found))} are there; keep one")
            for path, value in found.items():
                if value:
                    return Secret(value, f"secrets file {path}")
        return None

    def describe(self, profile: str, asked: Input, tenant: str) -> str:
        """The files, flat names first."""
        if not _is_sound(profile, asked, tenant):
            return f"no file in {self.folder} ({_UNSOUND})"
        flat = " or ".join(flat for flat, _ in _files(profile, asked, tenant))
        return f"secrets file {flat} in {self.folder}"

    def _read(self, path: Path, asked: Input) -> str | bytes | None:
        return read_value(path, asked.name, within=self.folder, binary=asked.type == "pkcs12")

    def _check(self, asked: Input) -> None:
        """A folder that is named and not there is a mistake to be told, not a folder without files."""
        try:
            os.stat(self.folder / ".")
            return
        except OSError as error:
            wrong = error.strerror
        raise InputError(asked.name, f"{asked.name}: secrets_dir {self.folder} cannot be read: {wrong}")


def _files(profile: str, asked: Input, tenant: str) -> Iterator[tuple[str, str]]:
    """Flat and nested name of each file to look at."""
    if tenant:
        yield f"{profile}.{tenant}.{asked.name}", f"{profile}/{tenant}/{asked.name}"
    yield f"{profile}.{asked.name}", f"{profile}/{asked.name}"


def _is_sound(profile: str, asked: Input, tenant: str) -> bool:
    """Can the names be part of a file's name, so that none leads elsewhere?"""
    named = _NAME.fullmatch(profile) and _NAME.fullmatch(asked.name)
    return bool(named) and (not tenant or _TENANT.fullmatch(tenant) is not None)


@hookimpl
def register_sources(register: Register) -> None:
    """Add this source."""
    register(SecretsDirSource)
