"""The values that the wire speaks in: what is asked, what came back, and what happened between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from authweave.net.proxy import Proxy
    from authweave.net.target import Target

Headers = tuple[tuple[str, str], ...]
Clock = Callable[[], float]
Check = Callable[[str, str, int], None]


class Guard(Protocol):
    """Asked before a connection; each method raises EgressRefused for what may not be."""

    def target(self, target: Target) -> None:
        """Before DNS."""
        ...

    def address(self, target: Target, address: str) -> None:
        """For each address of the target."""
        ...

    def proxy(self, proxy: Proxy, host: str) -> None:
        """For the proxy that a call to this host would go through."""
        ...


TLS_DETAILS: Final = (
    "expired", "not_yet_valid", "self_signed", "unknown_ca", "name_mismatch", "protocol_version",
    "client_certificate_required", "client_certificate_refused", "http_on_tls_port", "tls_on_http_port", "handshake",
)  # fmt: skip
"""Every `detail` of a `TlsFailure`. `tls_on_http_port`: we spoke TLS and the port speaks plain HTTP; the other is the
reverse. `handshake` is everything without a name of its own; the message then quotes the TLS library."""


@dataclass(frozen=True, slots=True)
class Call:
    """A finished request: absolute `https` URL (or `http` on this machine), header pairs as text, body as bytes.

    Its repr shows the method only: everything else may hold a secret.
    """

    method: str
    url: str = field(repr=False)
    headers: Headers = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Route:
    """Where calls for one host and port really go, as with curl's `--connect-to`; `ca` is trusted for that host only.

    `ca` is a path or PEM text. Host, SNI, URL and Host field stay the real ones; neither the proxy nor the egress
    check is asked, because a route is the operator's own word.
    """

    address: str
    port: int
    ca: str | None = None


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """What this side shows in the handshake: PEM texts. The key may stand in `certificate`, too."""

    certificate: str
    private_key: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a server's certificate says of itself; dates as RFC 3339 text in UTC."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: str
    not_after: str


@dataclass(frozen=True, slots=True)
class TlsInfo:
    """The TLS session of a call; `encoded` is the server's certificate as it came (DER)."""

    version: str
    cipher: str
    verified: bool
    certificate: Certificate | None
    encoded: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class StageEvent:
    """One stage that was passed: dns, connect, proxy, tls, sent, headers or body.

    `at` is the second of the call at which it ended, `duration` how long it took. `detail` holds no header value.
    """

    stage: str
    at: float
    duration: float
    detail: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, decoded. `address` is the peer's (the proxy's, if `proxy` names one). `truncated`: cut at the cap.

    `is_followed`: more came after its end, or it said in two ways where that is: nobody knows whose the next answer on
    this connection would be.
    """

    status: int
    reason: str
    http_version: str
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)
    truncated: bool
    address: tuple[str, int]
    tls: TlsInfo | None
    proxy: str | None
    stages: tuple[StageEvent, ...] = field(repr=False)
    is_followed: bool = False

    def header(self, name: str) -> str | None:
        """The first value of a header, whatever its case, or None."""
        return next(iter(self.header_lines(name)), None)

    def header_lines(self, name: str) -> tuple[str, ...]:
        """Every value of a header, in order, whatever its case."""
        wanted = name.lower()
        return tuple(value for key, value in self.headers if key.lower() == wanted)
