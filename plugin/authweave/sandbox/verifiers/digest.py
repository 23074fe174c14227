"""Digest access authentication as a server checks it: RFC 7616 §3.4, written from the server's side with the standard
library's parsers. It offers SHA-256 before MD5, counts nonces, hides nothing, and proves itself (`rspauth`)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from typing import Any, Final
from urllib.parse import unquote
from urllib.request import parse_http_list, parse_keqv_list

from authweave.sandbox.verifiers.case import Case, Passed, Refused

REALM: Final = "sandbox"
LIFETIME: Final = 300.0
"""Seconds that a nonce is good for."""
_HASHES: Final = {"SHA-256": hashlib.sha256, "MD5": hashlib.md5}


def verify(case: Case) -> Passed | Refused:
    """Does the request prove that the caller knows the password?"""
    lines = case.arrived.header_lines("authorization")
    if not lines:
        return _asking(case, "Digest begins with a challenge, and this is it", is_missing=True)
    scheme, _, rest = lines[0].partition(" ")
    if len(lines) > 1 or scheme.lower() != "digest":
        return _asking(case, "the credential belongs in one header Authorization: Digest …")
    try:
        said = parse_keqv_list(parse_http_list(rest))
    except ValueError:
        return _asking(case, "header Authorization cannot be read as Digest parameters")
    why = _wrong(case, said)
    if why:
        return _asking(case, why, is_stale=why == _STALE)
    return Passed(("header Authorization",), (("Authentication-Info", _information(case, said)),))


_STALE: Final = "the nonce is too old, or was not made here"


def _wrong(case: Case, said: dict[str, str]) -> str:
    """What is wrong with the parameters; '' if they prove it."""
    if missing := [name for name in ("realm", "nonce", "uri", "response", "qop", "nc", "cnonce", "opaque", "algorithm") if name not in said]:
        return f"header Authorization lacks {', '.join(missing)}"
    if said["realm"] != REALM or said["algorithm"] not in _HASHES or said["qop"] not in ("auth", "auth-int"):
        return "realm, algorithm or qop are not those of the challenge"
    if said["uri"] != case.arrived.target:
        return "uri is not the path and query as they arrived"
    with case.memory.lock:
        made, opaque = case.memory.facts.get(said["nonce"], (0.0, ""))
    if case.now > made + LIFETIME:
        return _STALE
    if said["opaque"] != opaque:
        return "opaque did not come back unchanged"
    if not case.memory.is_new(f"{said['nonce']} {said['nc']}"):
        return "nc was used before with this nonce"
    if _name(said) != _kept(case, "username"):
        return "username is not the customer's"
    if not hmac.compare_digest(_response(case, said, case.arrived.method, case.arrived.body).encode(), said["response"].encode()):
        return "response is not what the password makes of this request"
    return ""


def _name(said: dict[str, str]) -> str:
    if "username*" in said:
        return unquote(said["username*"].rpartition("'")[2])
    return said.get("username", "")


def _kept(case: Case, name: str) -> str:
    return unicodedata.normalize("NFC", str(case.own(name)))


def _response(case: Case, said: dict[str, str], method: str, body: bytes) -> str:
    def digest(*parts: str) -> str:
        return _HASHES[said["algorithm"]](":".join(parts).encode()).hexdigest()

    user = digest(_kept(case, "username"), REALM, _kept(case, "password"))
    asked = [method, said["uri"]]
    if said["qop"] == "auth-int":
        asked.append(_HASHES[said["algorithm"]](body).hexdigest())
    return digest(user, said["nonce"], said["nc"], said["cnonce"], said["qop"], digest(*asked))


def _information(case: Case, said: dict[str, str]) -> str:
    """The server's own proof; not for auth-int, whose proof is over a body that is not made yet (§3.5)."""
    plain = f'qop={said["qop"]}, cnonce="{said["cnonce"]}", nc={said["nc"]}'
    return plain if said["qop"] == "auth-int" else f'rspauth="{_response(case, said, "", b"")}", {plain}'


def _asking(case: Case, why: str, *, is_missing: bool = False, is_stale: bool = False) -> Refused:
    """Two challenges, the stronger one first (§3.7)."""
    nonce, opaque = secrets.token_urlsafe(18), secrets.token_urlsafe(12)
    with case.memory.lock:
        case.memory.facts[nonce] = (case.now, opaque)
        _forget(case.memory.facts)
    common = f'realm="{REALM}", qop="auth, auth-int", nonce="{nonce}", opaque="{opaque}", charset=UTF-8' + (", stale=true" if is_stale else "")
    strong, weak = (f"Digest {common}, algorithm={name}" for name in _HASHES)
    return Refused(why, strong, is_missing, (("WWW-Authenticate", weak),))


def _forget(facts: dict[str, Any], most: int = 10_000) -> None:
    while len(facts) > most:
        del facts[next(iter(facts))]
