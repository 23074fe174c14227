"""From a host name to a stream that HTTP can be spoken over: resolve, check, pin, proxy, TLS."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import httpcore

from authweave.errors import AuthweaveError, ConnectFailure, EgressRefused, ProxyFailure
from authweave.net.addresses import Address, numeric
from authweave.net.certificates import decoded, tls_info
from authweave.net.dialing import dial
from authweave.net.journey import Journey
from authweave.net.proxy import Proxies, Proxy
from authweave.net.resolving import LOOKUPS, Resolve
from authweave.net.streams import PeerClosed, SocketStream, TlsStream
from authweave.net.target import Target, is_this_machine
from authweave.net.tls_failures import detail_of, tls_failure
from authweave.net.trust import Contexts, Trust
from authweave.net.tunnel import tunnel
from authweave.net.values import Certificate, Check, Clock, Guard, Route, TlsInfo

_SECOND_LOOK = 3.0
_QUESTION = 0.3


@dataclass(frozen=True, slots=True)
class Way:
    """How to reach a target: the pinned addresses to try, and the proxy that they belong to, if any."""

    target: Target
    addresses: tuple[Address, ...]
    proxy: Proxy | None
    trust: Trust


@dataclass(frozen=True, slots=True)
class Link:
    """An open way to a target."""

    stream: httpcore.NetworkStream
    way: Way
    tls: TlsInfo | None = None

    @property
    def address(self) -> tuple[str, int]:
        """The peer's address (the proxy's, where there is one)."""
        return self.way.addresses[0].ip, self.way.addresses[0].port


@dataclass(frozen=True, slots=True)
class Opener:
    """Opens ways under one operator's rules. Safe for threads: it holds nothing that a call changes."""

    routes: Mapping[tuple[str, int], Route]
    trust: Trust
    proxies: Proxies
    resolve: Resolve
    check: Check | None
    check_proxy: Check | None
    guard: Guard | None
    contexts: Contexts
    clock: Clock

    def open(self, target: Target, journey: Journey) -> Link:
        """An open link; the caller closes its stream. Raises one of the WireErrors."""
        way = self._way(target, journey)
        stream, pinned = self._walk(way, journey)
        if target.scheme != "https":
            return Link(stream, pinned)
        with closed_on_failure(stream):
            journey.enter("tls")
            secured = self._secured(stream, pinned, journey)
            info = tls_info(secured.session, verified=way.trust.verify)
            journey.reached("tls", version=info.version, cipher=info.cipher, certificate=info.certificate)
        return Link(secured, pinned, info)

    def speaks_tls(self, link: Link, journey: Journey) -> bool:
        """Would this address, which said nothing to plain HTTP, answer a TLS handshake? Nothing else is sent."""
        return link.way.proxy is None and self._second_look(link.way, journey, patience=_QUESTION) is not None

    def _way(self, target: Target, journey: Journey) -> Way:
        route = self.routes.get((target.host.rstrip("."), target.port))
        if route is not None:
            trust = replace(self.trust, authorities=(*self.trust.authorities, *([route.ca] if route.ca else ())))
            return Way(target, self._found(route.address, route.port, None, journey, routed=True), None, trust)
        proxy = self.proxies.choose(target)
        if proxy is None:
            addresses = self._found(target.host, target.port, self.check, journey)
            _refuse_clear_text(target, addresses)
            if self.guard is not None:
                for address in addresses:
                    self.guard.address(target, address.ip)
            return Way(target, addresses, None, self.trust)
        if self.guard is not None:
            self.guard.proxy(proxy, target.host)
        if self.check is not None:
            _check_behind_proxy(target, self.check)
        with blaming(proxy, journey):
            return Way(target, self._found(proxy.host, proxy.port, self.check_proxy, journey), proxy, self.trust)

    def _found(
        self, host: str, port: int, check: Check | None, journey: Journey, *, routed: bool = False
    ) -> tuple[Address, ...]:
        """Every address of the host, all of them allowed: one that is not refuses the call."""
        journey.enter("dns", host)
        addresses = LOOKUPS.find(host, port, resolve=self.resolve, journey=journey)
        journey.reached("dns", host=host, addresses=tuple(address.ip for address in addresses), route=routed)
        if check is not None:
            for address in addresses:
                check(host, address.ip, address.port)
        return addresses

    def _walk(self, way: Way, journey: Journey) -> tuple[httpcore.NetworkStream, Way]:
        """The open stream, and the way pinned to the address that was taken."""
        if way.proxy is None:
            return self._dialled(way, journey)
        with blaming(way.proxy, journey):
            stream, pinned = self._dialled(way, journey)
        with closed_on_failure(stream):
            if way.proxy.scheme == "https":
                with blaming(way.proxy, journey):
                    stream = self._secured_proxy(stream, pinned, way.proxy, journey)
            if way.target.scheme == "https":
                stream = tunnel(stream, way.proxy, way.target, journey)
        return stream, pinned

    def _dialled(self, way: Way, journey: Journey) -> tuple[httpcore.NetworkStream, Way]:
        connected, address = dial(way.addresses, journey)
        stream = SocketStream(connected, journey)
        with closed_on_failure(stream):
            failed = way.addresses.index(address)
            journey.reached("connect", address=address.ip, port=address.port, failed=failed)
        return stream, replace(way, addresses=(address,))

    def _secured_proxy(
        self, stream: httpcore.NetworkStream, pinned: Way, proxy: Proxy, journey: Journey
    ) -> httpcore.NetworkStream:
        journey.enter("tls", proxy.host)
        itself = Target("https", proxy.host, proxy.port, "/")
        unnamed = replace(self.trust, client=None)  # our certificate is for the host, not for what stands between
        return self._secured(stream, Way(itself, pinned.addresses, None, unnamed), journey)

    def _secured(self, stream: httpcore.NetworkStream, way: Way, journey: Journey) -> TlsStream:
        secured = TlsStream(stream, self.contexts.of(way.trust), way.target.host.rstrip("."))
        error: ssl.SSLError | None = None
        was_reset = False
        try:
            secured.handshake()
        except PeerClosed as closed:
            was_reset = closed.reset and not secured.seen
        except ssl.SSLError as failure:
            error = failure
        else:
            return secured
        stream.close()
        if was_reset:
            raise ConnectFailure(
                f"the connection to {way.target.authority} was reset before it said anything in the TLS handshake",
                stage="connect", host=way.target.host, detail="reset",
            )  # fmt: skip
        detail = detail_of(error, seen=secured.seen, finished=False, shown=way.trust.client is not None)
        unverified = isinstance(error, ssl.SSLCertVerificationError)
        raise tls_failure(detail, way.target, error, self._second_look(way, journey) if unverified else None)

    def _second_look(self, way: Way, journey: Journey, *, patience: float = _SECOND_LOOK) -> Certificate | None:
        """The certificate of the same address, unverified, for the words of an error: nothing is sent to it."""
        left = min(patience, journey.left())
        if left <= 0:
            return None
        look = Journey(journey.host, limit=left, clock=self.clock)
        try:
            stream, _ = self._walk(way, look)
            with closed_on_failure(stream):
                look.enter("tls")
                secured = TlsStream(stream, self.contexts.of(Trust(verify=False)), way.target.host.rstrip("."))
                secured.handshake()
            secured.close()
        except (AuthweaveError, PeerClosed, ssl.SSLError):
            return None
        encoded = secured.session.getpeercert(binary_form=True)
        return decoded(encoded) if encoded else None


