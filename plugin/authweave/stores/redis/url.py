"""What a URL says of a Redis: where it is, how to get in, and which keys are ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from authweave.errors import SettingsError

SCHEMES: Final = ("redis", "rediss", "redis+sentinel", "rediss+sentinel")
PREFIX: Final = "authweave"

_PORT: Final = 6379
_SENTINEL_PORT: Final = 26379
_HOST: Final = re.compile(r"[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}(?:%25[A-Za-z0-9._-]{1,32})?\]")
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,200}")
_OPTION: Final = re.compile(r"[a-z_]{1,32}")  # what looks like one; anything else may be a piece of a password
_PREFIX: Final = re.compile(r"[A-Za-z0-9._:-]{1,100}")
_DB: Final = re.compile(r"[0-9]{1,9}")
_LONE_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NOT_IN_URLS: Final = re.compile(r"[^!-~]")


@dataclass(frozen=True, slots=True)
class Node:
    """One address, and who we are there. `username` '' is Redis's user `default`."""

    host: str
    port: int
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Does what is said there stay on this machine?"""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """A URL taken apart. `nodes` is the one server; with a `master` (its name), they are the sentinels that know it.

    `username` and `password` are for the servers that keep the tokens. Showing it shows neither.
    """

    scheme: str
    nodes: tuple[Node, ...]
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    db: int = 0
    master: str = ""
    prefix: str = PREFIX

    @property
    def is_tls(self) -> bool:
        """Is every connection TLS?"""
        return self.scheme.startswith("rediss")

    def node(self, host: str, port: int) -> Node:
        """A server that keeps tokens, at this address."""
        return Node(host, port, self.username, self.password)

    def __str__(self) -> str:
        where = ",".join(map(str, self.nodes))
        return f"{self.scheme}://{where}/{f'{self.master}/' if self.master else ''}{self.db}"


def read(url: str) -> RedisUrl:
    """Take a URL apart. Raises SettingsError that names the part which is wrong and never what stands there: where a
    character of a password was not encoded, any part may be a piece of it."""
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in SCHEMES:
        raise SettingsError(f"a store in Redis begins with one of {', '.join(f'{each}://' for each in SCHEMES)}")
    _check_characters(rest)
    rest, _, query = rest.partition("?")
    authority, _, path = rest.partition("/")
    if "@" in path or "@" in query:
        raise _wrong("a / or ? in a user name or password is written %2F, %3F, and an @ in an option %40")
    userinfo, _, hosts = authority.rpartition("@")
    username, password = _credentials(userinfo, "user")
    is_watched = scheme.endswith("+sentinel")
    options = _options(query, is_watched)
    master, db = _path(path, is_watched)
    guard = ("", "")
    if is_watched:
        guard = options.get("sentinel_username", ""), options.get("sentinel_password", "")
        _check_pair(*guard, "sentinel_username")
    nodes = tuple(_nodes(hosts, is_watched, guard if is_watched else (username, password)))
    return RedisUrl(scheme, nodes, username, password, db, master, options.get("prefix", PREFIX))


def _wrong(words: str) -> SettingsError:
    return SettingsError(f"the URL of the store in Redis: {words}")


def _check_characters(text: str) -> None:
    if _NOT_IN_URLS.search(text):
        raise _wrong("a space, a control character or a letter beyond ASCII has to be percent-encoded")
    if _LONE_PERCENT.search(text):
        raise _wrong("a % that begins no percent-encoded byte is written %25")
    if "#" in text:
        raise _wrong("it has no fragment; a # in a user name or password is written %23")


def _decoded(text: str, part: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        pass
    raise _wrong(f"the {part} is not percent-encoded UTF-8")


def _credentials(userinfo: str, part: str) -> tuple[str, str]:
    username, _, password = userinfo.partition(":")
    pair = _decoded(username, "user name"), _decoded(password, "password")
    _check_pair(*pair, part)
    return pair


def _check_pair(username: str, password: str, part: str) -> None:
    if username and not password:
        raise _wrong(f"{part} needs a password beside it; a password without a user is written :password@")


def _nodes(hosts: str, is_watched: bool, who: tuple[str, str]) -> Iterator[Node]:
    each = hosts.split(",")
    if len(each) > 1 and not is_watched:
        raise _wrong("several hosts are for redis+sentinel:// only")
    for host in each:
        yield _node(host, _SENTINEL_PORT if is_watched else _PORT, who)


def _node(text: str, usual: int, who: tuple[str, str]) -> Node:
    host, colon, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    if not colon:
        host, port = text, str(usual)
    if not host:
        raise _wrong("the host is missing")
    if not _HOST.fullmatch(host):
        raise _wrong("the host is neither a name nor an address (an IPv6 address stands in brackets)")
    if not (port.isdecimal() and len(port) <= 5 and 0 < int(port) < 65536):
        raise _wrong("the port is no number from 1 to 65535")
    return Node(unquote(host.strip("[]")), int(port), *who)


def _path(path: str, is_watched: bool) -> tuple[str, int]:
    """The master's name ('' where there are no sentinels) and the database."""
    parts = path.split("/") if path else []
    master = ""
    if is_watched:
        master = parts.pop(0) if parts else ""
        if not _NAME.fullmatch(master):
            raise _wrong("after the sentinels comes /, and the name under which they watch the master")
    db = parts.pop(0) if parts else ""
    if parts or (db and not _DB.fullmatch(db)):
        raise _wrong("the database after the / is a number, and nothing follows it")
    return master, int(db or 0)


def _options(query: str, is_watched: bool) -> dict[str, str]:
    known = ("prefix", "sentinel_username", "sentinel_password") if is_watched else ("prefix",)
    options: dict[str, str] = {}
    for pair in query.split("&") if query else ():
        name, _, value = pair.partition("=")
        if name not in known:
            shown = f"{name} is" if _OPTION.fullmatch(name) else "there is an option that is"
            raise _wrong(f"{shown} not known here; there is {', '.join(known)}")
        if name in options:
            raise _wrong(f"{name} stands there twice")
        options[name] = _decoded(value, name)
    if not _PREFIX.fullmatch(options.get("prefix", PREFIX)):
        raise _wrong("prefix is made of up to 100 letters, digits and . _ : -")
    return options
