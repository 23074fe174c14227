"""The sandbox's socket: HTTP/1.1 on 127.0.0.1, with TLS for every host that it stands for, and without TLS beside it.

One port serves all hosts. TLS tells them apart by the name in the handshake (SNI), HTTP by the Host field.
"""

from __future__ import annotations

import itertools
import json
import select
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from authweave.sandbox.arrived import Arrived, Pairs
from authweave.sandbox.authority import Shows

ADDRESS: Final = "127.0.0.1"
PATIENCE: Final = 30.0
LARGEST: Final = 4 * 1024 * 1024
_TLS_RECORD: Final = b"\x16"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `hangs`: there is none, until the client gives up. `raw`: these bytes in its place, then the end."""

    status: int = 200
    body: bytes = field(default=b"", repr=False)
    headers: Pairs = field(default=(), repr=False)
    hangs: bool = False
    raw: bytes | None = field(default=None, repr=False)


def json_reply(status: int, data: Any, *headers: tuple[str, str]) -> Reply:
    """An answer in JSON that nobody may keep (RFC 6749 §5.1)."""
    standard = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))
    return Reply(status, json.dumps(data).encode(), (*standard, *headers))


Respond = Callable[[Arrived], Reply]


class Listener:
    """Serves until stopped. `stands_for(host)` says which names of a TLS handshake it answers to, `clients` which
    certificates (DER) clients may show. `tls_only`: without a handshake nobody is answered. Raises OSError."""

    def __init__(
        self, respond: Respond, authority: Shows, stands_for: Callable[[str], bool], port: int = 0,
        clients: Callable[[], frozenset[bytes]] = frozenset, *, tls_only: bool = False,
    ) -> None:  # fmt: skip
        self._server = _Server(respond, authority, stands_for, port, clients, tls_only=tls_only)
        self._thread = threading.Thread(target=self._serve, name="authweave sandbox", daemon=True)
        self.port: int = self._server.server_address[1]

    def start(self) -> None:
        """Begin to serve, in threads of its own."""
        self._thread.start()

    def stop(self) -> None:
        """End every connection, those that hang included."""
        self._server.stopping.set()
        with suppress(OSError):
            socket.create_connection((ADDRESS, self.port), timeout=PATIENCE).close()  # wakes who waits for the next one
        if self._thread.ident is not None:
            self._thread.join()
        self._server.server_close()

    def _serve(self) -> None:
        while not self._server.stopping.is_set():
            self._server.handle_request()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = True
    request_queue_size = 128

    def __init__(
        self, respond: Respond, authority: Shows, stands_for: Callable[[str], bool], port: int,
        clients: Callable[[], frozenset[bytes]], *, tls_only: bool,
    ) -> None:  # fmt: skip
        self.respond = respond
        self.numbers = itertools.count(1)
        self._clients = clients
        self._tls_only = tls_only
        self.stopping = threading.Event()
        self._authority = authority
        self._stands_for = stands_for
        self._contexts: dict[frozenset[bytes], ssl.SSLContext] = {}
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__((ADDRESS, port), _Handler)

    def server_bind(self) -> None:
        """Bind without asking a name server who we are, as http.server does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = ADDRESS, self.server_address[1]

    def finish_request(self, request: Any, client_address: Any) -> None:
        """In the connection's own thread: a client that never finishes its handshake holds up nobody else."""
        with suppress(OSError, ValueError):
            connection = self._secured(request)
            with self._lock:
                self._open.add(connection)
            try:
                if not self.stopping.is_set():
                    _Handler(connection, client_address, self)
            finally:
                with self._lock:
                    self._open.discard(connection)
                connection.close()

    def server_close(self) -> None:
        """Also end the connections that are open, so that their threads end."""
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A broken connection is the client's business; the sandbox prints nothing."""

    def _secured(self, request: socket.socket) -> socket.socket:
        request.settimeout(PATIENCE)
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not self._tls_only and request.recv(1, socket.MSG_PEEK) != _TLS_RECORD:
            return request
        return self._context().wrap_socket(request, server_side=True)

    def _context(self) -> ssl.SSLContext:
        """What a handshake begins with: it asks for a certificate where there are customers who have one."""
        clients = self._clients()
        with self._lock:
            if clients not in self._contexts:
                self._contexts[clients] = self._authority.default_context(clients)
                self._contexts[clients].sni_callback = self._named
            return self._contexts[clients]

    def _named(self, connection: Any, name: str | None, _: ssl.SSLContext) -> int | None:
        if name is None:
            return None
        if not self._stands_for(name.lower()):
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        connection.context = self._authority.context_for(name.lower(), self._clients())
        connection.authweave_host = name.lower()
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "authweave-sandbox"
    sys_version = ""
    timeout = PATIENCE
    server: _Server

    def setup(self) -> None:
        """Tell this connection from others."""
        self.number = next(self.server.numbers)
        super().setup()

    def __getattr__(self, name: str) -> Any:
        """Every method is answered alike; http.server looks for `do_GET` and its like."""
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        body = self._body()
        if body is None:
            return self._send(json_reply(413, {"error": "too large, or not readable"}))
        arrived = self._arrived(body)
        named = getattr(self.connection, "authweave_host", arrived.host)
        if named != arrived.host:
            return self._send(json_reply(421, {"error": "the Host field names another host than the TLS handshake"}))
        return self._send(self.server.respond(arrived))

    def _arrived(self, body: bytes) -> Arrived:
        scheme = "https" if isinstance(self.connection, ssl.SSLSocket) else "http"
        host, port = _host_and_port(self.headers.get("Host", ""), 443 if scheme == "https" else 80)
        headers = tuple((name, _as_text(value)) for name, value in self.headers.items())
        return Arrived(self.command, scheme, host, port, self.requestline.split(" ")[1], headers, body, self._certificate(), self.number)

    def _certificate(self) -> bytes | None:
        return self.connection.getpeercert(binary_form=True) if isinstance(self.connection, ssl.SSLSocket) else None

    def _body(self) -> bytes | None:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._chunks()
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > LARGEST:
            self.close_connection = True
            return None
        return self.rfile.read(int(length))

    def _chunks(self) -> bytes | None:
        whole = b""
        while True:
            size = int(self.rfile.readline(100).partition(b";")[0], 16)
            if len(whole) + size > LARGEST:
                self.close_connection = True
                return None
            whole += self.rfile.read(size)
            self.rfile.readline(3 if size else 1000)
            if size == 0:
                return whole

    def _send(self, reply: Reply) -> None:
        if reply.hangs:
            self.close_connection = True
            return self._hang()
        if reply.raw is not None:
            self.close_connection = True
            self.wfile.write(reply.raw)
            return None
        if any(name.lower() == "date" for name, _ in reply.headers):
            self.send_response_only(reply.status)
        else:
            self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)
        return None

    def _hang(self) -> None:
        while not self.server.stopping.is_set():
            if select.select([self.connection], [], [], 0.1)[0]:
                return

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed."""


def _host_and_port(text: str, default: int) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal():
        host, port = text, str(default)
    return host.strip("[]").lower().removesuffix("."), int(port)


def _as_text(value: str) -> str:
    """Header bytes as UTF-8 where they are, else as Latin-1 (RFC 9110 §5.5)."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value
