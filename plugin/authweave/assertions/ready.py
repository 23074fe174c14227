"""Assertions that somebody else made: a SAML 2.0 assertion (RFC 7522) or a JSON Web Token, supplied as text."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from authweave.errors import AssertionRefused

if TYPE_CHECKING:
    from authweave.call import TokenCall

JWT_BEARER: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SAML2_BEARER: Final = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"
_JWT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_XML: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*<")


@dataclass(frozen=True, slots=True)
class Ready:
    """The text as it is sent, and the `client_assertion_type` of its kind (RFC 7523 §2.2, RFC 7522 §2.2)."""

    text: str = field(repr=False)
    kind: str


def present_client_assertion(call: TokenCall) -> None:
    """Put the client id, the client's assertion and its type into the call (RFC 7521 §4.2). Raises AssertionRefused, KeyRefused."""
    found = ready(call.client_assertion(), f"{call.origin}.client_assertion")
    call.parameter("client_id", call.client_id(), origin="client_id")
    call.parameter("client_assertion_type", found.kind, origin="client_auth")
    call.parameter("client_assertion", found.text, origin="client_assertion", secret=True)


def ready(given: Any, at: str = "assertion") -> Ready:
    """A supplied assertion: a JWT as it is, SAML as XML or in base64, which becomes base64url (RFC 7522 §2.1).

    Raises AssertionRefused; `at` is the key of the profile, for messages.
    """
    text = given.decode("utf-8", "replace") if isinstance(given, bytes) else given
    if not isinstance(text, str) or not text.strip():
        raise AssertionRefused(at, "is empty", "supply a SAML assertion or a JWT")
    text = text.strip()
    if _JWT.fullmatch(text):
        if text.endswith("."):
            raise AssertionRefused(at, "is a JWT without a signature", "supply one that is signed")
        return Ready(text, JWT_BEARER)
    xml = text.encode(errors="replace") if text.startswith(("<", "\ufeff")) else _decoded(text)
    if not _XML.match(xml):
        raise AssertionRefused(at, "is neither a SAML assertion (XML, or that in base64) nor a JWT", "supply the assertion itself")
    return Ready(urlsafe_b64encode(xml).rstrip(b"=").decode("ascii"), SAML2_BEARER)


def _decoded(text: str) -> bytes:
    """What base64 of either alphabet stands for; b'' if it is none."""
    body = "".join(text.split()).translate(str.maketrans("-_", "+/")).rstrip("=")
    try:
        return b64decode(body + "=" * (-len(body) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""
