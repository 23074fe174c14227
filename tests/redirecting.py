"""A world of origins behind sockets, clients that are led from one to another, and what the others must not get.

    with World() as world:
        reply = send(door, connection, carrier, f"{world.home}/x", world)
    elsewhere = world.elsewhere(home)

Each request is kept as its bytes came, with the origin that it was sent to: by its own port, by the URL that a proxy was asked
for, or by the name of a tunnel, inside of which the world itself speaks TLS.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote

from certificates import Authority, server_context
from services import engine, profile
from sockets import Asked, Peer, Server, http

STATUSES = (301, 302, 303, 307, 308)
SECRETS = {
    "api_key": "k3y-Planted/4711+odd=x", "username": "ada-planted", "password": "open sesame/planted+1", "client_id": "robot",
    "client_secret": "s3cr3t-of-the-client", "access_key_id": "AKIDEXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "session_token": "AQoDYXdz//+EXAMPLE==", "consumer_key": "consumer-planted", "consumer_secret": "cs-planted& e",
    "token": "oauth1-token-planted", "token_secret": "ts %-planted",
}  # fmt: skip
TOKEN = "T0ken-planted-2YotnFZFEjr1zCsicMWpAA"
OTHER_BODIES = b'{"nothing": "of it"}'
_GO = re.compile(r"/go/(\d{3})/((?:[0-9a-f]{2})*)(?=\?|$)")
_CHALLENGE = 'Digest realm="r", nonce="0123456789abcdef", qop="auth", algorithm=SHA-256, opaque="opaque-of-the-realm"'


@dataclass(frozen=True)
class Carrier:
    """A way to carry a credential: the profile's `auth`, and the request that has room for it. `template`: what it fills."""

    name: str
    auth: dict[str, Any]
    request: dict[str, Any] = field(default_factory=dict)
    method: str = "GET"
    template: str = ""
    secrets: tuple[str, ...] = ("api_key",)

    @property
    def has_payload(self) -> bool:
        return self.name.startswith("payload")

    def __repr__(self) -> str:
        return self.name


def _keyed(name: str, *, value: str = "{{ inputs.api_key }}", **place: str) -> dict[str, Any]:
    return {"type": "api_key", "fields": [{"key": "api_key", **place, "value": value}]}


_USER, _KEYS = ("username", "password"), ("access_key_id", "secret_access_key")
_OAUTH1 = ("consumer_key", "consumer_secret", "token", "token_secret")
_FORM = {"data": {"n": "1"}}

CARRIERS = (
    Carrier("header", _keyed("header", **{"in": "header", "key": "X-API-Key"})),
    Carrier("bearer", _keyed("header", **{"in": "header", "key": "Authorization"}, value="Bearer {{ inputs.api_key }}")),
    Carrier("query", _keyed("query", **{"in": "query"})),
    Carrier("path", _keyed("path", **{"in": "path"}), template="{api_key}"),
    Carrier("cookie", _keyed("cookie", **{"in": "cookie"})),
    Carrier("payload json", _keyed("payload", **{"in": "payload"}), {"json": {"n": 1}}, "POST"),
    Carrier("payload form", _keyed("payload", **{"in": "payload"}), _FORM, "POST"),
    Carrier("payload multipart", _keyed("payload", **{"in": "payload"}), {"files": {"f": ("n.txt", b"1")}}, "POST"),
    Carrier("payload xml", _keyed("payload", **{"in": "payload"}), {"content": b"<a><n>1</n></a>", "headers": {"Content-Type": "application/xml"}}, "POST"),
    Carrier("basic", {"type": "basic"}, _FORM, "POST", secrets=_USER),
    Carrier("digest", {"type": "digest"}, secrets=_USER),
    Carrier("sigv4", {"type": "aws_sigv4", "service": "execute-api", "region": "us-east-1"}, {"json": {"n": 1}}, "POST", secrets=_KEYS),
    Carrier("oauth1", {"type": "oauth1"}, secrets=_OAUTH1),
    Carrier("hmac", {
        "type": "signature", "string_to_sign": "{{ request.method }} {{ request.url }}", "signing_key": "{{ inputs.api_key }}",
        "fields": [{"in": "header", "key": "X-Signature", "value": "{{ signature | hex }}"}, {"in": "query", "key": "signed", "value": "{{ signature | hex }}"}],
    }),
    Carrier("oauth2", {"type": "oauth2", "grant_type": "client_credentials", "token_url": "{identity}/token"}, secrets=("client_id", "client_secret")),
    Carrier("dpop", {"type": "oauth2", "grant_type": "client_credentials", "token_url": "{identity}/token", "dpop": True}, secrets=("client_id", "client_secret")),
)  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """A request: the origin that it was sent to, its raw bytes, the same taken apart."""

    origin: str
    asked: Asked

    @property
    def raw(self) -> bytes:
        return self.asked.head + b"\r\n\r\n" + self.asked.body


