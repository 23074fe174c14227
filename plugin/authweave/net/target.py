"""What a call will put onto the wire, checked before the first byte: RFC 3986, RFC 9110 §5 and §9.1, RFC 9112 §3."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote

from authweave.errors import EgressRefused, PlacementError
from authweave.net.values import Call

RawHeaders = list[tuple[bytes, bytes]]

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_NOT_IN_URL = re.compile(r"[\x00-\x20\x7f]")
_NOT_IN_VALUE = re.compile(r"[^\t\x20-\x7e]")
_URL = re.compile(r"(https?)://([^/?#]*)(/[^?#]*)?(\?[^#]*)?", re.IGNORECASE)
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]@]+)(?::([0-9]{1,5}))?")
_LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST_NAME = re.compile(rf"(?=.{{1,253}}\.?\Z){_LABEL}(?:\.{_LABEL})*\.?")
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_PORTS = {"https": 443, "http": 80}
_OURS = frozenset({
    "host", "content-length", "connection", "keep-alive", "proxy-connection", "transfer-encoding", "te", "trailer",
    "upgrade", "expect",
})  # fmt: skip
_ONCE = frozenset({"user-agent", "accept-encoding"})
_WITH_CONTENT = frozenset({"POST", "PUT", "PATCH"})
_NEVER_SENT = frozenset({"CONNECT", "TRACE"})
"""A tunnel is no request, and what TRACE sends comes back to whoever reads the answer: never a credential (RFC 9110 §9.3.8)."""


@dataclass(frozen=True, slots=True)
class Target:
    """Scheme, host (as in DNS, lower case), port and request target of a call."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Host and port for CONNECT: the port is always written."""
        return f"{bracketed(self.host)}:{self.port}"

    @property
    def host_field(self) -> str:
        """The value of the Host field: no default port."""
        return bracketed(self.host) if self.port == _PORTS[self.scheme] else self.authority


def bracketed(host: str) -> str:
    """A host as it stands in a URL."""
    return f"[{host}]" if ":" in host else host


def target_of(url: str) -> Target:
    """The target of an absolute `https` URL, or of an `http` URL on this machine.

    Raises PlacementError (never quoting the URL: it may hold a secret), EgressRefused for any other `http` URL.
    """
    if found := _NOT_IN_URL.search(url):
        raise PlacementError(f"the URL has a blank or control character at character {found.start() + 1}")
    parts = _URL.fullmatch(url)
    if parts is None:
        raise PlacementError("the URL is not absolute: https://host/path without a fragment is needed")
    scheme = parts[1].lower()
    if "@" in parts[2]:
        raise PlacementError("the URL holds a user name before its host: credentials never stand there")
    host, port = _host_and_port(parts[2], _PORTS[scheme])
    if scheme == "http" and not is_this_machine(host):
        raise EgressRefused(
            f"http://{bracketed(host)} is not encrypted: only https:// is called, and http:// on this machine alone",
            stage="dns", host=host, detail="scheme",
        )  # fmt: skip
    return Target(scheme, host, port, quote((parts[3] or "/") + (parts[4] or ""), safe=_PRINTABLE))


def is_this_machine(host: str) -> bool:
    """Does this host name or address mean the loopback interface? (RFC 6761 §6.3 for the names.)"""
    name = host.rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def method_of(call: Call) -> bytes:
    """The method, if it is one that may be sent."""
    if not _TOKEN.fullmatch(call.method) or call.method.upper() in _NEVER_SENT:
        raise PlacementError("the method is not one that can be sent")
    return call.method.encode()


def headers_of(call: Call, target: Target, user_agent: str, *, keeps: bool = False) -> RawHeaders:
    """The header fields as they will be sent, each of the transport's own exactly once.

    Framing and hop-by-hop fields of the caller give way to the transport's. A Host that names another
    host than the URL is refused: it would send a credential to somebody else. `keeps`: the connection is wanted again.
    """
    given = [(name, checked_value(name, value)) for name, value in call.headers]
    _refuse_repeated(given)
    _refuse_other_host(given, target)
    own = [("Host", target.host_field)]
    names = {name.lower() for name, _ in given}
    own += [pair for pair in (("User-Agent", user_agent), ("Accept-Encoding", "gzip")) if pair[0].lower() not in names]
    framed = [("Content-Length", str(len(call.body or b"")))] if _has_length(call) else []
    kept = [(name, value) for name, value in given if name.lower() not in _OURS]
    pairs = [*own, *kept, *framed, ("Connection", "keep-alive" if keeps else "close")]
    return [(name.encode("ascii"), value.encode("ascii")) for name, value in pairs]


def checked_value(name: str, value: str) -> str:
    """The value, if name and value can be sent as they are; PlacementError without the value otherwise."""
    if not _TOKEN.fullmatch(name):
        raise PlacementError("a header name holds a character that no header name may hold")
    if found := _NOT_IN_VALUE.search(value):
        kind = _kind(found[0])
        raise PlacementError(f"the value of header {name} has {kind} at character {found.start() + 1} of {len(value)}")
    if value != value.strip(" \t"):
        raise PlacementError(f"the value of header {name} begins or ends with a blank, which does not survive the way")
    return value


def _kind(character: str) -> str:
    if character in "\r\n":
        return "a line break"
    return "a character outside ASCII" if ord(character) > 0x7F else "a control character"


def _has_length(call: Call) -> bool:
    return call.body is not None or call.method.upper() in _WITH_CONTENT


def _refuse_repeated(given: list[tuple[str, str]]) -> None:
    names = [name.lower() for name, _ in given]
    for name in sorted(_ONCE | {"host"}):
        if names.count(name) > 1:
            raise PlacementError(f"header {name} is given twice")


def _refuse_other_host(given: list[tuple[str, str]], target: Target) -> None:
    for name, value in given:
        if name.lower() == "host" and value.lower() not in (target.host_field, target.authority):
            raise PlacementError(f"header Host names another host than the URL ({target.host_field})")


def _host_and_port(authority: str, default: int) -> tuple[str, int]:
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise PlacementError("the URL has no readable host and port")
    port = int(parts[2]) if parts[2] else default
    if not 0 < port < 65536:
        raise PlacementError("the URL has a port that does not exist")
    return _host(parts[1]), port


def _host(written: str) -> str:
    if written.startswith("["):
        return _ipv6(written[1:-1])
    name = (written if written.isascii() else _a_label(written)).lower()
    if not _HOST_NAME.fullmatch(name):
        raise PlacementError("the host of the URL is not a host name")
    return name


def _ipv6(text: str) -> str:
    try:
        return str(ipaddress.IPv6Address(text))
    except ValueError:
        pass
    raise PlacementError("the host of the URL is not an IPv6 address")


def _a_label(name: str) -> str:
    import idna

    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError:
        pass
    raise PlacementError("the host of the URL is not an internationalised host name (RFC 5891)")
