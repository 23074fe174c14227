"""What a setting can be: how it is read from a variable's text, from a value of TOML or Python, and how it is shown."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit


class Wrong(Exception):
    """A value that is not of the kind. The message says what would be right, and never repeats a value."""


@dataclass(frozen=True, slots=True)
class Kind:
    """`words` name it. `of_text` and `of_value` take the folder that relative paths start at, and raise Wrong."""

    words: str
    of_text: Callable[[str, Path], Any]
    of_value: Callable[[Any, Path], Any]
    shown: Callable[[Any], str]


_LONGEST: Final = 1_000_000
_FLAGS: Final = {"true": True, "1": True, "false": False, "0": False}
_PORTS: Final = "must be a list of ports, numbers from 1 to 65535"
_NUMBER: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_ADDRESS: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
_HOST: Final = re.compile(r"\*|(\*\.)?[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})+\.?")
_KEY_ITSELF: Final = re.compile(r"[0-9A-Fa-f]{64}|[A-Za-z0-9+/_-]{43}=")
_USER_IN_URL: Final = re.compile(r"(?s)://.*@")
_PASSWORD_IN_QUERY: Final = re.compile(r"(?i)((?:^|[?&;])[^=&;?]*(?:pass|secret|token|key|pwd)[^=&;?]*=)[^&;#]*")


def _flag(text: str, _: Path) -> bool:
    if text.lower() not in _FLAGS:
        raise Wrong("must be true, false, 1 or 0")
    return _FLAGS[text.lower()]


def _is_flag(value: Any, _: Path) -> bool:
    if not isinstance(value, bool):
        raise Wrong("must be true or false")
    return value


def _seconds(text: str, folder: Path) -> float:
    if not _NUMBER.fullmatch(text):
        raise Wrong("must be a number of seconds, such as 30 or 2.5")
    return _is_seconds(float(text), folder)


def _is_seconds(value: Any, _: Path) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _LONGEST:
        raise Wrong("must be a number of seconds above 0, such as 30 or 2.5")
    return float(value)


def _count(text: str, folder: Path) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Wrong("must be a whole number from 1")
    return _is_count(int(text), folder)


def _is_count(value: Any, _: Path) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise Wrong("must be a whole number from 1")
    return value


def _is_text(value: Any, _: Path) -> str:
    if not isinstance(value, str) or not value:
        raise Wrong("must be a text")
    if "\0" in value:
        raise Wrong("holds a NUL character")
    return value


def is_key_itself(text: str) -> bool:
    """Is the text 32 bytes in base64 or hex, and so no name of a place?"""
    return bool(_KEY_ITSELF.fullmatch(text))


def _key_place(value: Any, folder: Path) -> str:
    if is_key_itself(text := _is_text(value, folder)):
        raise Wrong("must name where the key is; that is a key itself: put it into a file of mode 0600 and name that")
    return text


def _path(value: Any, folder: Path) -> Path:
    path = Path(_is_text(str(value) if isinstance(value, Path) else value, folder))
    try:
        return folder / path.expanduser()
    except RuntimeError:
        pass
    raise Wrong("starts with ~ and there is no such home folder")


def _paths(text: str, folder: Path) -> tuple[Path, ...]:
    return tuple(_path(part, folder) for part in text.split(os.pathsep) if part)


def _is_paths(value: Any, folder: Path) -> tuple[Path, ...]:
    if not isinstance(value, list | tuple):
        raise Wrong("must be a list of folders")
    return tuple(_path(part, folder) for part in value)


def _names(text: str, folder: Path) -> tuple[str, ...]:
    return _is_names([part.strip() for part in text.split(",")], folder)


def _is_names(value: Any, folder: Path) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(part, str) and part for part in value):
        raise Wrong("must be a list of names")
    if len(set(value)) < len(value):
        raise Wrong("names one twice")
    return tuple(value)


def choice(*words: str) -> Kind:
    """One of a few words."""

    def _one_of(value: Any, _: Path) -> str:
        if value not in words:
            raise Wrong(f"must be {' or '.join(words)}")
        return str(value)

    return Kind(" or ".join(words), _one_of, _one_of, _shown)


def _url(value: Any, folder: Path) -> str:
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", text := _is_text(value, folder)):
        raise Wrong("must be a URL, such as memory:")
    return text


def _proxy(value: Any, folder: Path) -> str:
    if value in ("", "none"):
        return ""
    if not _is_proxy(_is_text(value, folder)):
        raise Wrong("must be a URL of the form http://host:port, or none")
    return str(value)


def _is_proxy(text: str) -> bool:
    try:
        parts = urlsplit(text)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False
    return is_whole and not (parts.query or parts.fragment or parts.path.strip("/")) and not re.search(r"\s", text)


def _proxies(text: str, folder: Path) -> tuple[str, ...]:
    return _is_proxies([part.strip() for part in text.split(",")], folder)


def _is_proxies(value: Any, folder: Path) -> tuple[str, ...]:
    wrong = "must be a list of URLs of the form http://host:port, without user names"
    if not isinstance(value, list | tuple) or not all(isinstance(part, str) for part in value):
        raise Wrong(wrong)
    if not all(_is_proxy(part) and "@" not in part for part in value):
        raise Wrong(wrong)
    return tuple(value)


def _ports(text: str, folder: Path) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"[0-9]{1,5}", part) for part in parts):
        raise Wrong(_PORTS)
    return _is_ports([int(part) for part in parts], folder)


def _is_ports(value: Any, _: Path) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(part, int) and not isinstance(part, bool) and 0 < part < 65536 for part in value):
        raise Wrong(_PORTS)
    return tuple(value)


def _hosts(text: str, folder: Path) -> tuple[str, ...]:
    return _is_hosts([part.strip() for part in text.split(",")], folder)


def _is_hosts(value: Any, _: Path) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(part, str) and _HOST.fullmatch(part) for part in value):
        raise Wrong("must be a list of host names, such as api.acme.example, *.acme.example or *")
    return tuple(part.lower().removesuffix(".") for part in value)


def one_of(*words: str) -> Kind:
    """One of these words."""

    def read(value: Any, _: Path) -> str:
        if value not in words:
            raise Wrong(f"must be {' or '.join(words)}")
        return str(value)

    return Kind(" or ".join(words), read, read, _shown)


def _routes(text: str, folder: Path) -> Mapping[str, str]:
    pairs = [part.strip().partition("=") for part in text.split(",")]
    if len({left for left, _, _ in pairs}) < len(pairs):
        raise Wrong("routes one host and port twice")
    return _is_routes({left: right for left, _, right in pairs}, folder)


def _is_routes(value: Any, _: Path) -> Mapping[str, str]:
    if not isinstance(value, Mapping) or not all(_is_address(side) for pair in value.items() for side in pair):
        raise Wrong('must be a table of "host:port" = "127.0.0.1:1234"')
    return MappingProxyType({str(host).lower(): str(address) for host, address in value.items()})


def _is_address(text: Any) -> bool:
    found = _ADDRESS.fullmatch(text) if isinstance(text, str) else None
    return bool(found) and 0 < int(text.rpartition(":")[2]) < 65536


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None or value == "" else f"{value:g}" if isinstance(value, float) else str(value)


def _shown_url(value: Any) -> str:
    return _PASSWORD_IN_QUERY.sub(r"\1‹hidden›", _USER_IN_URL.sub("://‹hidden›@", _shown(value)))


def _shown_list(value: Any) -> str:
    return ", ".join(map(str, value)) or "none"


def _shown_table(value: Any) -> str:
    return ", ".join(f"{left}={right}" for left, right in value.items()) or "none"


TEXT: Final = Kind("text", _is_text, _is_text, _shown)
KEY_PLACE: Final = Kind("text", _key_place, _key_place, _shown)
FLAG: Final = Kind("true or false", _flag, _is_flag, _shown)
SECONDS: Final = Kind("seconds", _seconds, _is_seconds, _shown)
COUNT: Final = Kind("a whole number", _count, _is_count, _shown)
PATH: Final = Kind("a path", _path, _path, _shown)
PATHS: Final = Kind("a list of paths", _paths, _is_paths, _shown_list)
NAMES: Final = Kind("a list of names", _names, _is_names, _shown_list)
URL: Final = Kind("a URL", _url, _url, _shown_url)
PROXY: Final = Kind("a URL, or none", _proxy, _proxy, _shown_url)
PROXIES: Final = Kind("a list of URLs", _proxies, _is_proxies, _shown_list)
HOSTS: Final = Kind("a list of host names", _hosts, _is_hosts, _shown_list)
PORTS: Final = Kind("a list of ports", _ports, _is_ports, _shown_list)
ROUTES: Final = Kind("a table", _routes, _is_routes, _shown_table)
