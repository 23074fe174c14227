"""How the client proves who it is: another way, or the same in another encoding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from authweave.explaining.change import Change, Put, Remove, put
from authweave.explaining.clues import Clues

_BY_SECRET: Final = ("client_secret_basic", "client_secret_post")
_BY_KEY: Final = ("private_key_jwt", "client_secret_jwt", "tls_client_auth", "self_signed_tls_client_auth")
_OTHER_ENCODING: Final = {"rfc6749": "raw", "raw": "rfc6749"}


def client_auth(clues: Clues) -> Iterator[Change]:
    """Id and secret in the other place; those that metadata name come first, and `none` only if they name it, for grants that a public client may use (RFC 6749 §4.4)."""
    present = _present(clues)
    if present not in (*_BY_SECRET, "none"):
        return
    listed = clues.listed or ()
    known = [name for name in listed if name in (*_BY_SECRET, "none")]
    for name in dict.fromkeys((*known, *_BY_SECRET)):
        if name == present or (name == "none" and clues.tokens is not None and clues.tokens.grant_type == "client_credentials"):
            continue
        if name != "none" and not clues.has_secret and clues.tokens is not None and clues.tokens.client_secret is not None:
            continue
        yield _changed(clues, name)
    for name in listed:
        if name in _BY_KEY:
            yield Change((Put(clues.at("client_auth"), name),), left_out="metadata name it; it needs a key or a certificate, which nobody can guess")


def only_listed(clues: Clues) -> Iterator[Change]:
    """The client authentications that metadata name, where they do not name the present one."""
    if clues.listed and _present(clues) not in clues.listed:
        yield from client_auth(clues)


def basic_encoding(clues: Clues) -> Iterator[Change]:
    """The other reading of RFC 6749 §2.3.1, where id or secret has a character that is read differently."""
    if clues.tokens is None or _present(clues) != "client_secret_basic":
        return
    change = put(clues.at("basic_encoding"), _OTHER_ENCODING[clues.tokens.basic_encoding])
    if clues.odd_characters:
        yield change
    else:
        yield Change(change.steps, left_out="id and secret are the same in both encodings")


def post_as_json(clues: Clues) -> Iterator[Change]:
    """Id and secret in a JSON body: who reads no form reads no Basic header either."""
    if clues.tokens is not None and _present(clues) == "client_secret_basic" and clues.tokens.token_request.encoding == "form":
        yield Change((*_changed(clues, "client_secret_post").steps, Put(clues.at("token_request", "encoding"), "json")))


def _changed(clues: Clues, name: str) -> Change:
    """Another client authentication; without the encoding of a Basic header that is no more."""
    change = put(clues.at("client_auth"), name)
    if name == "client_secret_basic" or "basic_encoding" not in clues.written:
        return change
    at = clues.at("basic_encoding")
    return Change((*change.steps, Remove(at) if clues.is_own("basic_encoding") else Put(at, None)))


def _present(clues: Clues) -> str:
    """The client authentication in force; '' where a login is described, which has no client to speak of."""
    if clues.tokens is None or clues.tokens.is_session:
        return ""
    return clues.tokens.client_auth.name
