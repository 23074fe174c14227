"""Servers on 127.0.0.1 that misbehave on purpose, each in one way. Real sockets, real TLS, nothing is patched.

    with Server(drip_body(0.1)) as server:
        wire.send(Call("GET", server.url), deadline=0.5)
    [asked] = server.requests

A behaviour is a function of a `Peer` (one accepted connection). When it returns, the connection is closed.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from certificates import Authority, server_context


@dataclass
class Asked:
    """A request as it came over the wire."""

    head: bytes
    body: bytes

    @property
    def line(self) -> str:
        return self.head.split(b"\r\n")[0].decode("latin-1")

    @property
    def headers(self) -> list[tuple[str, str]]:
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines if line)]

    def values(self, name: str) -> list[str]:
        """Every value of a header, whatever its case."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclass
class Peer:
    """One accepted connection."""

    socket: socket.socket
    closing: threading.Event
    requests: list[Asked]

    def request(self) -> Asked:
        """Read one request with its body (Content-Length only) and keep it for the test."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._some()
        head, _, body = data.partition(b"\r\n\r\n")
        asked = Asked(head, body)
        length = int(next(iter(asked.values("content-length")), 0))
        while len(asked.body) < length:
            asked.body += self._some()
        self.requests.append(asked)
        return asked

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def drip(self, data: bytes, interval: float) -> None:
        """One byte at a time."""
        for byte in data:
            self.send(bytes([byte]))
            if self.closing.wait(interval):
                return

    def hang(self) -> None:
        """Say nothing more until the server is closed."""
        self.closing.wait(60)

    def reset(self) -> None:
        """End the connection with a RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _some(self) -> bytes:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the client is gone")
        return data


Behaviour = Callable[[Peer], None]


@dataclass
class Server:
    """Runs one behaviour for every connection. `tls` makes it a TLS server."""

    behaviour: Behaviour
    tls: ssl.SSLContext | None = None
    host: str = "127.0.0.1"
    port: int = 0
    requests: list[Asked] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> Server:
        self._closing = threading.Event()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self._listener = socket.create_server((self.host, self.port), family=family)
        self.port = self._listener.getsockname()[1]
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connected in list(self._open):
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}/"

    def _start(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connected, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._start(lambda connected=connected: self._serve(connected))

    def _serve(self, connected: socket.socket) -> None:
        self._open.add(connected)
        try:
            if self.tls:
                self._open.discard(connected)
                connected = self.tls.wrap_socket(connected, server_side=True)
                self._open.add(connected)
            self.behaviour(Peer(connected, self._closing, self.requests))
        except OSError:  # ssl.SSLError, too: the client under test went away or refused our certificate
            pass
        finally:
            self._open.discard(connected)
            connected.close()


def http(status: int = 200, *headers: tuple[str, str], body: bytes = b"", reason: str = "Fine") -> bytes:
    """A whole answer with the right Content-Length."""
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join([*lines, f"Content-Length: {len(body)}"]) + "\r\n\r\n").encode("latin-1") + body


def says(data: bytes) -> Behaviour:
    """Reads the request, sends these bytes, closes."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(data)

    return behave


def answers(status: int = 200, *headers: tuple[str, str], body: bytes = b"ok") -> Behaviour:
    """A well-formed answer to every request."""
    return says(http(status, *headers, body=body))


def redirects(location: str, status: int = 302) -> Behaviour:
    """Sends the client elsewhere."""
    return answers(status, ("Location", location), body=b"")


def drip_headers(interval: float) -> Behaviour:
    """Headers that never end, one byte at a time."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.drip(b"HTTP/1.1 200 OK\r\n" + b"X-Slow: yes\r\n" * 1000, interval)

    return behave


def drip_body(interval: float) -> Behaviour:
    """A body of one byte at a time."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        peer.drip(b"x" * 100_000, interval)

    return behave


def hang(peer: Peer) -> None:
    """Accepts, and neither reads nor writes."""
    peer.hang()


def hang_after_request(peer: Peer) -> None:
    """Reads the request and never answers."""
    peer.request()
    peer.hang()


def hang_after_headers(peer: Peer) -> None:
    """Announces a body that never comes."""
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
    peer.hang()


def reset(peer: Peer) -> None:
    """Reads the request, then RST."""
    peer.request()
    peer.reset()


def close(peer: Peer) -> None:
    """Reads the request, then closes without a byte."""
    peer.request()


def truncated(sent: int = 10, announced: int = 100) -> Behaviour:
    """A body shorter than its Content-Length."""
    return says(f"HTTP/1.1 200 OK\r\nContent-Length: {announced}\r\n\r\n".encode() + b"x" * sent)


def gzip_bomb(megabytes: int = 128) -> Behaviour:
    """A small body, sent at once, that inflates to very much."""
    deflate = zlib.compressobj(9, wbits=31)
    zeros = bytes(1024 * 1024)
    bomb = b"".join([*(deflate.compress(zeros) for _ in range(megabytes)), deflate.flush()])
    return answers(200, ("Content-Encoding", "gzip"), body=bomb)


def wants_proxy_credentials(peer: Peer) -> None:
    """A proxy that answers 407."""
    peer.request()
    peer.send(http(407, ("Proxy-Authenticate", 'Basic realm="proxy"')))


def connect_proxy(port: int, *, authorization: str | None = None) -> Behaviour:
    """A proxy that really tunnels: every CONNECT leads to 127.0.0.1:`port`, whatever host was asked for."""

    def behave(peer: Peer) -> None:
        asked = peer.request()
        if authorization is not None and asked.values("proxy-authorization") != [authorization]:
            peer.send(http(407, ("Proxy-Authenticate", 'Basic realm="proxy"')))
            return
        with socket.create_connection(("127.0.0.1", port)) as onward:
            peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pump, args=(onward, peer.socket), daemon=True)
            back.start()
            _pump(peer.socket, onward)
            back.join(5)

    return behave


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def never_accepting(host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """A port whose queue is full: connecting to it gets no answer at all. Yields the port."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        time.sleep(0.05)
        yield listener.getsockname()[1]


def free_port(host: str = "127.0.0.1") -> int:
    """A port where nothing listens."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def tls_server(behaviour: Behaviour, authority: Authority, *names: str) -> Server:
    """A TLS server with a sound certificate of this authority."""
    return Server(behaviour, tls=server_context(authority.issue(*names)))
