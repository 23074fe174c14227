"""A service provider of OAuth 1.0 (RFC 5849 §3.2): every check of its own, from the raw request and the standard library.

Nothing that signs is used here: what both sides got wrong alike would never show.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote
from urllib.request import parse_http_list, parse_keqv_list

from authweave.sandbox.arrived import Arrived
from authweave.sandbox.verifiers.case import Case, Passed, Refused

CHALLENGE: Final = 'OAuth realm="sandbox"'
_SKEW: Final = 300
_PLACES: Final = {"header": "header Authorization", "query": "query field oauth_signature", "payload": "payload field oauth_signature"}
_DIGESTS: Final = {"SHA1": "sha1", "SHA256": "sha256", "SHA512": "sha512"}


def verify(case: Case) -> Passed | Refused:
    """Is the request signed by this customer's keys, whole, now and once?"""
    try:
        place, protocol = protocol_of(case.arrived)
    except ValueError as error:
        return Refused(str(error), CHALLENGE)
    if "oauth_signature" not in protocol:
        return Refused("there is no OAuth 1.0 signature in header, query or form body", CHALLENGE, is_missing=True)
    problem = _wrong_place(case, place) or _wrong_client(case, protocol) or _wrong_time(case, protocol)
    if not problem and not _is_signed(case, protocol, place):
        problem = "the signature does not match: another secret, or the request was changed after it was signed"
    if not problem and not _is_fresh(case, protocol):
        problem = "the nonce was used before: every request, also one that is sent again, needs one of its own"
    return Refused(problem, CHALLENGE) if problem else Passed((_PLACES[place],))


def protocol_of(arrived: Arrived) -> tuple[str, dict[str, str]]:
    """Where the protocol parameters stand, and what they are. They stand in one place, each once (§3.1)."""
    found = {"header": _in_header(arrived), "query": arrived.query, "payload": arrived.form or ()}
    found = {place: tuple(pair for pair in pairs if pair[0].startswith("oauth_") or pair[0] == "realm") for place, pairs in found.items()}
    used = [place for place, pairs in found.items() if any(name.startswith("oauth_") for name, _ in pairs)]
    if len(used) > 1:
        raise ValueError(f"protocol parameters stand in {' and in '.join(used)}; they have one place")
    pairs = found[used[0]] if used else ()
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a protocol parameter stands twice")
    return (used[0] if used else ""), dict(pairs)


def _in_header(arrived: Arrived) -> tuple[tuple[str, str], ...]:
    for line in arrived.header_lines("authorization"):
        if line[:6].lower() == "oauth ":
            try:
                parts = parse_keqv_list(parse_http_list(line[6:]))
            except (ValueError, IndexError):
                return ()
            return tuple((unquote(name), value if name == "realm" else unquote(value)) for name, value in parts.items())
    return ()


def _wrong_place(case: Case, place: str) -> str:
    declared = case.own("signature_in") or "header"
    return "" if place == declared else f"the protocol parameters stand in the {place}, and the profile says signature_in: {declared}"


def _wrong_client(case: Case, protocol: Mapping[str, str]) -> str:
    declared = case.own("signature_method") or "HMAC-SHA1"
    if protocol.get("oauth_signature_method") != declared:
        return f"oauth_signature_method is not the declared {declared}"
    if protocol.get("oauth_consumer_key") != str(case.own("consumer_key") or ""):
        return "oauth_consumer_key is not this customer's"
    if protocol.get("oauth_token", "") != _token(case):
        return "oauth_token is not the one that this customer has" if _token(case) else "oauth_token came where the profile has no token"
    if protocol.get("oauth_version", "1.0") != "1.0":
        return "oauth_version is not 1.0"
    if (realm := case.own("realm")) and "realm" in protocol and protocol["realm"] != realm:
        return "the realm is not the declared one"
    return ""


def _wrong_time(case: Case, protocol: Mapping[str, str]) -> str:
    stamp = protocol.get("oauth_timestamp", "")
    if not re.fullmatch(r"[1-9][0-9]{0,14}", stamp, re.ASCII):
        return "oauth_timestamp is not a positive number"
    return "" if abs(int(stamp) - case.now) <= _SKEW else "oauth_timestamp is refused: the clock of one side is wrong"


def _is_fresh(case: Case, protocol: Mapping[str, str]) -> bool:
    parts = (protocol.get(name, "") for name in ("oauth_nonce", "oauth_timestamp", "oauth_token"))
    return bool(protocol.get("oauth_nonce")) and case.memory.is_new("\0".join(parts))


def _token(case: Case) -> str:
    return case.issued.access_token if case.issued is not None else str(case.own("token") or "")


def _secrets(case: Case) -> tuple[str, str]:
    token_secret = case.issued.kept.get("token_secret", "") if case.issued is not None else case.own("token_secret")
    return str(case.own("consumer_secret") or ""), str(token_secret or "")


def _is_signed(case: Case, protocol: Mapping[str, str], place: str) -> bool:
    method, signature = protocol["oauth_signature_method"], protocol["oauth_signature"]
    consumer_secret, token_secret = _secrets(case)
    key = f"{_escape(consumer_secret)}&{_escape(token_secret)}"
    if method == "PLAINTEXT":
        return case.arrived.scheme == "https" and hmac.compare_digest(signature.encode(), key.encode())
    kind, _, digest = method.partition("-")
    base = _base_string(case.arrived, protocol if place == "header" else {}).encode()
    if kind == "RSA":
        return _is_signed_by(consumer_secret, signature, base, digest)
    return hmac.compare_digest(base64.b64encode(hmac.digest(key.encode(), base, _DIGESTS[digest])).decode().encode(), signature.encode())


def _is_signed_by(pem: str, signature: str, base: bytes, digest: str) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(pem.encode(), None)
    try:
        if not isinstance(key, RSAPrivateKey):
            return False
        key.public_key().verify(base64.b64decode(signature, validate=True), base, PKCS1v15(), getattr(hashes, digest)())
    except (InvalidSignature, ValueError):
        return False
    return True


def _base_string(arrived: Arrived, in_header: Mapping[str, str]) -> str:
    pairs = [*arrived.query, *(arrived.form or ()), *((name, value) for name, value in in_header.items() if name != "realm")]
    normal = "&".join(f"{name}={value}" for name, value in sorted((_escape(name), _escape(value)) for name, value in pairs if name != "oauth_signature"))
    host = f"[{arrived.host}]" if ":" in arrived.host else arrived.host
    port = "" if arrived.port == {"https": 443, "http": 80}[arrived.scheme] else f":{arrived.port}"
    return "&".join(map(_escape, (arrived.method.upper(), f"{arrived.scheme}://{host}{port}{arrived.path or '/'}", normal)))


def _escape(text: str) -> str:
    return quote(text, safe="~")
