"""Addresses to connect to, and those that a text writes out. Loads nothing that looks names up."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any, NamedTuple


class Address(NamedTuple):
    """One address that a connection can be made to."""

    family: int
    sockaddr: tuple[Any, ...]

    @property
    def ip(self) -> str:
        """The address as text, without a zone."""
        return str(self.sockaddr[0]).partition("%")[0]

    @property
    def port(self) -> int:
        """The port."""
        return int(self.sockaddr[1])


def numeric(host: str) -> str | None:
    """The address that this text means to a resolver without asking anybody (`127.1`, `0x7f000001`, `::1`), or None."""
    if (written := literal(host, 0)) is not None:
        return written.ip
    try:
        return socket.inet_ntoa(socket.inet_aton(host.rstrip(".")))
    except OSError:
        return None


def literal(host: str, port: int) -> Address | None:
    """The address that is written out, with this port, or None for a name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if address.version == 4:
        return Address(socket.AF_INET, (str(address), port))
    return Address(socket.AF_INET6, (str(address), port, 0, 0))
