"""A stand-in for the public internet on this machine, for tests of egress policies: 127.0.0.7 counts as public, 127.0.0.1 stays what it is.

Who is at 127.0.0.1 here is an internal service, and no test may ever see it connected to.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from authweave import Engine
from authweave.contracts import Departure
from authweave.egress.strict import Strict
from authweave.settings import Settings
from authweave.wire import Wire
from certificates import Authority, server_context
from sockets import Behaviour, Server

AUTHORITY = Authority()
PUBLIC, INTERNAL = "127.0.0.7", "127.0.0.1"
INPUTS = {"client_id": "me", "client_secret": "s3cret", "token": "t0ken-of-the-test", "username": "me", "password": "pa55"}


@dataclass(frozen=True)
class Outside(Strict):
    """The strict policy, for which 127.0.0.7 is a public address. `asked` is everything that it was asked."""

    asked: list[Departure] = field(default_factory=list)
    also: frozenset[str] = frozenset()

    def refusal(self, departure: Departure) -> str | None:
        """As Strict."""
        self.asked.append(departure)
        return super().refusal(replace(departure, address="93.184.216.34") if departure.address in {PUBLIC, *self.also} else departure)


@dataclass(eq=False)
class Names:
    """A resolver: what each name leads to, one answer after the other; the last one stays. `asked` are the look-ups."""

    answers: dict[str, list[list[str]]]
    asked: list[str] = field(default_factory=list)

    def __call__(self, host: str, port: int, family: int = 0, kind: int = 0, *_: Any) -> list[Any]:
        self.asked.append(host)
        waiting = self.answers.get(host)
        if not waiting:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        found = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return [
            (socket.AF_INET6, kind, 6, "", (ip, port, 0, 0)) if ":" in ip else (socket.AF_INET, kind, 6, "", (ip, port))
            for ip in found
        ]  # fmt: skip


def trust() -> ssl.SSLContext:
    """A client's belief in the authority of these servers, and in nobody else."""
    return ssl.create_default_context(cadata=AUTHORITY.pem)


def names(**answers: Any) -> Names:
    """`api=["127.0.0.7"]` for api.example.com; a list of lists answers one after the other."""
    return Names({f"{name.replace('_', '-')}.example.com": one if isinstance(one[0], list) else [one] for name, one in answers.items()})


@contextmanager
def public(behaviour: Behaviour, *hosts: str) -> Iterator[Server]:
    """A TLS server of the public internet."""
    with Server(behaviour, tls=server_context(AUTHORITY.issue(*hosts)), host=PUBLIC) as server:
        yield server


@contextmanager
def internal(behaviour: Behaviour, *hosts: str, port: int = 0) -> Iterator[Server]:
    """A TLS server inside, with a certificate that would be believed."""
    with Server(behaviour, tls=server_context(AUTHORITY.issue(*hosts, INTERNAL)), host=INTERNAL, port=port) as server:
        yield server


def guarded(egress: Any, resolve: Any, /, *, environ: dict[str, str] | None = None, proxy: str | None = None, inputs: Any = INPUTS, **settings: Any) -> Engine:
    """An engine under a policy that sees nothing of this machine but what is given."""
    wire = Wire(ca=AUTHORITY.pem, environ=environ or {}, proxy=proxy, resolve=resolve)
    found = Settings.load({"sources": [], **settings}, env={})
    return Engine(settings=found, wire=wire, inputs=inputs, egress=egress)
