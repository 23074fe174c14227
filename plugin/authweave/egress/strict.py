"""The policy for profiles of strangers: encrypted, to declared ports of public addresses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from authweave.contracts import Departure
from authweave.egress.addresses import why_not_public
from authweave.egress.hosts import why_not_a_public_name

HTTPS: Final = 443
_OTHER_SERVICES: Final = frozenset({
    # the Fetch Standard's "bad ports" (whatwg.org, 2.9 Port blocking)
    1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110, 111, 113, 115,
    117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587,
    601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669,
    6679, 6697, 10080,
    # plain HTTP, and databases, brokers, caches and consoles (IANA Service Name and Port Number Registry; their own manuals)
    80, 88, 445, 464, 873, 1080, 1433, 1434, 1521, 1883, 2181, 2375, 2376, 2377, 2379, 2380, 3128, 3260, 3268, 3269, 3306, 3389, 4369,
    4444, 4789, 5000, 5432, 5433, 5601, 5671, 5672, 5900, 5984, 5985, 5986, 6379, 6380, 6443, 7000, 7001, 7199, 7473, 7474, 7687,
    8086, 8125, 8200, 8300, 8301, 8302, 8500, 8501, 8600, 9000, 9042, 9090, 9092, 9093, 9100, 9160, 9200, 9300, 9418, 10250, 10255,
    10256, 10257, 10259, 11211, 15672, 26257, 26379, 27017, 27018, 27019, 28015, 28017, 50070,
})  # fmt: skip
"""Ports of other services: a profile cannot declare them, an operator can allow them (`egress_ports`)."""


@dataclass(frozen=True, slots=True)
class Strict:
    """https only; 443, ports that the profile writes out unless another service has them, and `ports`; public names and addresses only.

    `hosts` are those that values may choose without a pattern: names, `*.acme.example` for all below it, `*` for every public one.
    Safe for threads; waits for nothing.
    """

    ports: frozenset[int] = frozenset()
    hosts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, ports: Iterable[int], hosts: Iterable[str] = ()) -> Strict:
        """With these ports besides, and these hosts for values to choose."""
        return cls(frozenset(ports), frozenset(hosts))

    @property
    def allows_open_hosts(self) -> bool:
        """May values choose hosts without a pattern at all?"""
        return bool(self.hosts)

    def refusal(self, departure: Departure) -> str | None:
        """Why not; None where nothing is against it."""
        if departure.scheme != "https":
            return f"{_called(departure.scheme)} is not encrypted by TLS: only https:// is called"
        name = why_not_a_public_name(departure.host)
        if name is not None:
            return f"{departure.host or 'an empty host'} is {name}"
        if departure.is_chosen and not self._is_listed(departure.host):
            return f"an input may choose {departure.host}, and it is not among the hosts that an operator lists for that (settings: egress_hosts)"
        word = why_not_public(departure.address) if departure.address else None
        if word is not None:
            return f"its address {departure.address} is {word}" if departure.address != departure.host else f"{departure.host} is {word}"
        return self._of_port(departure)

    def _is_listed(self, host: str) -> bool:
        """Any, where nothing is listed: a profile whose values choose freely is refused before then."""
        above = host.split(".")
        return not self.hosts or not self.hosts.isdisjoint({"*", host, *(f"*.{'.'.join(above[count:])}" for count in range(1, len(above)))})

    def _of_port(self, departure: Departure) -> str | None:
        port = departure.port
        if port == HTTPS or port in self.ports:
            return None
        if port not in departure.ports:
            return f"port {port} is not 443, and the profile does not write it out (an operator can allow it: egress_ports)"
        if port in _OTHER_SERVICES:
            return f"port {port} is one of another service than https (an operator can allow it: egress_ports)"
        return None


def _called(scheme: str) -> str:
    return f"{scheme}://" if scheme.isalnum() else "this scheme"
