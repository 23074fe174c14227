"""Where a new profile is written: never over another, unless somebody insists."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import click

from authweave.errors import UsageError


@dataclass(frozen=True, slots=True)
class Target:
    """A file, or standard output where `path` is None."""

    path: Path | None
    force: bool

    @classmethod
    def of(cls, name: str, output: str, force: bool, *, ending: str = ".yaml") -> Target:
        """By the option, else ./profiles where there is such a folder, else this folder. Raises click.UsageError."""
        if output == "-":
            return cls(None, force)
        usual = Path("profiles") if Path("profiles").is_dir() else Path()
        path = Path(output) if output else usual / f"{name}{ending}"
        if path.is_dir():
            path = path / f"{name}{ending}"
        if path.suffix.lower() not in (".yaml", ".yml", ".json"):
            raise click.UsageError(f"{path}: a profile is a file in .yaml, .yml or .json")
        if path.stem != name:
            raise click.UsageError(f"{path}: the file of a profile is called like it: {path.with_name(f'{name}{path.suffix}')}")
        made = cls(path, force)
        made.refuse_other()
        return made

    @property
    def folder(self) -> Path:
        """Where the file will lie; this folder for standard output."""
        return self.path.parent if self.path else Path()

    def refuse_other(self) -> None:
        """Raises click.UsageError where something is there already."""
        if self.path is None:
            return
        if not self.path.parent.is_dir():
            raise click.UsageError(f"{self.path}: there is no folder {self.path.parent}")
        if not self.force and (self.path.exists() or self.path.is_symlink()):
            raise click.UsageError(f"{self.path} is there already; --force writes over it, -o names another file")

    def write(self, text: str) -> None:
        """Write it, whole or not at all. Raises click.UsageError, UsageError."""
        from authweave.machine.whole_files import write_whole

        if self.path is None:
            print(text, end="")
            return
        wrong = ""
        try:
            with nullcontext() if self.force else _claimed(self.path):
                write_whole(self.path, text.encode())
        except FileExistsError:
            self.refuse_other()
            wrong = "somebody else is writing it"
        except OSError as error:
            wrong = error.strerror or type(error).__name__
        if wrong:
            raise UsageError(f"{self.path} cannot be written: {wrong}")


@contextmanager
def _claimed(path: Path) -> Iterator[None]:
    """The place is ours while the file is written: of two who begin at once only one does. Raises FileExistsError, OSError."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
