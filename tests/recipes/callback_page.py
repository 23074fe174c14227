"""Where browsers come back to: a small web process, on the same token store as the bot. Arguments: its port."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from authweave.errors import AuthorizationDenied, AuthweaveError
from authweave.plugin import AuthweavePlugin

host = AuthweavePlugin()
ORIGIN = f"http://127.0.0.1:{sys.argv[1]}"


class Page(BaseHTTPRequestHandler):
    """Whatever comes back, the person reads what became of it."""

    def do_GET(self):
        """Complete the sign-in: the answer itself says whose it is."""
        try:
            done = host.complete_authorization(answer=ORIGIN + self.path).result(60)
            self.say(200, f"Signed in at {done.identity_provider}. Go back to the chat.")
        except AuthorizationDenied:
            self.say(200, "You did not agree, so nothing will be done for you there.")
        except AuthweaveError as error:
            self.say(400, f"This did not work: {error}")

    def say(self, status, text):
        """Plain text: nothing of what came in the URL is repeated as a page."""
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_request(self, *_):
        """No log of URLs: these hold codes."""


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Page).serve_forever()
