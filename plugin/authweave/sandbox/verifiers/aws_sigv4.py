"""AWS's side of Signature Version 4: the request as it arrived, made canonical and signed once more, by code of its own.

Written from AWS's description alone; nothing that signs is used here. Differs from AWS in what it says: AWS names the
kind of a refusal, and this verifier the part of the request that is at fault.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

from authweave.sandbox.arrived import Arrived
from authweave.sandbox.verifiers.case import Case, Passed, Refused

CHALLENGE: Final = 'AWS4-HMAC-SHA256 realm="sandbox"'
_SKEW: Final = 900
_LONGEST: Final = 604800
_HEADER: Final = re.compile(r"AWS4-HMAC-SHA256 +Credential=([^,]+), *SignedHeaders=([^,]+), *Signature=([0-9a-f]{64})")
_OWN: Final = ("access_key_id", "secret_access_key", "session_token")
_S3: Final = ("s3", "s3express", "s3-object-lambda", "s3-outposts")
_STATES_HASH: Final = (*_S3, "aoss", "glacier", "vpc-lattice-svcs")


@dataclass(frozen=True)
class _Claim:
    """What the request says of its own signature. `seconds` it holds, None for one in the header."""

    credential: str
    names: str
    signature: str
    date: str
    token: str
    seconds: str | None

    @property
    def place(self) -> str:
        return "header Authorization" if self.seconds is None else "query field X-Amz-Signature"


def verify(case: Case) -> Passed | Refused:
    """Is the request signed with this customer's keys, for the declared service and region, whole and now?"""
    claim = _claim(case.arrived)
    if claim is None:
        return Refused("there is no AWS4-HMAC-SHA256 signature, neither in Authorization nor in the query", CHALLENGE, is_missing=True)
    problem = _wrong_scope(case, claim) or _wrong_time(case, claim) or _wrong_coverage(case, claim) or _wrong_payload(case, claim)
    if not problem and not hmac.compare_digest(_signature(case, claim), claim.signature):
        problem = "the signature does not match: another secret key, or the request was changed after it was signed"
    return Refused(problem, CHALLENGE) if problem else Passed((claim.place,))


def keys_of(case: Case) -> tuple[str, str, str]:
    """Id, secret and session token that this customer signs with: those of the role once it has one."""
    if case.issued is not None:
        kept = case.issued.kept
        return str(kept.get("access_key_id", "")), str(kept.get("secret_access_key", "")), case.issued.access_token
    access_key_id, secret_access_key, session_token = (str(case.own(name) or "") for name in _OWN)
    return access_key_id, secret_access_key, session_token


def _claim(arrived: Arrived) -> _Claim | None:
    header = next(iter(arrived.header_lines("authorization")), "")
    if found := _HEADER.fullmatch(header.strip()):
        date, token = (next(iter(arrived.header_lines(name)), "") for name in ("x-amz-date", "x-amz-security-token"))
        return _Claim(found[1], found[2], found[3], date, token, None)
    query = dict(arrived.query)
    if query.get("X-Amz-Algorithm") != "AWS4-HMAC-SHA256":
        return None
    names = ("Credential", "SignedHeaders", "Signature", "Date", "Security-Token", "Expires")
    credential, signed, signature, date, token, seconds = (query.get(f"X-Amz-{name}", "") for name in names)
    return _Claim(credential, signed, signature, date, token, seconds)


def _wrong_scope(case: Case, claim: _Claim) -> str:
    access_key_id, _, token = keys_of(case)
    declared = f"{claim.date[:8]}/{case.own('region')}/{case.own('service')}/aws4_request"
    key, _, scope = claim.credential.partition("/")
    if key != access_key_id:
        return "the access key id is not this customer's"
    if scope != declared:
        return f"the credential scope is {scope}, and should be {declared}: date, region and service"
    if claim.token != token:
        return "the session token is not the one that belongs to the access key" if claim.token else "the session token is missing"
    return ""


def _wrong_time(case: Case, claim: _Claim) -> str:
    if not re.fullmatch(r"\d{8}T\d{6}Z", claim.date, re.ASCII):
        return "X-Amz-Date is not written as YYYYMMDDTHHMMSSZ"
    signed = datetime.strptime(claim.date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    if claim.seconds is not None and not (claim.seconds.isdecimal() and 1 <= int(claim.seconds) <= _LONGEST):
        return "X-Amz-Expires is not a number of seconds up to a week"
    lasts = _SKEW if claim.seconds is None else int(claim.seconds)
    if not signed - _SKEW <= case.now <= signed + lasts:
        return "the signature is expired or of the future: the clock of one side is wrong"
    return ""


def _wrong_coverage(case: Case, claim: _Claim) -> str:
    names = claim.names.split(";")
    if names != sorted(set(names)):
        return "SignedHeaders is not sorted"
    arrived = {name.lower() for name, _ in case.arrived.headers}
    needed = {"host"} | {name for name in arrived if name.startswith("x-amz-") or name == "content-type"}
    if unsigned := sorted(needed - set(names)):
        return f"header {unsigned[0]} is not signed"
    if absent := sorted(set(names) - arrived):
        return f"header {absent[0]} is signed and did not arrive"
    return ""


def _wrong_payload(case: Case, claim: _Claim) -> str:
    stated = case.arrived.header_lines("x-amz-content-sha256")
    if not stated:
        return "header x-amz-content-sha256 is missing, which this service wants" if claim.seconds is None and case.own("service") in _STATES_HASH else ""
    if stated[0] != "UNSIGNED-PAYLOAD" and stated[0] != hashlib.sha256(case.arrived.body).hexdigest():
        return "x-amz-content-sha256 is not the hash of the body that arrived"
    return ""


def _signature(case: Case, claim: _Claim) -> str:
    arrived, service = case.arrived, str(case.own("service"))
    lines = "".join(f"{name}:{','.join(' '.join(value.split()) for value in arrived.header_lines(name))}\n" for name in claim.names.split(";"))
    stated = arrived.header_lines("x-amz-content-sha256")
    payload = stated[0] if stated else "UNSIGNED-PAYLOAD" if claim.seconds is not None and service in _S3 else hashlib.sha256(arrived.body).hexdigest()
    request = "\n".join((arrived.method, _path(arrived.path, service), _query(arrived.raw_query), lines, claim.names, payload))
    scope = claim.credential.partition("/")[2]
    text = "\n".join(("AWS4-HMAC-SHA256", claim.date, scope, hashlib.sha256(request.encode("latin-1")).hexdigest()))
    key = b"AWS4" + keys_of(case)[1].encode()
    for part in (*scope.split("/"), text):
        key = hmac.digest(key, part.encode(), "sha256")
    return key.hex()


def _path(path: str, service: str) -> str:
    if service in _S3:
        return quote_from_bytes(unquote_to_bytes(path), safe="/~")
    while (shorter := re.sub(r"/(\.?/|[^/]+/\.\./)", "/", path)) != path:
        path = shorter
    return quote_from_bytes(path.encode(), safe="/~")


def _query(raw: str) -> str:
    pairs: list[tuple[str, str]] = []
    for piece in filter(None, raw.split("&")):
        name, _, value = (quote_from_bytes(unquote_to_bytes(part.replace("+", "%20")), safe="~") for part in piece.partition("="))
        if name != "X-Amz-Signature":
            pairs.append((name, value))
    return "&".join(map("=".join, sorted(pairs)))
