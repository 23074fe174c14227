"""A listener for one redirect: on this machine only, for exactly one path and state, and gone afterwards."""

from __future__ import annotations

import errno
import hmac
import os
import queue
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from authweave.cli.loopback.pages import headers, page
from authweave.errors import UsageError
from authweave.urls import Origin

HOSTS: Final = {"127.0.0.1": ("127.0.0.1",), "::1": ("::1",), "localhost": ("127.0.0.1", "::1")}
"""The names that a redirect URI may have for this machine, and where each is listened at."""
PATH: Final = "/callback"
SLOWEST: Final = 10.0
"""Seconds that one request may take to arrive."""
PATIENCE: Final = 30.0
"""Seconds that a page waits for how the sign-in ended."""
_MOST: Final = 32
_NOT_FOUND: Final = b"Not found\n"
_ABSENT: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
"""Why an address cannot be listened at that this machine has not."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where to listen: host and port as the redirect URI has them (port 0: any that is free), and its path."""

    host: str
    port: int
    path: str

    @classmethod
    def of(cls, redirect_uri: str) -> Place | None:
        """The place of a redirect URI on this machine; None for one that leads elsewhere. Raises UrlRefused for what is none at all."""
        if not redirect_uri.lower().startswith("http://"):
            return None
        origin = Origin.of(redirect_uri, "redirect_uri")
        return cls(origin.host, origin.port, urlsplit(redirect_uri).path or "/") if origin.host in HOSTS else None

    @property
    def authority(self) -> str:
        """`127.0.0.1:8912`, as a browser writes it into Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == 80 else f"{host}:{self.port}"

    @property
    def uri(self) -> str:
        """The redirect URI."""
        return f"http://{self.authority}{self.path}"


class PortInUse(UsageError):
    """Somebody else listens there already."""


class Listener:
    """Listens from the moment it is made. Use as a context; at its end nobody listens any more.

    `expect(state)` before anybody can come. `wait` gives the URL that the browser came back to; `tell` says how it ended,
    and the page that waits for that is shown. Everything else that comes is answered with 404.
    """

    def __init__(self, place: Place) -> None:
        self._came: queue.Queue[str] = queue.Queue()
        self._outcome = ""
        self._told = threading.Event()
        self._state = b""
        self._names: tuple[str, ...] = ()
        self._is_answered = threading.Lock()
        self._shown = threading.Event()
        self._servers: list[_Server] = []
        self.place = place
        self._bind()
        for server in self._servers:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="authweave sign-in", daemon=True).start()

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def expect(self, state: str, *names: str) -> None:
        """Take the answer with this state, and no other. `names` are the parameters that may hold it: `state`, unless others are given."""
        self._state, self._names = state.encode(), names or ("state",)

    def wait(self, seconds: float) -> str | None:
        """The URL that the browser came back to; None where nobody came in time."""
        try:
            return self._came.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return None

    def tell(self, outcome: str) -> None:
        """Say how it ended (a word of `pages.WORDS`), and let the page be shown."""
        self._outcome = outcome
        self._told.set()
        self._shown.wait(SLOWEST)

    def close(self) -> None:
        """Listen no more."""
        self._told.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self._servers = []

    def answer(self, target: str, host: str) -> str | None:
        """How a request is answered: with how the sign-in ended; None for a request that is not the one."""
        path, _, query = target.partition("?")
        if path != self.place.path or host.lower() != self.place.authority or not self._is_expected(query):
            return None
        if not self._is_answered.acquire(blocking=False):
            return None  # one answer; a page that is loaded again brings no other
        self._came.put(f"{self.place.uri}?{query}")
        self._told.wait(PATIENCE)
        return self._outcome or "slow"

    def shown(self) -> None:
        """The page is on its way."""
        self._shown.set()

    def _is_expected(self, query: str) -> bool:
        try:
            states = [value for name, value in parse_qsl(query, max_num_fields=100) if name in self._names]
        except ValueError:
            return False
        return bool(self._state) and len(states) == 1 and hmac.compare_digest(states[0].encode(errors="surrogatepass"), self._state)

    def _bind(self) -> None:
        """Bind every address of the host. Raises PortInUse where one of them is taken; an address that this machine has not is left out."""
        port, reason = self.place.port, ""
        for address in HOSTS[self.place.host]:
            try:
                server = _Server(address, port, self)
            except OSError as error:
                is_absent = error.errno in _ABSENT and bool(self._servers)
                reason = "" if is_absent else f"port {port} of {address} cannot be listened at: {error.strerror or 'it is taken'}"
            else:
                self._servers.append(server)
                port = server.server_address[1]
            if reason:
                break
        if reason or not self._servers:
            for server in self._servers:  # they serve nobody yet: shutting them down would wait for ever
                server.server_close()
            raise PortInUse(reason or f"{self.place.host} cannot be listened at")
        self.place = Place(self.place.host, int(port), self.place.path)


class _Server(ThreadingMixIn, HTTPServer):
    daemon_threads = True
    allow_reuse_address = os.name == "posix"  # elsewhere it would let two listen at once; here it forgives a page shown a minute ago
    request_queue_size = _MOST

    def __init__(self, address: str, port: int, listener: Listener) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = listener
        self._places = threading.BoundedSemaphore(_MOST)
        super().__init__((address, port), _Handler)

    def server_bind(self) -> None:
        """As a plain socket: no look-up of this machine's name."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if self.allow_reuse_address:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """At most so many at once: more are turned away."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Give the place back afterwards. Who drips a request would have it for ever: after so long nothing is read any more."""
        late = threading.Timer(SLOWEST, _read_no_more, (request,))
        late.daemon = True
        late.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            late.cancel()
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who goes away in the middle, or talks nonsense, is no concern of ours."""


def _read_no_more(request: socket.socket) -> None:
    with suppress(OSError):
        request.shutdown(socket.SHUT_RD)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = SLOWEST
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """The redirect, or nothing that we know."""
        hosts = self.headers.get_all("Host") or []
        target = self.requestline.split()[1]  # `path` has several slashes at its beginning made one
        outcome = self.server.listener.answer(target, hosts[0]) if len(hosts) == 1 else None
        if outcome is None:
            self._send(404, {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}, _NOT_FOUND)
            return
        try:
            self._send(200, headers(), page(outcome))
        finally:
            self.server.listener.shown()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Whatever else comes: no page that repeats what was sent."""
        self._send(404, {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}, _NOT_FOUND)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the line would hold the code."""

    def version_string(self) -> str:
        """Who answers."""
        return "authweave"

    def _send(self, status: int, fields: dict[str, str], body: bytes) -> None:
        self.close_connection = True
        self.send_response(status)
        for name, value in {**fields, "Content-Length": str(len(body)), "Connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
