"""Names and values of header fields: RFC 9110 §5.

A value goes onto the wire letter for letter or not at all: nothing is trimmed, folded or encoded, because a
secret that arrives changed is refused by the server for a reason nobody can see.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from authweave.drafts.texts import short_text_for
from authweave.errors import PlacementError

_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_SENDABLE: Final = re.compile(r"[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?|")
_BLANKS: Final = " \t"
_UNSENDABLE: Final = re.compile(r"[^\t\x20-\x7e]")

_FRAMING = "it says where the message ends: a second opinion is request smuggling"
_HOP = "it is between the client and the next hop only"
_CLIENT = "the sending client writes it"

RESERVED: Final = {
    "host": "it routes the request, and servers trust it",
    "content-length": _FRAMING,
    "transfer-encoding": _FRAMING,
    "content-encoding": "it would say that the body is compressed, which it is not",
    "connection": _HOP,
    "keep-alive": _HOP,
    "te": _HOP,
    "trailer": _HOP,
    "upgrade": _HOP,
    "http2-settings": _HOP,
    "expect": _CLIENT,
    "cookie": "cookies are merged with those of the caller; write in: cookie",
    "set-cookie": "it is a field of answers",
    "proxy": "servers that run CGI take it for the setting HTTP_PROXY",
    "cookie2": "cookies are merged with those of the caller; write in: cookie",
}
"""Names that no field may set, and why. `Proxy-…` is the business of the hop to the proxy; `:…` are HTTP/2's own."""


def is_token(text: str) -> bool:
    """Is it a `token` of RFC 9110 §5.6.2?"""
    return _TOKEN.fullmatch(text) is not None


@lru_cache(maxsize=1024)
def wrong_name(name: str) -> str | None:
    """Why a field may not have this name, or None."""
    if name.startswith(":"):
        return f"{name} is a pseudo-header of HTTP/2; the URL and the method say the same"
    if not is_token(name):
        return "the name of a header is made of letters, digits and !#$%&'*+-.^_`|~ (RFC 9110 §5.6.2)"
    alike = name.lower().replace("_", "-")  # CGI and its heirs read both as one
    if reason := RESERVED.get(alike):
        return f"{name} cannot be set: {reason}"
    if alike.startswith("proxy-"):
        return f"{name} cannot be set: {_HOP}"
    return None


def header_text(name: str, value: Any) -> str:
    """The value as it is sent. Raises PlacementError, which says what is wrong and at which character."""
    text = short_text_for(value, f"header {name}")
    if _SENDABLE.fullmatch(text) is None:
        raise PlacementError(f"header {name}: the value {_unsendable(text)}")
    return text


def _unsendable(text: str) -> str:
    if found := _UNSENDABLE.search(text):
        return f"has {_called(found[0])} at character {found.start() + 1} of {len(text)}"
    side = "starts" if text[0] in _BLANKS else "ends"
    return f"{side} with white space, which HTTP does not keep"


def _called(character: str) -> str:
    if character in "\r\n":
        return "a line break"
    return "a control character" if character.isascii() else "a non-ASCII character"
