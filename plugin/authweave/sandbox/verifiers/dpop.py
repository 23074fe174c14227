"""DPoP as servers check it: RFC 9449 §4.3, the signature by joserfc."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from typing import Any, Final

from joserfc import jwk, jws
from joserfc.errors import JoseError

from authweave.sandbox.arrived import Arrived
from authweave.sandbox.verifiers.case import Case, Memory, Passed, Refused

WINDOW: Final = 300.0
"""Seconds that a proof is taken for, and that its time may be ahead."""
_CHALLENGE: Final = 'DPoP algs="ES256", error="{error}", error_description="{why}"'


def verify(case: Case) -> Passed | Refused:
    """Does the request prove the key that its token is bound to?"""
    token = case.issued.access_token if case.issued is not None else ""
    found = proved(case.arrived, case.memory, case.now, token)
    if isinstance(found, Refused):
        return found
    if case.issued is None or not hmac.compare_digest(found, case.issued.jkt):
        return _wrong("the proof is made with another key than the one that the token is bound to", "invalid_token")
    return Passed(("header DPoP",))


def proved(arrived: Arrived, memory: Memory, now: float, token: str = "") -> str | Refused:
    """The thumbprint of the key that a request proves, or what is wrong with the proof. `token`: it has to name this one."""
    lines = arrived.header_lines("dpop")
    if not lines:
        return _wrong("there is no proof: header DPoP is missing", "invalid_dpop_proof", is_missing=True)
    if len(lines) > 1:
        return _wrong("there are several headers DPoP")
    try:
        written = jws.extract_compact(lines[0].encode()).headers()
        key = jwk.import_key(written["jwk"])
        signed = jws.deserialize_compact(lines[0], key, algorithms=["ES256"])
        claims = json.loads(signed.payload or b"")
    except (JoseError, ValueError, KeyError, TypeError):
        return _wrong("the proof is no JWT that its own key verifies")
    why = _why_not(written, claims, arrived, now, token)
    if not why and not memory.is_new(f"dpop {claims['jti']}"):
        why = "jti came before: each request needs a proof of its own"
    return _wrong(why) if why else key.thumbprint()


def _why_not(header: dict[str, Any], claims: Any, arrived: Arrived, now: float, token: str) -> str:
    if not isinstance(claims, dict) or not all(isinstance(claims.get(name), str) for name in ("jti", "htm", "htu")):
        return "the proof lacks jti, htm or htu"
    if header.get("typ") != "dpop+jwt" or "d" in header["jwk"]:
        return "typ is not dpop+jwt, or the proof holds a private key"
    if claims["htm"] != arrived.method:
        return "htm is not the method of the request"
    if claims["htu"] != arrived.url.partition("?")[0]:
        return "htu is not the URL of the request, without query and fragment"
    if not isinstance(claims.get("iat"), int) or abs(now - claims["iat"]) > WINDOW:
        return "iat is not of these minutes"
    if token and claims.get("ath") != urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode():
        return "ath is not the hash of the token"
    return ""


def _wrong(why: str, error: str = "invalid_dpop_proof", *, is_missing: bool = False) -> Refused:
    return Refused(why, _CHALLENGE.format(error=error, why=why), is_missing)
