"""Which proxy a call goes through, and where that was said: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY."""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from authweave.errors import ProxyFailure
from authweave.net.target import Target, bracketed, is_this_machine

_PROXY = re.compile(
    r"(?:(?P<scheme>[a-z0-9+.-]+)://)?(?:(?P<user>[^/?#]*)@)?"
    r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?/?",
    re.IGNORECASE,
)
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy, reached in clear text or over TLS. `origin` names the setting or variable it came from."""

    scheme: str
    host: str
    port: int
    origin: str
    credentials: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.scheme}://{bracketed(self.host)}:{self.port} (from {self.origin})"

    def facts(self) -> dict[str, object]:
        """What errors and events may say of it: never its password."""
        return {"proxy": f"{self.scheme}://{bracketed(self.host)}:{self.port}", "from": self.origin}

    def headers(self) -> list[tuple[bytes, bytes]]:
        """What the proxy wants to see: RFC 9110 §11.7.2."""
        if self.credentials is None:
            return []
        return [(b"Proxy-Authorization", b"Basic " + base64.b64encode(self.credentials.encode()))]


@dataclass(frozen=True, slots=True)
class Proxies:
    """The choice of a proxy. `written` is the operator's own setting: None asks the environment, "" means none."""

    written: str | None
    origin: str
    environ: Mapping[str, str]

    def choose(self, target: Target) -> Proxy | None:
        """The proxy for this target, or None. Raises ProxyFailure for a setting that cannot be read.

        Clear text stays on this machine: `http://` goes through a proxy only if that, too, is on this machine.
        """
        text, origin = (self.written, self.origin) if self.written is not None else self._from_environment(target)
        if not text:
            return None
        proxy = _read(text, origin, target)
        return proxy if target.scheme == "https" or is_this_machine(proxy.host) else None

    def way_of(self, target: Target) -> str:
        """`through http://p:3128 (from HTTPS_PROXY)`, `directly`, or `directly (NO_PROXY names it)`. Raises as `choose`."""
        if (proxy := self.choose(target)) is not None:
            return f"through {proxy}"
        names, origin = self._value("no_proxy")
        is_set = any(self._value(name)[0] for name in (f"{target.scheme}_proxy", "all_proxy"))
        return f"directly ({origin} names it)" if self.written is None and is_set and is_excepted(target, names) else "directly"

    def _from_environment(self, target: Target) -> tuple[str, str]:
        if is_excepted(target, self._value("no_proxy")[0]):
            return "", ""
        for name in (f"{target.scheme}_proxy", "all_proxy"):
            value, origin = self._value(name)
            if value:
                return value, origin
        return "", ""

    def _value(self, name: str) -> tuple[str, str]:
        """A variable and its name; the lower-case one wins, as in curl.

        HTTP_PROXY is not read where CGI runs: there it is a header that a visitor wrote (httpoxy).
        """
        if name in self.environ:
            return self.environ[name], name
        if name == "http_proxy" and "REQUEST_METHOD" in self.environ:
            return "", name
        return self.environ.get(name.upper(), ""), name.upper()


def is_excepted(target: Target, no_proxy: str) -> bool:
    """Does NO_PROXY name this target? It lists domains (with all below them), addresses and networks, ports at will."""
    entries = [entry.strip().lower() for entry in re.split(r"[,\s]+", no_proxy) if entry.strip()]
    return any(_matches(target, entry) for entry in entries)


def _matches(target: Target, entry: str) -> bool:
    if entry == "*":
        return True
    name, port = _split_port(entry)
    if port is not None and port != target.port:
        return False
    host = target.host.rstrip(".")
    address = _address(host)
    if address is not None:
        return _in_network(address, name)
    domain = name.removeprefix("*").strip(".")
    return bool(domain) and (host == domain or host.endswith("." + domain))


def _split_port(entry: str) -> tuple[str, int | None]:
    if found := re.fullmatch(r"(\[[^\]]+\]|[^:]+):([0-9]{1,5})", entry):
        return found[1].strip("[]"), int(found[2])
    return entry.strip("[]"), None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _in_network(address: ipaddress.IPv4Address | ipaddress.IPv6Address, text: str) -> bool:
    try:
        return address in ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False


def _read(text: str, origin: str, target: Target) -> Proxy:
    found = _PROXY.fullmatch(text.strip())
    scheme = (found["scheme"] or "http").lower() if found else ""
    port = int(found["port"] or _PORTS.get(scheme, 0)) if found else 0
    if found is None or not 0 <= port < 65536:
        raise _unusable(f"the proxy setting from {origin} is not of the form http://host:port", target, origin)
    if scheme not in _PORTS:
        raise _unusable(f"the proxy from {origin} is a {scheme} proxy: only http and https ones are spoken to", target, origin)
    credentials = unquote(found["user"]) if found["user"] else None
    if credentials is not None and ":" not in credentials:
        credentials += ":"
    return Proxy(scheme, found["host"].strip("[]").lower(), port, origin, credentials)


def _unusable(message: str, target: Target, origin: str) -> ProxyFailure:
    return ProxyFailure(message, stage="proxy", host=target.host, detail="invalid", facts={"from": origin})
