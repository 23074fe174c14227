"""Files that somebody names, one for each input: `--input-file client_secret=path`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from authweave.errors import InputError
from authweave.sources.secret_files import read_value
from authweave.values import Secret

if TYPE_CHECKING:
    from authweave.profile import Input


@dataclass(frozen=True, slots=True)
class FilesSource:
    """Input → the file that holds its value. One line end at the end of a file is taken away."""

    name: ClassVar[str] = "files"
    files: Mapping[str, Path]
    max_age: float | None = None

    def get(self, profile: str, asked: Input, tenant: str) -> Secret | None:
        """The content of the file named for the input. Raises InputError if it is not there or cannot be read."""
        path = self.files.get(asked.name)
        if path is None:
            return None
        value = read_value(path, asked.name, binary=asked.type == "pkcs12")
        if value is None:
            raise InputError(asked.name, f"{asked.name}: file {path} is not there")
        return Secret(value, f"file {path}")

    def describe(self, profile: str, asked: Input, tenant: str) -> str:
        """The file, or how one would name it."""
        path = self.files.get(asked.name)
        return f"file {path}" if path else f"a file named for {asked.name}"
