"""Whether a name is one that a list of patterns holds. No pattern reaches beyond a border that names are parted at."""

from __future__ import annotations

import functools
import os
import re
from typing import Final

ALL: Final = "*"
TENANT: Final = "{tenant}"
_UNMISTAKABLE: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_ENTRY: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.+-]+:(?![\\/])")
"""`keyring:…`: an entry of a source, and no path. Of a path with a drive letter only one letter stands before the colon."""


def matches(pattern: str, name: str) -> bool:
    """Is it the name, where `*` stands for any characters?"""
    return pattern == name or ("*" in pattern and _compiled(pattern).fullmatch(name) is not None)


def matches_type(pattern: str, name: str) -> bool:
    """Is it the type, or the type before a grant?"""
    return name == pattern or name.partition("/")[0] == pattern


def matches_variable(pattern: str, name: str) -> bool:
    """Is it the variable, where `*` stands for any characters but a double underscore?

    Profile, tenant and input are parted by it in a tenant's variable: what is one part can never be taken for two.
    """
    return _by_parts(pattern, name, "__")


def matches_file(pattern: str, name: str) -> bool:
    """Is it the path, or the entry of a source, where `*` stands for any characters but a slash?"""
    return _by_parts(pattern, name, "/")


def variable_part(tenant: str) -> str | None:
    """The tenant as a part of variables; None for one that another tenant could be taken for."""
    return re.sub("[^A-Z0-9]", "_", tenant.upper()) if _UNMISTAKABLE.fullmatch(tenant) else None


def is_path(name: str) -> bool:
    """Is it a path, and no entry of another source?"""
    return _ENTRY.match(name) is None


def whole_path(name: str) -> str:
    """A path from the root on, as it is written (no link is followed, and nothing is looked at); entries of sources as they are."""
    return os.path.abspath(os.path.expanduser(name)).replace(os.sep, "/") if name != ALL and is_path(name) else name


def _by_parts(pattern: str, name: str, border: str) -> bool:
    wanted, given = pattern.split(border), name.split(border)
    return len(wanted) == len(given) and all(map(matches, wanted, given))


@functools.lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, re.sub(r"\*+", "*", pattern).split("*"))), re.DOTALL)
