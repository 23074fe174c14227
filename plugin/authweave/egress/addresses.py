"""Which addresses are public: an own table, for what the standard library knows differs with its version.

Sources: the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890, RFC 8190) with all that was added since, the IANA
IPv4 and IPv6 multicast spaces, RFC 3879, RFC 3701, RFC 5214 for forms that are no block of a registry, and the documentation of
clouds for addresses that are registered as public and lead into the cloud that a machine runs in. Blocks that the registries call
globally reachable but that no API is served from (anycast of protocols, AS112) are refused, too.

For IPv6 the table says what is public, and not what is not: global unicast is 2000::/3 (RFC 4291 §2.4, IANA IPv6 Address Space).
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, TypeVar

NO_ADDRESS: Final = "no address"
_IPV4: Final[tuple[tuple[str, str], ...]] = (
    ("0.0.0.0/8", "of this network, and leads to this machine (RFC 791)"),
    ("10.0.0.0/8", "private (RFC 1918)"),
    ("100.100.100.200/32", "the metadata service of a cloud (Alibaba)"),
    ("100.64.0.0/10", "shared behind a carrier's NAT (RFC 6598)"),
    ("127.0.0.0/8", "loopback: this machine itself (RFC 1122)"),
    ("168.63.129.16/32", "the platform service of a cloud (Azure)"),
    ("169.254.169.254/32", "the metadata service of a cloud (link-local)"),
    ("169.254.0.0/16", "link-local (RFC 3927)"),
    ("172.16.0.0/12", "private (RFC 1918)"),
    ("192.0.0.192/32", "the metadata service of a cloud (Oracle)"),
    ("192.0.0.0/24", "for protocols of the IETF (RFC 6890)"),
    ("192.0.2.0/24", "for documentation (RFC 5737)"),
    ("192.31.196.0/24", "of AS112 (RFC 7535)"),
    ("192.52.193.0/24", "of multicast tunnels (RFC 7450)"),
    ("192.80.8.124/32", "the metadata service of a cloud (Equinix Metal)"),
    ("192.88.99.0/24", "a 6to4 relay (RFC 7526)"),
    ("192.168.0.0/16", "private (RFC 1918)"),
    ("192.175.48.0/24", "of AS112 (RFC 7534)"),
    ("161.26.0.0/16", "inside a cloud (IBM)"),
    ("166.8.0.0/14", "inside a cloud (IBM)"),
    ("198.18.0.0/15", "for benchmarks (RFC 2544)"),
    ("199.36.153.4/30", "inside a cloud (Google, restricted.googleapis.com)"),
    ("199.36.153.8/30", "inside a cloud (Google, private.googleapis.com)"),
    ("198.51.100.0/24", "for documentation (RFC 5737)"),
    ("203.0.113.0/24", "for documentation (RFC 5737)"),
    ("224.0.0.0/4", "multicast (RFC 5771)"),
    ("255.255.255.255/32", "broadcast (RFC 919)"),
    ("240.0.0.0/4", "reserved (RFC 1112)"),
)
_PUBLIC_IPV6: Final = IPv6Network("2000::/3")
_IPV6: Final[tuple[tuple[str, str], ...]] = (
    ("2001::/32", "Teredo: an IPv4 address in IPv6 form (RFC 4380)"),
    ("2001:2::/48", "for benchmarks (RFC 5180)"),
    ("2001:db8::/32", "for documentation (RFC 3849)"),
    ("2001::/23", "for protocols of the IETF (RFC 2928)"),
    ("2002::/16", "6to4: an IPv4 address in IPv6 form (RFC 3056)"),
    ("2600:2d00:2:1000::/56", "inside a cloud (Google, restricted.googleapis.com)"),
    ("2600:2d00:2:2000::/56", "inside a cloud (Google, private.googleapis.com)"),
    ("2620:4f:8000::/48", "of AS112 (RFC 7534)"),
    ("3ffe::/16", "of the 6bone, which is no more (RFC 3701)"),
    ("3fff::/20", "for documentation (RFC 9637)"),
)
_OTHER_IPV6: Final[tuple[tuple[str, str], ...]] = (
    ("::/128", "unspecified, and leads to this machine (RFC 4291)"),
    ("::1/128", "loopback: this machine itself (RFC 4291)"),
    ("::ffff:0:0/96", "an IPv4 address in IPv6 form (mapped, RFC 4291)"),
    ("::ffff:0:0:0/96", "an IPv4 address in IPv6 form (translated, RFC 2765)"),
    ("::/96", "an IPv4 address in IPv6 form (compatible, RFC 4291)"),
    ("64:ff9b:1::/48", "an IPv4 address in IPv6 form (NAT64 for local use, RFC 8215)"),
    ("100::/64", "discarded (RFC 6666)"),
    ("100:0:0:1::/64", "a dummy prefix (RFC 9780)"),
    ("5f00::/16", "of segment routing (RFC 9602)"),
    ("fd00:ec2::/32", "the metadata service of a cloud (AWS)"),
    ("fd20:ce::/32", "the metadata service of a cloud (Google)"),
    ("fc00::/7", "unique-local (RFC 4193)"),
    ("fe80::/10", "link-local (RFC 4291)"),
    ("fec0::/10", "site-local (RFC 3879)"),
    ("ff00::/8", "multicast (RFC 4291)"),
)
"""What is not public in any case, for the words."""
_NAT64: Final = IPv6Network("64:ff9b::/96")
"""The well-known prefix (RFC 6052): in networks without IPv4 every IPv4 host has an address here, so it is as public as that is."""
_ISATAP: Final = (0x00005EFE, 0x02005EFE)
"""The first half of an interface identifier that holds an IPv4 address (RFC 5214 §6.1)."""

Network = TypeVar("Network", IPv4Network, IPv6Network)


def _table(rows: Iterable[tuple[str, str]], kind: type[Network]) -> tuple[tuple[Network, str], ...]:
    return tuple((kind(block), word) for block, word in rows)


_IPV4_TABLE: Final = _table(_IPV4, IPv4Network)
_IPV6_TABLE: Final = _table((*_IPV6, *_OTHER_IPV6), IPv6Network)


def why_not_public(address: str) -> str | None:
    """What the address is instead of public, as it follows "is"; None for a public one.

    What is no address at all, a zone (`fe80::1%lo`) among it, is not public.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return NO_ADDRESS
    if isinstance(found, IPv4Address):
        return _word_for(found, _IPV4_TABLE)
    return "tied to one interface (RFC 4007)" if found.scope_id else _of_ipv6(found)


def _of_ipv6(address: IPv6Address) -> str | None:
    if address in _NAT64:
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
        word = _word_for(inner, _IPV4_TABLE)
        return f"{inner} in IPv6 form (NAT64, RFC 6052), which is {word}" if word else None
    word = _word_for(address, _IPV6_TABLE)
    if word is not None:
        return word
    if address not in _PUBLIC_IPV6:
        return "not global unicast (RFC 4291)"
    if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
        return "an IPv4 address in IPv6 form (ISATAP, RFC 5214)"
    return None


def _word_for(address: IPv4Address | IPv6Address, table: Iterable[tuple[IPv4Network | IPv6Network, str]]) -> str | None:
    return next((word for block, word in table if address in block), None)
