"""How the calls of a connection leave: over which wire, with which certificate, and what the host's policies let go where."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Final

from authweave.egress.errand import Errand, calling_for, errand_exchange
from authweave.egress.profiles import hosts_of, ports_of
from authweave.errors import NeedsClient
from authweave.limits.calls import exchange_within
from authweave.mutual_tls.wires import Supplied
from authweave.net.target import target_of

if TYPE_CHECKING:
    from authweave.connections.connection import Connection
    from authweave.token_calls.exchange import Exchange
    from authweave.wire import Wire

CALLS: Final = ("token", "task")
"""What `tls.calls` can name."""


class Outgoing:
    """Of one connection. What asks for a wire may block where a source of inputs does, and raises InputError, TemplateError, SettingsError."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._engine = connection.engine
        self._tls = connection.profile.tls

    def shows_certificate(self, call: str) -> bool:
        """Does the profile's `tls` hold for these calls (token or task)?"""
        return bool(self._tls) and call in self._tls["calls"]

    def wire(self, call: str) -> Wire:
        """What calls of this kind go over: the engine's wire, or one that shows this tenant's certificate and believes its authority."""
        return self._wire(self._supplied()) if self.shows_certificate(call) else self._engine.wire

    def wire_without_certificate(self) -> Wire:
        """What task requests go over, but that no certificate is shown; the tenant's authority is believed as ever."""
        if not self.shows_certificate("task"):
            return self._engine.wire
        return self._wire(replace(self._supplied(), certificate=None, private_key=None, password=None))

    def refuse_bad_certificate(self) -> None:
        """Raise as `wire` where a certificate cannot be shown: told before anything is sent."""
        for call in CALLS:
            self.wire(call)

    @property
    def is_without_certificate(self) -> bool:
        """Is none supplied that token calls could show?"""
        return not self.shows_certificate("token") or not self._supplied().certificate

    @property
    def exchange(self) -> Exchange:
        """How token calls are sent."""
        wire = self.wire("token")
        exchange = self._engine.exchange if wire is self._engine.wire else partial(self._engine.exchange, wire=wire)
        if (within := self._connection.within) is not None:
            exchange = exchange_within(within, exchange)
        return exchange if self._engine.guard is None else errand_exchange(self.errand, exchange)

    @property
    def trust(self) -> str:
        """What stands for the authorities that token calls believe; '' for the operator's own."""
        return f"tls of {self._connection.profile.name}, {self._connection.tenant}" if self.shows_certificate("token") else ""

    @cached_property
    def errand(self) -> Errand:
        """What an egress policy is told of these calls. Hosts and ports of `servers` that the host named count as written out."""
        connection = self._connection
        patterns = [server.pattern for server in connection.given_servers]
        hosts = hosts_of(connection.profile)
        if hosts is not None:
            hosts |= {f"{'.' if pattern.wildcard else ''}{pattern.origin.host}" for pattern in patterns}
        ports = frozenset(pattern.origin.port for pattern in patterns)
        return Errand(connection.profile.name, connection.tenant, ports_of(connection.profile) | ports, hosts)

    def calling(self, purpose: str) -> AbstractContextManager[None]:
        """Calls meanwhile are made for this connection, and for this (see `Departure`)."""
        return calling_for(purpose, self.errand) if self._engine.guard is not None else contextlib.nullcontext()

    def refuse(self, url: str) -> None:
        """Raise EgressRefused where the egress policy lets no task request go to this URL, as far as that can be said without DNS."""
        if (guard := self._engine.guard) is not None:
            with self.calling("task"):
                guard.target(target_of(url))

    def refuse_link(self, url: str) -> None:
        """Raise UrlRefused where the limits let no person be sent to this URL."""
        if (within := self._connection.within) is not None:
            within.refuse_origin(url, "the link to sign in")

    def refuse_without_client(self, door: str) -> None:
        """Raise NeedsClient where only our own client keeps what the profile or the host promises, and this door has none."""
        guard, profile = self._engine.guard, self._connection.profile
        if guard is not None and not guard.host_sends and door == "auth":
            raise NeedsClient(
                f"an egress policy is in force ({guard.origin}), and {door} leaves the connection to a client that resolves names by itself: "
                "send with client() or async_client(); or, where that client's network is guarded by the host, say egress_of_tasks=\"host\""
            )
        if self.is_bound:
            raise NeedsClient(f"{self.is_bound}, and {door} does not hold the connection: send with client() or async_client()")
        if self.shows_certificate("task"):
            raise NeedsClient(
                f"{profile.reference} has `tls` for task requests, and {door} leaves the TLS connection to others, who show no "
                "certificate: send with client() or async_client(); or write calls: [token], if the API wants none"
            )

    @property
    def is_bound(self) -> str:
        """Why requests have to go over one connection, one after the other; '' where they need not."""
        return next((str(reason) for variant in self._connection.profile.variants if (reason := getattr(variant.seal, "is_bound", ""))), "")

    def _wire(self, supplied: Supplied) -> Wire:
        engine = self._engine
        return engine.tls_wires.of(engine.wire, supplied, self._connection.tenant, engine.clock())

    def _supplied(self) -> Supplied:
        connection = self._connection
        return Supplied.of(self._tls, connection.scope(connection.inputs(), None))
