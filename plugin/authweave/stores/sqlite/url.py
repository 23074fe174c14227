"""Where the database lies: from a URL to a path, and the default."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes

from authweave.errors import SettingsError

FORM: Final = "write sqlite:///absolute/path, or sqlite: for the usual place"


def default_path() -> Path:
    """The file that `sqlite:` means: `tokens.db` among the user's data (XDG_DATA_HOME is heard)."""
    from platformdirs import user_data_path

    return user_data_path("authweave", appauthor=False) / "tokens.db"


def path_of(url: str) -> Path:
    """The absolute path that a store's URL names. Raises SettingsError, which never repeats what may be a password."""
    rest = url.partition(":")[2]
    if not rest:
        return _absolute(str(default_path()))
    if not rest.startswith("//"):
        raise SettingsError(f"store {url}: a path has to be absolute; {FORM}")
    authority, slash, path = rest[2:].partition("/")
    if authority or not slash:
        raise SettingsError(f"store sqlite: a file has no host, user or password, and its path begins after three slashes; {FORM}")
    if "?" in path or "#" in path:
        raise SettingsError(f"store sqlite: there are no options after ? or #; {FORM}, with %3F and %23 for these characters in a name")
    return _absolute(_expanded(_decoded(path)))


def _decoded(path: str) -> str:
    if re.search(r"%(?![0-9A-Fa-f]{2})", path):
        raise SettingsError(f"store sqlite: a % stands before two hex digits; {FORM}, with %25 for a % in a name")
    decoded = os.fsdecode(unquote_to_bytes(path))
    if re.search(r"[\x00-\x1f\x7f]", decoded):
        raise SettingsError(f"store sqlite: there is a control character in the path; {FORM}")
    return decoded


def _expanded(path: str) -> str:
    if path.startswith("~"):
        return os.path.expanduser(path)
    if os.name == "nt" and re.match(r"[A-Za-z]:[/\\]", path):
        return path
    return "/" + path.lstrip("/")


def _absolute(path: str) -> Path:
    if path.endswith("/") or os.path.basename(path) in ("", ".", "..", ":memory:"):
        raise SettingsError(f"store sqlite: {path} names no file; {FORM}" + (", or memory:" if path.endswith(":memory:") else ""))
    if not os.path.isabs(path):
        raise SettingsError(f"store sqlite: {path} is no absolute path; {FORM}")
    return Path(path)
