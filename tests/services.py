"""An identity provider and an API on loopback that a test tells what to answer, and that count what they are asked.

    with between(Identity(), Api()) as (identity, api):
        connection = connect(oauth(identity), api)

They speak HTTP through h11, so that a body is read as it was framed: by its length or in chunks.
"""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import h11

from authweave.engine import Engine
from authweave.extensions.catalog import Catalog
from authweave.loading import loads
from authweave.settings import Settings
from authweave.wire import Wire
from sockets import Behaviour, Peer, Server

CLIENT_SECRET = "s3cr3t-of-the-client"
INPUTS = {"client_id": "robot", "client_secret": CLIENT_SECRET}


@dataclass
class Request:
    """A request as it arrived. `is_whole`: its body ended as it was announced."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    is_whole: bool = False

    def values(self, name: str) -> list[str]:
        """Every value of a header, whatever its case."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def bearer(self) -> str:
        """The bearer token, or ''."""
        return next((value.removeprefix("Bearer ") for value in self.values("authorization")), "")

    @property
    def form(self) -> dict[str, str]:
        """The body as a form."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def basic(self) -> str:
        """What stands in the Basic header, decoded."""
        [value] = self.values("authorization")
        return base64.b64decode(value.removeprefix("Basic ")).decode()


@dataclass
class Reply:
    """An answer. `chunks` are sent one by one, without a length; a float among them is a pause in seconds."""

    status: int = 200
    body: bytes = b"{}"
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    chunks: tuple[bytes | float, ...] | None = None


Handler = Callable[[Request], Reply]


class Clock:
    """The time of this machine, and what a test adds to it."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


