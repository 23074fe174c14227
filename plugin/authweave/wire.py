"""The one transport for every call that authweave makes itself. Blocking, over httpcore, one connection per call.

Nothing is pooled: it works from any thread and after a fork, and a dead endpoint hurts nobody else's call.
"""

from __future__ import annotations

import copy
import os
import socket
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from authweave._version import __version__
from authweave.errors import AuthweaveError, DeadlineExceeded, EgressRefused
from authweave.net.kept import Kept
from authweave.net.values import (
    TLS_DETAILS,
    Call,
    Certificate,
    Check,
    ClientCertificate,
    Clock,
    Headers,
    Reply,
    Route,
    StageEvent,
    TlsInfo,
)

if TYPE_CHECKING:
    import ssl

    from authweave.net.opening import Opener
    from authweave.net.proxy import Proxies
    from authweave.net.resolving import Resolve
    from authweave.net.values import Guard

__all__ = [
    "CAP", "TLS_DETAILS", "Call", "Certificate", "ClientCertificate", "Kept", "Reply", "Route", "StageEvent", "TlsInfo", "Wire",
]  # fmt: skip

CAP: Final = 1024 * 1024
LONGEST: Final = 86400.0  # sockets cannot wait for ever
USER_AGENT: Final = f"authweave/{__version__}"