class World:
    """Sockets on loopback: `plain` and `secure` ports, each twice, one of them on other addresses too; and a proxy to any name."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.authority = Authority()
        self.names = ("api.example", "sub.api.example", "example", "other.example", "xn--pi-7kc.example", "127.0.0.1", "127.0.0.2", "::1")
        self.context = server_context(self.authority.issue(*self.names))
        self.trust = ssl.create_default_context(cadata=self.authority.pem)

    def __enter__(self) -> World:
        self._stack = contextlib.ExitStack()
        start = self._stack.enter_context
        self.home = start(Server(self._serve)).url.rstrip("/")
        port = int(self.home.rpartition(":")[2])
        self.port = start(Server(self._serve)).url.rstrip("/")
        self.address = start(Server(self._serve, host="127.0.0.2", port=port)).url.rstrip("/")
        self.ipv6 = f"http://[::1]:{start(Server(self._serve, host='::1', port=port)).port}"
        self.secure = start(Server(self._serve, tls=self.context)).url.rstrip("/")
        self.proxy = start(Server(self._proxied)).url.rstrip("/")
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def at(self, origin: str) -> list[Seen]:
        """What one origin got."""
        return [seen for seen in self.seen if seen.origin == origin]

    def elsewhere(self, home: str) -> list[Seen]:
        """What all others got."""
        return [seen for seen in self.seen if seen.origin != home]

    def _serve(self, peer: Peer) -> None:
        scheme = "https" if isinstance(peer.socket, ssl.SSLSocket) else "http"
        host, port = peer.socket.getsockname()[:2]
        self._answer(peer, f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}")

    def _proxied(self, peer: Peer) -> None:
        """Absolute URLs are answered in the name of who was asked for; a tunnel ends in this same world."""
        first = peer.request()
        method, target, _ = first.line.split(" ")
        if method != "CONNECT":
            scheme, _, rest = target.partition("://")
            self._answer(peer, _named(scheme, re.split("[/?#]", rest)[0]), first)
            return
        peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        inside = Peer(self.context.wrap_socket(peer.socket, server_side=True), peer.closing, peer.requests)
        with inside.socket:
            self._answer(inside, _named("https", target))

    def _answer(self, peer: Peer, origin: str, asked: Asked | None = None) -> None:
        asked = asked or peer.request()
        self.seen.append(Seen(origin, asked))
        target = asked.line.split(" ")[1]
        if "/digest" in target and not asked.values("authorization"):
            peer.send(http(401, ("WWW-Authenticate", _CHALLENGE), ("Connection", "close"), body=b"{}"))
        elif found := _GO.search(target):
            location = bytes.fromhex(found[2]).decode("latin-1")
            peer.send(http(int(found[1]), ("Location", location), ("Connection", "close")))
        else:
            peer.send(http(200, ("Content-Type", "application/json"), ("Connection", "close"), body=OTHER_BODIES))


def _named(scheme: str, authority: str) -> str:
    """The origin as a text, without the usual port."""
    host, colon, port = authority.rpartition(":") if not authority.endswith("]") else (authority, "", "")
    host, port = (host, port) if colon and port.isdecimal() else (authority, "")
    usual = {"https": "443", "http": "80"}[scheme]
    return f"{scheme}://{host.lower()}{f':{port}' if port and port != usual else ''}"


def led(status: int, location: str, carrier: Carrier | None = None) -> str:
    """The path of a request that is answered with this redirect."""
    front = "/digest" if carrier is not None and carrier.name == "digest" else ""
    return f"{front}/go/{status}/{location.encode().hex()}"


def connection_for(carrier: Carrier, identity: str, *servers: str) -> Any:
    """A connection whose profile carries its credential so."""
    auth = {key: value.replace("{identity}", identity) if isinstance(value, str) else value for key, value in carrier.auth.items()}
    inputs = {name: SECRETS[name] for name in carrier.secrets}
    declared = {"inputs": {"api_key": {"secret": True}}} if carrier.name == "hmac" else {}
    servers = tuple(f"{server}/{carrier.template}" if carrier.template else server for server in servers)
    return engine(inputs=inputs).connect(profile(auth, *servers, **declared))


def request_of(package: Any, carrier: Carrier, url: str) -> Any:
    """The request of a caller, with room for what the carrier adds."""
    extensions = {}
    if carrier.template:
        extensions["authweave"] = {"path": f"/{carrier.template}" + re.sub("^https?://[^/]*", "", url)}
    return package.Request(carrier.method, url, extensions=extensions, **carrier.request)


def send(door: tuple[Any, str], connection: Any, carrier: Carrier, url: str, *, by: str = "auth", **client: Any) -> Any:
    """Send through a client that follows redirects: with `auth`, as authorized beforehand, or by `client()`."""
    package, colour = door
    options = {"trust_env": False, "follow_redirects": True, **client}
    finished = request_of(package, carrier, url)
    if by == "authorize":
        finished.read()  # a form of files is a stream until then
        finished = connection.authorize(finished).result(20)
    elif by == "auth":
        options["auth"] = connection.auth
    if colour == "sync":
        with connection.client(**options) if by == "client" else package.Client(**options) as opened:
            return opened.send(finished)

    async def run() -> Any:
        async with connection.async_client(**options) if by == "client" else package.AsyncClient(**options) as opened:
            return await opened.send(finished)

    return asyncio.run(run())


def planted(carrier: Carrier, with_it: list[Asked], without: Asked) -> set[str]:
    """What the profile added, in whatever words: the secrets, and every longer word of what stands in a request with it alone."""
    texts = {SECRETS[name] for name in carrier.secrets if name not in ("client_id", "username")} | {TOKEN}
    for asked in with_it:
        for name, value in asked.headers:
            if value not in without.values(name) and name.lower() not in ("content-length", "content-type"):
                texts |= {word for word in re.split(r"[\s,;\"]+", value) if len(word) > 9} | {value}
        query = dict(parse_qsl(asked.line.split(" ")[1].partition("?")[2]))
        texts |= {value for value in query.values() if len(value) > 7}
    return {text for text in texts if not text.startswith(("uri=", "qop=", "realm="))}


def encoded(text: str) -> Iterator[bytes]:
    """A text in the ways in which it could be written down."""
    raw = text.encode()
    yield raw
    for way in (quote(text, safe=""), quote(text), quote_plus(text)):
        yield from (way.encode(), way.lower().encode(), quote(way, safe="").encode())
    yield raw.hex().encode()
    for skipped in range(3):  # wherever in a longer text it begins
        part = raw[skipped:]
        part = part[: len(part) // 3 * 3]
        if len(part) > 8:
            yield base64.b64encode(part)
            yield base64.urlsafe_b64encode(part)


def found_in(raw: bytes, texts: set[str]) -> list[str]:
    """Those of the texts that are in the bytes, however they are written."""
    more = raw + unquote(raw.decode("latin-1")).encode("latin-1", "replace") if b"%" in raw else raw
    return [text for text in texts if any(way in more for way in encoded(text))]