class Still(Clock):
    """A clock that only moves as it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.began = time.time()

    def __call__(self) -> float:
        return self.began + self.ahead


def until(is_so: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until it is so."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.005)


def says(members: Any, status: int = 200, *headers: tuple[str, str]) -> Reply:
    """JSON."""
    return Reply(status, json.dumps(members).encode(), (("Content-Type", "application/json"), *headers))


def talks(handler: Handler) -> Behaviour:
    """Speaks HTTP/1.1 on a connection until the client goes."""

    def behave(peer: Peer) -> None:
        connection = h11.Connection(h11.SERVER)
        while True:
            request = _request(peer, connection)
            if request is None:
                return
            _answer(peer, connection, request, handler(request))
            if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                return
            connection.start_next_cycle()

    return behave


def _request(peer: Peer, connection: h11.Connection) -> Request | None:
    request: Request | None = None
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            data = peer.socket.recv(65536)
            if not data and request is not None:
                raise ConnectionError("the client went in the middle of its request")
            connection.receive_data(data)
        elif isinstance(event, h11.Request):
            headers = [(name.decode(), value.decode("latin-1")) for name, value in event.headers.raw_items()]
            request = Request(event.method.decode(), event.target.decode(), headers)
        elif isinstance(event, h11.Data):
            assert request is not None
            request.body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            assert request is not None
            request.is_whole = True
            return request
        else:
            return None


def _answer(peer: Peer, connection: h11.Connection, request: Request, reply: Reply) -> None:
    headers = list(reply.headers)
    if reply.chunks is None:
        headers.append(("Content-Length", str(len(reply.body))))
    head = connection.send(h11.Response(status_code=reply.status, headers=headers, reason=b"Said"))
    if reply.chunks is None:
        body = connection.send(h11.Data(data=reply.body)) if request.method != "HEAD" else b""
        peer.send(head + body + connection.send(h11.EndOfMessage()))
        return
    peer.send(head)
    for chunk in reply.chunks:
        if isinstance(chunk, float):
            if peer.closing.wait(chunk):
                return
        elif request.method != "HEAD":
            peer.send(connection.send(h11.Data(data=chunk)))
    peer.send(connection.send(h11.EndOfMessage()))


@dataclass
class Identity:
    """A token endpoint that hands out T1, T2, … to whoever asks.

    `refresh`: with refresh tokens R1, R2, … that rotate and can be used once. `delay` in seconds; `gate` is waited
    for before each answer; `script` is used up before anything is granted.
    """

    expires_in: Any = 600
    refresh: bool = False
    delay: float = 0.0
    gate: threading.Event | None = None
    script: list[Reply] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)
    refused: int = 0
    url: str = ""

    def __post_init__(self) -> None:
        self.granted = 0
        self.good_refresh = ""
        self._lock = threading.Lock()

    @property
    def current(self) -> str:
        """The token handed out last."""
        return f"T{self.granted}"

    @property
    def count(self) -> int:
        """Token requests that arrived."""
        return len(self.asked)

    def __call__(self, request: Request) -> Reply:
        with self._lock:
            self.asked.append(request)
            reply = self.script.pop(0) if self.script else self._granted(request)
        if self.gate is not None:
            self.gate.wait(20)
        time.sleep(self.delay)
        return reply

    def _granted(self, request: Request) -> Reply:
        form = request.form
        if form.get("grant_type") == "refresh_token" and form.get("refresh_token") != self.good_refresh:
            self.refused += 1
            return says({"error": "invalid_grant"}, 400)
        self.granted += 1
        members = {"access_token": self.current, "token_type": "Bearer", "expires_in": self.expires_in, **self.more}
        if self.refresh:
            self.good_refresh = f"R{self.granted}"
            members["refresh_token"] = self.good_refresh
        return says({name: value for name, value in members.items() if value is not None})


@dataclass
class Api:
    """A task API. `accepts` says of a bearer token whether it is good; what is not is answered with `refusal`."""

    accepts: Callable[[str], bool] = lambda token: True
    good: Reply = field(default_factory=lambda: says({"ok": True}))
    refusal: Reply = field(default_factory=lambda: says({"error": "invalid_token"}, 401, ("WWW-Authenticate", "Bearer")))
    asked: list[Request] = field(default_factory=list)
    url: str = ""

    @property
    def count(self) -> int:
        """Requests that arrived."""
        return len(self.asked)

    @property
    def tokens(self) -> list[str]:
        """The bearer tokens of the requests."""
        return [request.bearer for request in self.asked]

    def __call__(self, request: Request) -> Reply:
        self.asked.append(request)
        return self.good if self.accepts(request.bearer) else self.refusal


@contextlib.contextmanager
def serving(handler: Any) -> Iterator[Any]:
    """The handler behind a socket; its `url` is set, without a slash at the end."""
    with Server(talks(handler)) as server:
        handler.url = server.url.rstrip("/")
        yield handler


@contextlib.contextmanager
def between(identity: Identity, api: Api) -> Iterator[tuple[Identity, Api]]:
    """Both behind sockets."""
    with serving(identity), serving(api):
        yield identity, api


def engine(**options: Any) -> Engine:
    """An engine that sees nothing of this machine's environment."""
    wire = options.pop("wire", None) or Wire(environ={}, proxy="")
    inputs = options.pop("inputs", INPUTS)
    settings = Settings.load({"sources": [], **options.pop("settings", {})}, env={})
    return Engine(wire=wire, inputs=inputs, settings=settings, **options)


def oauth(identity: Identity | str, **auth: Any) -> dict[str, Any]:
    """A client credentials `auth`."""
    url = identity if isinstance(identity, str) else f"{identity.url}/token"
    return {"type": "oauth2", "grant_type": "client_credentials", "token_url": url, **auth}


def profile(auth: dict[str, Any] | list[dict[str, Any]], *servers: str, catalog: Catalog | None = None, **more: Any) -> Any:
    """A profile with this `auth`."""
    named = {"servers": list(servers)} if servers else {}
    text = json.dumps({"format": 1, "name": "acme", "identity_provider": "Acme", **named, "auth": auth, **more})
    return loads(text, "acme.json", catalog=catalog)


def connect(auth: Any, *apis: Any, run: Engine | None = None, **more: Any) -> Any:
    """A connection for `auth` to these APIs (or origins)."""
    servers = [api if isinstance(api, str) else api.url for api in apis]
    how = {name: more.pop(name) for name in ("tenant", "inputs", "subject") if name in more}
    return (run or engine()).connect(profile(auth, *servers, **more), **how)
