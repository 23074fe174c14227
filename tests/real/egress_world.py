"""A process that has a network of its own: what is public there answers, and so does what is not. Prints what happened as JSON."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from contextlib import ExitStack

import httpx

from authweave import Engine, loads
from authweave.errors import EgressRefused
from authweave.settings import Settings
from authweave.wire import Call, Wire
from certificates import server_context
from outside import AUTHORITY, INPUTS, trust
from sockets import Server, http, says

TOKEN = http(200, ("Content-Type", "application/json"), ("Connection", "close"), body=b'{"access_token": "tok-1", "token_type": "Bearer", "expires_in": 900}')
V4, V6 = "93.184.216.34", "2606:4700:4700::1111"
INSIDE = ["127.0.0.1", "::1", "169.254.169.254", "100.100.100.200", "168.63.129.16", "10.0.0.1", "fd00:ec2::254"]
ELSEWHERE = {f"in{index}.example.com": [address] for index, address in enumerate(INSIDE)}
NAMES = {
    "api.example.com": [V4], "six.example.com": [V6], "mixed.example.com": [V4, "127.0.0.1"], "mapped.example.com": ["::ffff:127.0.0.1"],
    "nat64.example.com": ["64:ff9b::a9fe:a9fe"], **ELSEWHERE,
}  # fmt: skip
LITERALS = ["2130706433", "0x7f000001", "127.1", "0177.0.0.1", "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[::127.0.0.1]", "localhost", "0.0.0.0", "[::]"]


def resolve(host, port, family=0, kind=0, *_):
    """The names of this world; every other spelling means what the system says."""
    if host not in NAMES:
        return socket.getaddrinfo(host, port, family, kind)
    return [(socket.AF_INET6 if ":" in ip else socket.AF_INET, kind, 6, "", (ip, port, 0, 0) if ":" in ip else (ip, port)) for ip in NAMES[host]]


def engine(egress: str) -> Engine:
    return Engine(settings=Settings.load({"sources": []}, env={}), wire=Wire(ca=AUTHORITY.pem, environ={}, resolve=resolve), inputs=INPUTS, egress=egress)


def profile(*servers: str):
    auth = {"type": "oauth2", "grant_type": "client_credentials", "token_url": "https://api.example.com/token"}
    return loads(json.dumps({"format": 1, "name": "acme", "identity_provider": "Acme", "servers": list(servers), "auth": auth}), "acme.json")


def worked() -> list[str]:
    strict = engine("strict")
    connection = strict.connect(profile("https://api.example.com"))
    done = ["token"] if connection.token().result(20).access_token.reveal() == "tok-1" else []
    with connection.client(verify=trust()) as client:
        done += ["task"] if client.get("/me").status_code == 200 else []

    async def task() -> int:
        async with connection.async_client(verify=trust()) as client:
            return (await client.get("/me")).status_code

    done += ["async task"] if asyncio.run(task()) == 200 else []
    done += ["ipv6"] if strict.wire.send(Call("GET", "https://six.example.com/"), deadline=10).status == 200 else []
    done += ["literal"] if strict.wire.send(Call("GET", f"https://{V4}/"), deadline=10).status == 200 else []
    return done


def refused(hosts: list[str]) -> tuple[int, int]:
    strict, count, tried = engine("strict"), 0, 0
    for host in hosts:
        for way in (by_wire, by_client):
            tried += 1
            try:
                way(strict, f"https://{host}/")
            except (EgressRefused, httpx.InvalidURL):  # httpx itself takes no 0177.0.0.1
                count += 1
    return count, tried


def by_wire(strict: Engine, url: str):
    return strict.wire.send(Call("GET", url), deadline=5)


def by_client(strict: Engine, url: str):
    """A request without the credential, as the hop of a redirect is."""
    named = loads('{"format": 1, "name": "b", "identity_provider": "A", "auth": {"type": "bearer"}}', "b.json")
    with strict.connect(named, servers=["https://api.example.com"]).client(verify=trust()) as client:
        client.auth = None
        return client.get(url)


def main() -> None:
    with ExitStack() as stack:
        names = [*NAMES, V4, "localhost", *INSIDE]
        context = server_context(AUTHORITY.issue(*names))
        for ip in (V4, V6):
            stack.enter_context(Server(says(TOKEN), tls=context, host=ip, port=443))
        inside = [stack.enter_context(Server(says(TOKEN), tls=context, host=ip, port=443)) for ip in INSIDE]
        done = worked()
        addresses = [f"[{one}]" if ":" in one else one for one in INSIDE]
        count, tried = refused([*ELSEWHERE, "mixed.example.com", "mapped.example.com", "nat64.example.com", *addresses, *LITERALS])
        seen = sum(server.connections for server in inside)
        reached = engine("open")
        for host in ELSEWHERE:
            reached.wire.send(Call("GET", f"https://{host}/"), deadline=10)
        open_too = sorted(address for address, server in zip(INSIDE, inside, strict=True) if server.connections)
    json.dump({"worked": done, "refused": count, "tried": tried, "inside": seen, "without policy": open_too}, sys.stdout)


if __name__ == "__main__":
    main()
