"""`authweave.toml`: where it is found, and on which line a key stands."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, Self

from authweave.errors import SettingsError
from authweave.machine.small_files import Unfit, regular_bytes

FILE_NAME: Final = "authweave.toml"
_LARGEST: Final = 256 * 1024
_DOTS: Final = 2000
_CANDIDATES: Final = 5
"""Lines that may be the one that names a key: to find out, all before it is read again."""


@dataclass(frozen=True, slots=True, repr=False)
class SettingsFile:
    """A read file: its data, its text for the lines, and how it is called in messages."""

    path: Path
    called: str
    text: str
    data: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path, called: str) -> Self:
        """The file at `path`. Raises SettingsError."""
        text, data, wrong = _read(path)
        if data is None:
            raise SettingsError(f"{called} {wrong}")
        return cls(path, called, text, data)

    @classmethod
    def named(cls, path: Path, by: str) -> Self:
        """The file that a variable names. Raises SettingsError, also when it is not there."""
        called = f"{path} (from {by})"
        if not path.exists():
            raise SettingsError(f"{called} cannot be read: No such file or directory; name another one, or unset {by}")
        return cls.read(path, called)

    def place(self, key: str) -> str:
        """`authweave.toml:3` for a key at the top level."""
        line = self._line(key)
        return f"{self.called}:{line}" if line else self.called

    def _line(self, key: str) -> int:
        """The first line that names the key and ends what stands before it; 0 if the key is written in an odd way."""
        named = re.compile(rf"""[ \t]*\[*[ \t]*(["']?){re.escape(key)}\1[ \t]*[=.\]]""")
        lines = self.text.split("\n")
        candidates = (index for index, line in enumerate(lines) if named.match(line))
        for index in islice(candidates, _CANDIDATES):
            if _is_whole("\n".join([*lines[:index], ""]), without=key):
                return index + 1
        return 0


def nearest(folder: Path) -> SettingsFile | None:
    """The `authweave.toml` of a folder or of the nearest one above it.

    One that a stranger put there (neither this user, root, nor the owner of `folder`) is refused: settings say which
    authority to believe and where calls really go.
    """
    folder = folder.absolute()
    for place in (folder, *folder.parents):
        path = place / FILE_NAME
        if path.is_file():
            if not _is_owned_by_us(path, folder):
                raise SettingsError(f"{path} belongs to another user; set AUTHWEAVE_CONFIG to it if it is meant")
            return SettingsFile.read(path, FILE_NAME if place == folder else str(path))
    return None


def of_user(env: Mapping[str, str]) -> SettingsFile | None:
    """The user's own file: in XDG_CONFIG_HOME, or where the system keeps configuration."""
    path = user_folder(env) / FILE_NAME
    return SettingsFile.read(path, str(path)) if path.is_file() else None


def user_folder(env: Mapping[str, str]) -> Path:
    """The user's own folder: `authweave` in XDG_CONFIG_HOME (a relative one does not count), or where the system keeps
    configuration."""
    home = Path(env.get("XDG_CONFIG_HOME") or ".")
    if home.is_absolute():
        return home / "authweave"
    from platformdirs import user_config_path

    return user_config_path("authweave", appauthor=False)


def _read(path: Path) -> tuple[str, Mapping[str, Any] | None, str]:
    try:
        raw = regular_bytes(path, _LARGEST)
        if len(raw) > _LARGEST:
            return "", None, f"is larger than {_LARGEST // 1024} KiB"
        text = raw.decode()
        if text.count(".") > _DOTS or text.count("[") > _DOTS:  # dotted and nested keys take tomllib the square of their number
            return "", None, f"holds more than {_DOTS} dots or brackets"
        return text, tomllib.loads(text), ""
    except Unfit as unfit:
        return "", None, str(unfit)
    except OSError as error:
        return "", None, f"cannot be read: {error.strerror}"
    except UnicodeDecodeError as error:
        return "", None, f"is not UTF-8 at byte {error.start}"
    except tomllib.TOMLDecodeError as error:
        return "", None, f"is not TOML: {_without_content(str(error))}"
    except RecursionError:
        return "", None, "is nested too deeply"
    except ValueError:  # as tomllib has it for what is no date, and Python for a number of thousands of digits
        return "", None, "is not TOML: it holds a number or a date that cannot be read"


def _without_content(message: str) -> str:
    """A file may hold a proxy's password, which a message may quote: of such a message only the place stays."""
    place = re.search(r"\(at [^)]*\)$", message)
    return message if not re.search(r"['\"]", message) else f"cannot be understood {place[0] if place else ''}".strip()


def _is_whole(text: str, *, without: str) -> bool:
    try:
        return without not in tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False


def _is_owned_by_us(path: Path, folder: Path) -> bool:
    if not hasattr(os, "getuid"):
        return True
    return path.stat().st_uid in (os.getuid(), 0, folder.stat().st_uid)
