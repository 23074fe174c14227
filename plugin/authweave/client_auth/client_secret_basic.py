"""`client_secret_basic`: RFC 6749 §2.3.1, RFC 7617."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote_plus, unquote_plus

from authweave.errors import InvalidInput
from authweave.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    from authweave.call import TokenCall

_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NEEDS_ESCAPE = re.compile(r"[^A-Za-z0-9_.~%+*-]")


class ClientSecretBasic:
    """Id and secret in the Authorization header: form-encoded first (`rfc6749`), or as they are (`raw`)."""

    name: ClassVar[str] = "client_secret_basic"
    title: ClassVar[str] = "id and secret in a Basic header"
    sends: ClassVar[frozenset[str]] = frozenset({"client_id", "client_secret"})
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def present(self, call: TokenCall) -> None:
        """Put the Basic header into the call."""
        client_id, client_secret = call.client_id(), call.client_secret()
        if call.settings.basic_encoding == "raw":
            if ":" in client_id:
                raise InvalidInput("client_id", "a client id with a colon cannot be sent with basic_encoding raw (RFC 7617 §2): the colon ends it; use rfc6749")
            for name, text in (("client_id", client_id), ("client_secret", client_secret)):
                if _CONTROL.search(text):
                    raise InvalidInput(name, f"{name} holds a control character, which a Basic header cannot carry as it is (RFC 7617 §2); use rfc6749")
            pair = f"{client_id}:{client_secret}"
        else:
            pair = f"{encoded_id(client_id)}:{quote_plus(client_secret)}"
        call.header("Authorization", "Basic " + base64.b64encode(pair.encode()).decode())


def encoded_id(client_id: str) -> str:
    """The client id form-encoded, once: an id that already is (Nuance's `appID%3AX…`) stays as it is.

    Already encoded means: it has an escape of a character that form-encoding escapes, all its `%` begin an escape,
    and nothing in it is left to encode. `a%20b` is not: form-encoding writes a space as `+`, so that is a literal percent sign.
    """
    return client_id if _is_encoded(client_id) else quote_plus(client_id)


def _is_encoded(text: str) -> bool:
    escapes = _ESCAPE.findall(text)
    if not escapes or len(escapes) != text.count("%") or _NEEDS_ESCAPE.search(text):
        return False
    try:
        return quote_plus(unquote_plus(text, errors="strict")).upper() == text.upper()
    except UnicodeDecodeError:
        return False


@hookimpl
def register_client_auth(register: Register) -> None:
    """Add `client_secret_basic`."""
    register(ClientSecretBasic)
