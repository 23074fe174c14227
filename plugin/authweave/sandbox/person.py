"""The person of the sandbox: goes wherever they are sent, agrees, and comes back."""

from __future__ import annotations

from typing import Final

from authweave.errors import SignInFailed
from authweave.net.values import Call
from authweave.values import Authorization
from authweave.wire import Wire

REDIRECT: Final = "http://127.0.0.1:8912/callback"
"""Where the person comes back to, where the profile does not say. Nobody has to listen there: the answer is handed over."""
_SECONDS: Final = 10.0


class Person:
    """Called with what a person is sent; answers the URL they came back to, '' where they signed in at another device."""

    redirect_uri: str = REDIRECT

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def __call__(self, sent: Authorization) -> str:
        """Raises SignInFailed where the provider showed an error page, and WireError."""
        reply = self._wire.send(Call("GET", sent.url, (), None), deadline=_SECONDS)
        if sent.kind == "device" and reply.status == 200:
            return ""
        location = next((value for name, value in reply.headers if name.lower() == "location"), "")
        if reply.status not in (302, 303) or not location:
            said = (reply.body or b"")[:300].decode("utf-8", "replace")
            raise SignInFailed("refused", f"the provider showed an error page ({reply.status}): {said}")
        return location
