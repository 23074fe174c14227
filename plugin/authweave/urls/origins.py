"""Origins, and the patterns of `servers` that name them: who may receive a credential.

An origin is scheme, host and port (RFC 6454 §4). Everything here reads URLs strictly: what two readers of a URL
could understand differently is refused, never repaired.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Self

from authweave.errors import UrlRefused
from authweave.urls.shown import shown_host

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_SAME_AS: Final = {"https": "https", "http": "http", "wss": "https", "ws": "http"}


@dataclass(frozen=True, slots=True)
class SplitUrl:
    """The parts of an absolute URL as they are written. `query` is None if there is no `?`."""

    scheme: str
    authority: str
    path: str
    query: str | None


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port. The host is in lower case, without a final dot; an IPv6 address in its short form."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str, where: str = "") -> Self:
        """The origin of an absolute `https` or `http` URL (`wss`, `ws`: that of the handshake), or UrlRefused."""
        parts = split(url, where)
        host, port = host_and_port(parts.authority, where)
        scheme = _SAME_AS[parts.scheme]
        return cls(scheme, host, port or DEFAULT_PORTS[scheme])

    @property
    def is_loopback(self) -> bool:
        """Is it this machine, by one of the three names that may go without TLS?"""
        return self.host in LOOPBACK

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


@dataclass(frozen=True, slots=True)
class ServerPattern:
    """An entry of `servers`: an origin whose first label may be `*`, which stands for exactly one label."""

    origin: Origin
    wildcard: bool

    @classmethod
    def of(cls, url: str, where: str = "") -> Self:
        """The pattern of a finished `servers` entry (its path does not count here), or UrlRefused."""
        parts = split(url, where)
        starred = parts.authority.startswith("*.")
        authority = parts.authority.removeprefix("*.")
        if "*" in authority or (starred and len(authority.partition(":")[0].rstrip(".").split(".")) < 2):
            raise UrlRefused(where, "wildcard", "`*` is the whole first label, with at least two labels after it")
        origin = Origin.of(f"{parts.scheme}://{authority}", where)
        if starred and _is_address(origin.host):
            raise UrlRefused(where, "wildcard", "`*` does not go with an IP address")
        if origin.scheme == "http" and not origin.is_loopback:
            raise UrlRefused(where, "scheme", "http:// only reaches this machine: write https://")
        return cls(origin, starred)

    def matches(self, origin: Origin) -> bool:
        """May this origin receive the credential?"""
        if not self.wildcard:
            return origin == self.origin
        rest = origin.host.partition(".")[2]
        return Origin(origin.scheme, rest, origin.port) == self.origin

    def __str__(self) -> str:
        return str(self.origin).replace("://", "://*.", 1) if self.wildcard else str(self.origin)


_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(?:\?([^#]*))?", re.ASCII)
_NOT_IN_URLS: Final = re.compile(r"[^\x21-\x7e]|[\\\"<>`]")


def check_characters(url: str, where: str = "") -> None:
    """Refuse what no URL holds (RFC 3986 §2): control characters, blanks, backslashes, anything beyond ASCII, `#`.

    `|` and `^` it does not hold either, but every client and browser sends them as they are (`markers=a|b`).
    """
    if found := _NOT_IN_URLS.search(url):
        raise UrlRefused(where, "characters", f"a URL holds no {_kind_of(found[0])}{_odd_host(url) or ': percent-encode it'}")
    if "#" in url:
        raise UrlRefused(where, "fragment", "a URL holds no `#` here")


def _kind_of(character: str) -> str:
    named = {"\\": "backslash", " ": "blank", "`": "backtick"}
    if "!" <= character <= "~" or character == " ":
        return named.get(character, f"`{character}`")
    return "control character" if character < "\xa0" else "character beyond ASCII"


def _odd_host(url: str) -> str:
    """Which host it is, where letters of it only look like others; what stands before an `@` may be a secret, and is left out."""
    authority = re.split(r"[/?#\\]", url.partition("://")[2], maxsplit=1)[0]
    host = authority.rpartition("@")[2].partition(":")[0]
    return f"; its host is {shown_host(host)}" if not host.isascii() and len(host) < 254 else ""


def split(url: str, where: str = "") -> SplitUrl:
    """An absolute URL taken apart, or UrlRefused."""
    check_characters(url, where)
    if not (found := _URL.fullmatch(url)) or found[1].lower() not in _SAME_AS:
        raise UrlRefused(where, "scheme", "not an absolute https:// URL")
    return SplitUrl(found[1].lower(), found[2], found[3], found[4])


@functools.lru_cache(maxsize=4096)
def host_and_port(authority: str, where: str = "") -> tuple[str, int | None]:
    """Host and port of an authority (RFC 3986 §3.2), the host as `Origin` holds it, or UrlRefused."""
    if "@" in authority:
        host = shown_host(authority.rpartition("@")[2].partition(":")[0])
        raise UrlRefused(where, "userinfo", f"a URL holds no user name or password before its host, which is {host}")
    if authority.startswith("["):
        address, closed, port = authority[1:].partition("]")
        return _ipv6(address if closed else "", where), _port(port, where)
    host, colon, port = authority.partition(":")
    return _host(host, where), _port(colon + port, where)


def _ipv6(address: str, where: str) -> str:
    try:
        return IPv6Address(address if "%" not in address else "").compressed
    except ValueError:
        refused = UrlRefused(where, "host", "not an IPv6 address")
    raise refused


def _port(text: str, where: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r":[0-9]{1,5}", text) or not 1 <= int(text[1:]) <= 65535:
        raise UrlRefused(where, "port", "a port is a number from 1 to 65535")
    return int(text[1:])


_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?")


def _host(host: str, where: str) -> str:
    """A registered name or an IPv4 address; what other readers take for a shorthand of an address is refused."""
    name = host.lower().removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise UrlRefused(where, "host", "a host is made of letters, digits, dots and hyphens")
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]) and not _is_ipv4(name):
        raise UrlRefused(where, "host", "an IPv4 address is written as four decimal numbers")
    return name


def _is_ipv4(name: str) -> bool:
    try:
        return bool(IPv4Address(name).compressed)
    except ValueError:
        return False


def _is_address(host: str) -> bool:
    return ":" in host or _is_ipv4(host)
