"""An API behind NTLM and Negotiate: pyspnego accepts, on the connection that it was negotiated on. See `verifiers.py`."""

import base64
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from serving import config, ready

os.environ["NTLM_USER_FILE"] = str(Path("ntlm-users").absolute())
Path("ntlm-users").write_text(config()["users"], encoding="utf-8")

import spnego  # type: ignore[import-not-found]  # noqa: E402  # reads the environment; lives in the part's own virtual environment
import spnego.exceptions  # type: ignore[import-not-found]  # noqa: E402  # the same


class Handler(BaseHTTPRequestHandler):
    """One per connection, as NTLM wants it: who is known stays known until the connection ends."""

    protocol_version = "HTTP/1.1"
    context = None

    def do_GET(self) -> None:
        """`/ntlm/me`, `/negotiate/me`: 401 with a challenge until the negotiation is complete."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        scheme = "NTLM" if self.path.startswith("/ntlm") else "Negotiate"
        said, _, token = self.headers.get("Authorization", "").partition(" ")
        if said.lower() != scheme.lower():
            if self.context is not None and self.context.complete and not said:
                return self._answer(200, "", b'{"user": "%s"}' % self.context.client_principal.encode())
            return self._answer(401, scheme)
        if self.context is None or self.context.complete:
            self.context = spnego.server(protocol=scheme.lower())
        try:
            out = self.context.step(base64.b64decode(token))
        except (spnego.exceptions.SpnegoError, ValueError) as error:
            self.context = None
            print(error, flush=True)
            return self._answer(401, scheme)
        more = scheme + (" " + base64.b64encode(out).decode() if out else "")
        if not self.context.complete:
            return self._answer(401, more)
        return self._answer(200, more if out else "", b'{"user": "%s"}' % self.context.client_principal.encode())

    do_POST = do_GET  # noqa: N815  # the base class calls it so

    def _answer(self, status: int, challenge: str, body: bytes = b"{}") -> None:
        self.send_response(status)
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
ready({"http": f"http://127.0.0.1:{server.server_address[1]}"})
server.serve_forever()
