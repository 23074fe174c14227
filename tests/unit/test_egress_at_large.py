"""The strict policy against every form of every address, and against redirects in every spelling: each row beside another door, all in one test.

Sources: RFC 6890 and the IANA registries behind it, RFC 6052 §2.2, RFC 8215, RFC 3056, RFC 4380 §4, RFC 5214 §6.1, RFC 4291 §2.5.5, and the
metadata services that clouds document.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
from ipaddress import IPv4Address, IPv6Address

import httpx
import pytest

from authweave import loads
from authweave.errors import AuthweaveError, EgressRefused
from authweave.wire import Call
from odd_locations import NAMED, NUMBERED
from outside import PUBLIC, Outside, guarded, internal, public, trust
from sockets import Server, http
from thorough import few

INNER = """
0.0.0.0 0.255.255.255 10.0.0.1 100.64.0.1 100.100.100.200 127.0.0.1 127.0.0.53 127.255.255.254 168.63.129.16 169.254.169.254 169.254.170.2 172.16.0.1
172.31.255.255 192.0.0.192 192.168.1.1 198.18.0.1 224.0.0.1 240.0.0.1 255.255.255.255 192.88.99.1 161.26.0.10 199.36.153.8
"""
OTHERS = "8.8.8.8", "2606:4700:4700::1111"
SHARES = 8
_GO = re.compile(r"GET /go/([0-9a-f]*) ")


def forms_of(inner):
    """An IPv4 address, and each IPv6 address that carries it."""
    number = int(IPv4Address(inner))
    carried = {
        "mapped": 0xFFFF << 32 | number, "compatible": number, "translated": 0xFFFF << 48 | number, "NAT64": 0x64FF9B << 96 | number, "local NAT64": 0x64FF9B0001 << 80 | number,
        "local NAT64 of 48 bits": 0x64FF9B0001 << 80 | number >> 16 << 64 | (number & 0xFFFF) << 40, "6to4": 0x2002 << 112 | number << 80 | 1, "server of Teredo": 0x20010000 << 96 | number << 64 | 1,
        "client of Teredo": 0x20010000 << 96 | 0x08080808 << 64 | number ^ 0xFFFFFFFF, "ISATAP": 0x26001F18 << 96 | 0x5EFE << 32 | number, "ISATAP of a public one": 0x26001F18 << 96 | 0x02005EFE << 32 | number,
        "link-local ISATAP": 0xFE80 << 112 | 0x5EFE << 32 | number, "unique-local": 0xFD00 << 112 | number,
    }  # fmt: skip
    return {"itself": inner, **{name: str(IPv6Address(value)) for name, value in carried.items()}}


class Answers:
    """A resolver that gives the same to every name."""

    def __init__(self, *addresses):
        self.addresses = addresses

    def __call__(self, host, port, family=0, kind=0, *_):
        return [(socket.AF_INET6, kind, 6, "", (ip, port, 0, 0)) if ":" in ip else (socket.AF_INET, kind, 6, "", (ip, port)) for ip in self.addresses]


def connected(engine, *servers):
    return engine.connect(loads(json.dumps({"format": 1, "name": "acme", "identity_provider": "A", "servers": servers, "auth": {"type": "bearer"}}), "acme.json"))


def test_no_form_of_an_address_is_connected_to():
    """Of 22 addresses in 14 forms each, alone, before and after a public one: refused by the wire, by both clients, and when asked."""
    found = Answers()
    engine = guarded("strict", found)
    connection, url = connected(engine, "https://api.example.com"), "https://api.example.com/"
    rows = [(inner, name, address) for inner in INNER.split() for name, address in forms_of(inner).items()]
    wrong = []

    async def by_async_client():
        async with connection.async_client(trust_env=False) as client:
            await client.get(url)

    with connection.client(trust_env=False) as client:
        doors = [lambda: engine.wire.send(Call("GET", url), deadline=5), lambda: client.get(url), lambda: asyncio.run(by_async_client())]
        for number, row in enumerate(rows):
            found.addresses = [(row[2],), (OTHERS[0], row[2]), (row[2], OTHERS[1])][number // 3 % 3]
            try:
                doors[number % 3]()
                wrong.append((*row, "sent"))
            except EgressRefused:
                pass
            except (AuthweaveError, httpx.HTTPError) as error:
                wrong.append((*row, repr(error)))
            if engine.egress_refusal(url, address=row[2]) is None:
                wrong.append((*row, "let pass when asked"))

    assert 308 == len(rows)
    assert wrong == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # httpcore leaves a socket open where ssl takes no such name
@pytest.mark.parametrize("share", few(range(SHARES), every=SHARES))
def test_no_spelling_of_a_location_leads_inside(share):
    """A public API that redirects in every spelling, where every other name leads to this machine: nobody inside sees a connection."""

    def behave(peer):
        asked = _GO.match(peer.request().line)
        peer.send(http(302, ("Location", bytes.fromhex(asked[1]).decode("latin-1"))) if asked else http(200))

    class Names(Answers):
        def __call__(self, host, port, *more):
            self.addresses = (PUBLIC,) if host == "api.example.com" else ("127.0.0.1", "::1")
            return super().__call__(host, port, *more)

    with public(behave, "api.example.com") as api, internal(behave, "other.example", port=api.port) as inside, Server(behave, host="::1", port=api.port) as ipv6:
        home = f"https://api.example.com:{api.port}"
        connection = connected(guarded(Outside(), Names()), home)
        places = [text.replace("api.example", "api.example.com") for text in NAMED] + [f"https://{host.format(port=api.port, other=api.port)}/x" for host in NUMBERED]
        tried = 0
        for number, place in enumerate(places):
            if number % SHARES != share:
                continue
            url, options, before = f"{home}/go/{place.encode().hex()}", {"verify": trust(), "trust_env": False, "follow_redirects": True}, api.connections
            try:
                if number // SHARES % 2:
                    with connection.client(**options) as client:
                        client.get(url)
                else:
                    asyncio.run(_get(connection, url, options))
            except (AuthweaveError, ValueError, httpx.HTTPError, httpx.InvalidURL):
                pass  # of what the client reads as no URL, ValueError among it
            tried += api.connections > before

    assert tried == len(range(share, len(places), SHARES))
    assert (0, 0) == (inside.connections, ipv6.connections)


async def _get(connection, url, options):
    async with connection.async_client(**options) as client:
        return await client.get(url)