@contextmanager
def closed_on_failure(stream: httpcore.NetworkStream) -> Iterator[None]:
    """Whatever ends the block early, the connection does not stay open."""
    try:
        yield
    except BaseException:
        stream.close()
        raise


@contextmanager
def blaming(proxy: Proxy, journey: Journey) -> Iterator[None]:
    """A way that ends before the proxy is the proxy's failure, not the host's."""
    try:
        yield
    except EgressRefused:
        raise
    except AuthweaveError as error:
        raise ProxyFailure(
            f"the proxy {proxy} cannot be reached: {error}", stage="proxy", host=journey.host, detail="unreachable",
            facts={**proxy.facts(), "why": getattr(error, "detail", "")},
        ) from None  # fmt: skip


def _refuse_clear_text(target: Target, addresses: tuple[Address, ...]) -> None:
    """`localhost` is what the resolver says: clear text must not leave this machine because of a name."""
    if target.scheme == "http" and not all(is_this_machine(address.ip) for address in addresses):
        raise EgressRefused(
            f"http://{target.host_field} is not encrypted, and its address is not of this machine",
            stage="dns", host=target.host, detail="scheme",
        )  # fmt: skip


def _check_behind_proxy(target: Target, check: Check) -> None:
    """The proxy resolves names, but what is an address already can be checked here."""
    address = "127.0.0.1" if is_this_machine(target.host) and numeric(target.host) is None else numeric(target.host)
    if address is not None:
        check(target.host, address, target.port)
