"""A folder of secrets as Docker, Kubernetes and systemd mount them: one file for each input."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, Self

from authweave.contracts import everything
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
    limited_by: ClassVar[str] = "files"
    folder: Path
    max_age: float | None = 60.0
    allows: Callable[[str], bool] = everything

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """The source for `secrets_dir`, if that is set."""
        return cls(settings.secrets_dir) if settings.secrets_dir else None

    def get(self, profile: str, asked: Input, tenant: str) -> Secret | None:
        """The content of the file. Raises InputError if it cannot be read, or if two files hold it."""
        if _is_sound(profile, asked, tenant) and not self.names(profile, asked, tenant):
            return None
        self._check(asked)
        if not _is_sound(profile, asked, tenant):
            raise InputError(asked.name, f"{asked.name}: {_UNSOUND}")
        for pair in _files(profile, asked, tenant):
            found = {
                path: value
                for path in map(self.folder.joinpath, filter(self._may_read, pair))
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
        pairs = (tuple(filter(self._may_read, pair)) for pair in _files(profile, asked, tenant))
        flat = " or ".join(pair[0] for pair in pairs if pair) or "(none)"
        return f"secrets file {flat} in {self.folder}"

    def names(self, profile: str, asked: Input, tenant: str) -> tuple[str, ...]:
        """The files by their whole paths."""
        if not _is_sound(profile, asked, tenant):
            return ()
        return tuple(self._whole(file) for pair in _files(profile, asked, tenant) for file in pair if self._may_read(file))

    def only(self, allows: Callable[[str], bool]) -> Self:
        """The same source for these files only."""
        return replace(self, allows=allows)

    def _may_read(self, file: str) -> bool:
        return self.allows is everything or self.allows(self._whole(file))

    def _whole(self, file: str) -> str:
        return f"{os.path.abspath(self.folder).replace(os.sep, '/').rstrip('/')}/{file}"

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
