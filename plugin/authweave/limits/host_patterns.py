"""Hosts that a list allows, and whether all the hosts that a URL can have are among them."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Final, Self

from authweave.errors import UrlRefused
from authweave.urls.origins import DEFAULT_PORTS, host_and_port
from authweave.urls.shown import shown_host

IN_LABEL: Final = "\0"
"""Stands in a host for a value that has no dot."""
IN_HOST: Final = "\1"
"""Stands in a host for a value that may have dots, and so more labels."""
_SOME: Final = "**"
_ANY_PORT: Final = 0
_SYNTAX: Final = re.compile(r"(\*\*?\.)?([^*/?#]*?)(:\*)?")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL leads as far as it is written: `host` with the marks above where values stand in it."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        shown = self.host.replace(IN_LABEL, "*").replace(IN_HOST, "*")
        host = f"[{shown}]" if ":" in shown else shown_host(shown)
        return f"{self.scheme}://{host}" + ("" if self.port == DEFAULT_PORTS.get(self.scheme) else f":{self.port}")


@dataclass(frozen=True, slots=True)
class HostPattern:
    """A host, or `*.` (one label) or `**.` (one label or more) before a domain; `port` is None for the usual one of the scheme."""

    first: str
    host: str
    port: int | None

    @classmethod
    @functools.lru_cache(maxsize=4096)
    def of(cls, text: str) -> Self:
        """From what a list says. Raises UrlRefused."""
        if "://" in text:
            raise UrlRefused("", "host", "write it without scheme, for example api.acme.example")
        found = _SYNTAX.fullmatch(text)
        if found is None:
            raise UrlRefused("", "host", "write a host (and :port), with * or ** as its whole first label at the most, and no path")
        first, authority = (found[1] or "").removesuffix("."), found[2]
        host, port = host_and_port(authority)
        if first and (":" in host or "." not in host or host.rpartition(".")[2].isdecimal()):
            raise UrlRefused("", "wildcard", "at least two labels stand after * or **")
        if found[3] and port is not None:
            raise UrlRefused("", "port", "a port is a number, or *")
        return cls(first, host, _ANY_PORT if found[3] else port)

    def covers(self, place: Place) -> bool:
        """Is every host that the place can come to one of these?"""
        wanted = DEFAULT_PORTS.get(place.scheme) if self.port is None else self.port
        return (wanted in (_ANY_PORT, place.port)) and self._covers(place.host)

    def _covers(self, host: str) -> bool:
        if not self.first:
            return host == self.host
        if not host.endswith(f".{self.host}"):
            return False
        before = host[: -len(self.host) - 1]
        return bool(before) and (self.first == _SOME or ("." not in before and IN_HOST not in before))
