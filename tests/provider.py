"""A stand-in for providers' hosts: one TLS server on loopback that plays scripted answers and keeps what it was asked.

Both doors lead to it by a route: the wire's own (`Route`), and for httpx a proxy that tunnels every CONNECT to it.
Host, SNI, URL and certificate names are the real ones.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from authweave.engine import Engine
from authweave.settings import Settings
from authweave.values import TaskRequest, TaskResponse
from authweave.wire import Call, Route, Wire
from certificates import Authority
from sockets import Asked, Peer, Server, connect_proxy, http, tls_server

AUTHORITY = Authority()
TRUST = ssl.create_default_context(cadata=AUTHORITY.pem)
NOON = 1_700_000_000.0


class Clock:
    """A clock that only moves when it is told to."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@dataclass
class Says:
    """An answer of the script, as JSON or as a form."""

    status: int = 200
    content: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    is_form: bool = False

    def data(self) -> bytes:
        kind = "application/x-www-form-urlencoded" if self.is_form else "application/json"
        body = "" if self.content is None else urlencode(self.content) if self.is_form else json.dumps(self.content)
        return http(self.status, ("Content-Type", kind), ("Connection", "close"), *self.headers, body=body.encode())


@dataclass
class Provider:
    """The server, and an engine whose calls lead to it."""

    server: Server
    proxy: Server
    engine: Engine
    clock: Any

    @property
    def asked(self) -> list[Asked]:
        """Every request so far, in order."""
        return self.server.requests

    def lines(self) -> list[str]:
        """Method and target of every request so far."""
        return [asked.line.removesuffix(" HTTP/1.1") for asked in self.asked]

    def client(self, connection: Any) -> Any:
        """The connection's httpx client, over the tunnel."""
        return connection.client(proxy=f"http://127.0.0.1:{self.proxy.port}", verify=TRUST, trust_env=False)

    def send(self, request: TaskRequest) -> TaskResponse:
        """Send a finished request as a platform would that sends by itself."""
        reply = self.engine.wire.send(Call(request.method, request.url, request.headers, request.body), deadline=10)
        return TaskResponse(reply.status, reply.headers, reply.body)


@contextmanager
def provider(hosts: Iterable[str], script: Iterable[Says], *, clock: Any = None) -> Iterator[Provider]:
    """A provider at these hosts (with their ports, where they have one); beyond its script it answers 500. Without a clock, time stands still."""
    answers, lock, clock = list(script), threading.Lock(), clock or Clock()
    places = {(name, int(port or 443)) for name, _, port in (host.partition(":") for host in hosts)}
    names = sorted({name for name, _ in places})

    def behave(peer: Peer) -> None:
        peer.request()
        with lock:
            says = answers.pop(0) if answers else Says(500, {"error": "the script is over"})
        peer.send(says.data())

    with tls_server(behave, AUTHORITY, *names) as server, Server(connect_proxy(server.port)) as proxy:
        route = Route("127.0.0.1", server.port, ca=AUTHORITY.pem)
        wire = Wire(routes=dict.fromkeys(places, route), environ={})
        quiet = Settings.load({"sources": ()}, env={})
        with Engine(settings=quiet, wire=wire, clock=clock) as engine:
            yield Provider(server, proxy, engine, clock)