class Wire:
    """Sends finished requests under one operator's rules. Safe for threads; share one, its TLS contexts are costly.

    - `routes`: where calls for a (host, port) really go.
    - `loopback_http`: may `http` be spoken to this machine?
    - `ca`: path or PEM text of authorities believed besides the default ones; `verify`; `client`: its certificate.
    - `proxy`: None asks HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY of `environ`, "" goes direct; `proxy_from`
      is what messages name as the origin of a proxy that was written.
    - `check(host, ip, port)` is asked for every address before the first connection and raises EgressRefused;
      `check_proxy` is asked for a proxy's addresses (default: `check`).
    - `guarded_by` gives a wire that asks an egress policy, too: see `egress`.
    - `resolve` is called as `socket.getaddrinfo(host, port, 0, SOCK_STREAM)`.
    """

    def __init__(
        self,
        *,
        routes: Mapping[tuple[str, int], Route] = MappingProxyType({}),
        ca: str | os.PathLike[str] | None = None,
        verify: bool = True,
        loopback_http: bool = True,
        client: ClientCertificate | None = None,
        proxy: str | None = None,
        proxy_from: str = "settings: proxy",
        resolve: Resolve = socket.getaddrinfo,
        check: Check | None = None,
        check_proxy: Check | None = None,
        clock: Clock = time.monotonic,
        user_agent: str = USER_AGENT,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._routes = {(host.lower(), port): route for (host, port), route in routes.items()}
        self._authorities = () if ca is None else (os.fspath(ca),)
        self._verify = verify
        self._loopback_http = loopback_http
        self._client = client
        self._proxy = (proxy, proxy_from)
        self._resolve = resolve
        self._check = check
        self._check_proxy = check_proxy or check
        self._guard: Guard | None = None
        self._clock = clock
        self._user_agent = user_agent
        self._environ = environ

    def send(
        self,
        call: Call,
        *,
        deadline: float,
        cap: int = CAP,
        truncate: bool = False,
        events: Callable[[StageEvent], None] | None = None,
        kept: Kept | None = None,
    ) -> Reply:
        """Send one request and read its answer, whatever its status; a redirect is an answer, too.

        With `kept`, the connection stays open for the next call with the same one, if the server keeps it.

        `deadline` is in seconds from now and holds for everything together, DNS and a slow body included. A decoded
        body of more than `cap` bytes is AnswerTooLarge, or is cut there with `truncate`. `events` hears of each stage
        that was passed, in the calling thread.

        Raises PlacementError for what cannot be sent as HTTP, EgressRefused, and otherwise one WireError; none of
        them has a cause, a context or a frame of the transport, so none holds a header.
        """
        outcome = self._outcome(call, deadline, cap, truncate, events, kept)
        del call
        if isinstance(outcome, AuthweaveError):
            raise outcome.fresh()
        return outcome

    def way_of(self, url: str) -> str:
        """How a call to this URL goes: through which proxy and who says so, or `directly`, and who says that there is none for it."""
        from authweave.net.target import target_of

        try:
            target = target_of(url)
            if (target.host, target.port) in self._routes:
                return "directly"
            return self._opener.proxies.way_of(target)
        except AuthweaveError:
            return "directly"

    def showing(self, client: ClientCertificate | None, *, authorities: str = "", verify: bool = True) -> Wire:
        """A wire under the same rules, which shows a client certificate, believes these authorities (PEM), too, or whomever."""
        other = copy.copy(self)
        other.__dict__.pop("_opener", None)
        other._client = client or self._client
        other._authorities = (*self._authorities, *([authorities] if authorities else []))
        other._verify = self._verify and verify
        return other

    def guarded_by(self, guard: Guard) -> Wire:
        """A wire under the same rules, which also asks this guard: before DNS, for every address, and for a proxy."""
        other = copy.copy(self)
        other.__dict__.pop("_opener", None)
        other._guard = guard
        return other

    @property
    def resolve(self) -> Resolve:
        """What names are looked up with."""
        return self._resolve

    @property
    def routes(self) -> Mapping[tuple[str, int], Route]:
        """Where calls for a host and port really go."""
        return MappingProxyType(self._routes)

    @property
    def proxies(self) -> Proxies:
        """What says which proxy a call goes through."""
        return self._opener.proxies

    def tls_context(self) -> ssl.SSLContext:
        """A TLS context with what this wire shows and believes, made anew: a client may change it. Raises InvalidInput, SettingsError."""
        opener = self._opener
        return opener.contexts.made(opener.trust)

    @property
    def own_headers(self) -> Headers:
        """What `send` adds to a call without them, beside framing and Host: for who has to sign them."""
        return (("User-Agent", self._user_agent), ("Accept-Encoding", "gzip"))

    def headers(self, call: Call) -> Headers:
        """The header fields as `send` writes them, the transport's own among them. Raises PlacementError, EgressRefused."""
        from authweave.net.target import headers_of, target_of

        raw = headers_of(call, target_of(call.url), self._user_agent)
        return tuple((name.decode("ascii"), value.decode("ascii")) for name, value in raw)

    def _outcome(
        self, call: Call, deadline: float, cap: int, truncate: bool, events: Callable[[StageEvent], None] | None, kept: Kept | None
    ) -> Reply | AuthweaveError:
        try:
            return self._sent(call, deadline, cap, truncate, events, kept)
        except AuthweaveError as error:
            return error

    def _sent(
        self, call: Call, deadline: float, cap: int, truncate: bool, events: Callable[[StageEvent], None] | None, kept: Kept | None
    ) -> Reply:
        from authweave.net.exchange import Order, exchange
        from authweave.net.journey import Journey
        from authweave.net.quiet import unlogged
        from authweave.net.target import headers_of, method_of, target_of

        target = target_of(call.url)
        if target.scheme == "http" and not self._loopback_http:
            message = "http:// is not allowed here, not even on this machine (settings: allow_loopback_http)"
            raise EgressRefused(message, stage="dns", host=target.host, detail="scheme")
        if self._guard is not None:
            self._guard.target(target)
        headers = headers_of(call, target, self._user_agent, keeps=kept is not None)
        order = Order(method_of(call), target, headers, call.body, cap, truncate)
        if not deadline > 0:
            raise DeadlineExceeded(f"no time was left to call {target.host}", stage="dns", host=target.host)
        journey = kept.journey(target) if kept else None
        if journey is None:
            journey = Journey(target.host, limit=min(deadline, LONGEST), clock=self._clock, events=events)
        else:
            journey.begin_anew(min(deadline, LONGEST), events)
        opener = self._opener
        with unlogged():
            link = (kept.taken() if kept else None) or opener.open(target, journey)
            reply: Reply | None = None
            try:
                reply = exchange(order, link, journey, speaks_tls=lambda: opener.speaks_tls(link, journey))
                return reply
            finally:
                if kept is None or reply is None or not kept.keeps(target, link, journey, reply):
                    link.stream.close()

    @cached_property
    def _opener(self) -> Opener:
        from authweave.net.opening import Opener
        from authweave.net.proxy import Proxies
        from authweave.net.trust import Contexts, Trust

        return Opener(
            routes=self._routes,
            trust=Trust(self._authorities, self._verify, self._client),
            proxies=Proxies(*self._proxy, self._environ),
            resolve=self._resolve,
            check=self._check,
            check_proxy=self._check_proxy,
            guard=self._guard,
            contexts=Contexts(self._environ),
            clock=self._clock,
        )
