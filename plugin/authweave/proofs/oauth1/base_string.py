"""The signature base string: RFC 5849 §3.4.1.

oauthlib puts it together. What goes in is read here, byte for byte: oauthlib refuses queries with `[` or `"` and loses
a `;` at the end of a path, which clients send all the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}

Pairs = Iterable[tuple[str, str]]


def escaped(text: str) -> str:
    """A text with every byte but the unreserved ones as `%XX`: RFC 5849 §3.6."""
    return quote(text, safe="~", errors="surrogateescape")


def form_parameters(text: str) -> list[tuple[str, str]]:
    """The pairs of a query or of a form body, decoded as a form (§3.4.1.3.1). Bytes that are no UTF-8 survive."""
    return parse_qsl(text, keep_blank_values=True, errors="surrogateescape")


def base_string_uri(url: str, host: str | None = None) -> str:
    """Scheme, host, port unless it is the usual one, and path: §3.4.1.2. `host` is the field Host where one is sent."""
    parts = urlsplit(url)
    scheme, netloc = parts.scheme.lower(), (host or parts.netloc).lower()
    return f"{scheme}://{netloc.removesuffix(_DEFAULT_PORTS.get(scheme, ':'))}{parts.path or '/'}"


def base_string(method: str, uri: str, parameters: Pairs) -> str:
    """What is signed. `uri` is the base string URI; `parameters` are those of query, form body and protocol (§3.4.1.1)."""
    from oauthlib.oauth1.rfc5849.signature import (  # type: ignore[import-untyped]  # oauthlib has no types
        signature_base_string,
    )

    pairs = sorted((escaped(name), escaped(value)) for name, value in parameters if name not in ("realm", "oauth_signature"))
    return str(signature_base_string(method, uri, "&".join(f"{name}={value}" for name, value in pairs)))
