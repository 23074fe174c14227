"""A page on this machine that leads the browser on: everybody on it sees with which address a browser was started, and a link is for one person."""

from __future__ import annotations

import hmac
import os
import re
import secrets
import socket
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any, Final

_HOST: Final = "127.0.0.1"
_SLOWEST: Final = 10.0
_COOKIE: Final = "authweave"
_ROOT: Final = 0
_CONNECTIONS: Final = Path("/proc/net/tcp")
_CONNECTION: Final = re.compile(r"\s*\d+: ([0-9A-F]{8}):([0-9A-F]{4}) [0-9A-F]{8}:([0-9A-F]{4}) [0-9A-F]{2} \S+ \S+ \S+\s+(\d+)")


class Lead:
    """Sends whoever opens `address` on to a URL: this user's browser, which may come again, and nobody else. Use as a context.

    Where another user of this machine came, or two browsers did, `is_betrayed`: somebody else may know the URL, and could answer in
    the place of the person.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._path, self._mark = f"/{secrets.token_urlsafe(32)}", secrets.token_urlsafe(32)
        self._was_opened = False
        self._lock = threading.Lock()
        self.is_betrayed = False
        self._server = _Server(self)

    @property
    def address(self) -> str:
        """What the browser is started with."""
        return f"http://{self._authority}{self._path}"

    def __enter__(self) -> Lead:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="authweave lead", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def _authority(self) -> str:
        return f"{_HOST}:{self._server.server_address[1]}"

    def led(self, target: str, host: str, cookie: str, port: int) -> dict[str, str] | None:
        """Where the browser goes on, as header fields; None for a request that is not the one, or not this user's. `port`: where it comes from."""
        if not hmac.compare_digest(target.encode(), self._path.encode()) or host.lower() != self._authority:
            return None
        is_same = hmac.compare_digest(cookie.encode(), f"{_COOKIE}={self._mark}".encode())
        with self._lock:
            if (self._was_opened and not is_same) or not _is_of_this_user(port, self._server.server_address[1]):
                self.is_betrayed = True
                return None
            self._was_opened = True
        return {
            "Location": self._url, "Set-Cookie": f"{_COOKIE}={self._mark}; Path={self._path}; HttpOnly; SameSite=Strict",
            "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
        }  # fmt: skip


def _is_of_this_user(port: int, ours: int) -> bool:
    """Does the connection from this port belong to this user (or to root, who relays for some)? True where the system does not say."""
    if not hasattr(os, "getuid"):
        return True
    with suppress(OSError):
        lines = _CONNECTIONS.read_text().splitlines()[1:]
        found = [one for line in lines if (one := _CONNECTION.match(line)) and (int(one[2], 16), int(one[3], 16)) == (port, ours)]
        return all(int(one[4]) in (_ROOT, os.getuid()) for one in found)
    return True


class _Server(ThreadingMixIn, HTTPServer):
    daemon_threads = True
    allow_reuse_address = False

    def __init__(self, lead: Lead) -> None:
        self.lead = lead
        super().__init__((_HOST, 0), _Handler)

    def server_bind(self) -> None:
        """As a plain socket: no look-up of this machine's name."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = _HOST, int(self.server_address[1])

    def handle_error(self, request: socket.socket | tuple[bytes, socket.socket], client_address: Any) -> None:
        """Who goes away in the middle, or talks nonsense, is no concern of ours."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _SLOWEST

    def do_GET(self) -> None:
        """The way on, or nothing that we know."""
        hosts = self.headers.get_all("Host") or []
        words = self.requestline.split()
        fields = self.server.lead.led(words[1], hosts[0], self.headers.get("Cookie") or "", self.client_address[1]) if len(hosts) == 1 and len(words) > 1 else None
        self._send(302 if fields else 404, fields or {"Cache-Control": "no-store"})

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Whatever else comes: no page that repeats what was sent."""
        self._send(404, {"Cache-Control": "no-store"})

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""

    def version_string(self) -> str:
        """Who answers."""
        return "authweave"

    def _send(self, status: int, fields: dict[str, str]) -> None:
        self.close_connection = True
        self.send_response(status)
        for name, value in {**fields, "Content-Length": "0", "Connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()
