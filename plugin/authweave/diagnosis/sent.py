"""What was sent to the API, as far as it tells why it was refused: the prefix, and the claims of a token that is a JWT.

Nothing of a token is said here but claims that are for everybody who may see a report: who gave it, for whom, until when.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from authweave.answers.jwt_parts import jwt_part
from authweave.diagnosis.case import Case
from authweave.times import NotATime, parse_http_date

OWN_SCHEMES: Final = frozenset({"basic", "digest", "negotiate", "ntlm"})
"""Schemes of HTTP that are an auth type each."""
_TWICE: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9!#$%&'*+.^_`|~-]*)\s+\1\s+\S", re.IGNORECASE)
_TOLERANCE: Final = 5.0
_UNSEEN: Final = re.compile(
    r"(?i)(missing|no|without|absent|not (?:been )?(?:provided|found|supplied|present)|required?)\b.{0,40}\b(api[ _-]?key|token|credentials?|authori[sz]ation|authentication|auth)"
    r"|(api[ _-]?key|token|credentials?|authori[sz]ation|authentication)\b.{0,40}\b(missing|not (?:been )?(?:provided|found|supplied|present)|required|absent)"
)  # fmt: skip
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,40}")
_UNREADABLE: Final = re.compile(
    r"(?i)\b(authori[sz]ation|api[ _-]?key|access[ _-]?token|bearer|credentials?)\b.{0,40}\b(malformed|invalid|not valid|missing|required|wrong|incorrect|bad|expired|unsupported)\b"
    r"|\b(malformed|invalid|missing|wrong|incorrect|bad|expired|unsupported)\b.{0,40}\b(authori[sz]ation|api[ _-]?key|access[ _-]?token|bearer|credentials?)\b"
)  # fmt: skip
_HEADER: Final = re.compile(r"(?i)\b(x-[a-z0-9-]{2,40}|api-key|apikey)\b")


def authorization(case: Case) -> str:
    """The Authorization header that was sent; ''."""
    return (case.request.header("authorization") or "") if case.request is not None else ""


def prefix(case: Case) -> str:
    """Its first word: `Bearer`; '' where there is none."""
    head, blank, _ = authorization(case).strip().partition(" ")
    return head if blank else ""


def prefix_twice(case: Case) -> str:
    """The prefix, where it stands there twice: `Bearer Bearer …`; ''."""
    found = _TWICE.match(authorization(case))
    return found[1] if found else ""


def prefix_wanted(case: Case) -> str:
    """The scheme that the answer asks for, as it writes it, where another or none was sent; ''."""
    asked = [one.scheme for one in case.challenges]
    if not asked or not authorization(case) or prefix(case).lower() in asked:
        return ""
    line = next((value for name, value in case.response.headers if name.lower() == "www-authenticate"), "") if case.response else ""
    word = line.strip().partition(" ")[0].rstrip(",")
    return word if _WORD.fullmatch(word) else ""


def not_seen(case: Case) -> bool:
    """Does the answer say that nothing came, although something was sent?"""
    has_one_place = case.own_type in OWN_SCHEMES and case.own_type in {one.scheme for one in case.challenges}
    return not has_one_place and any(_UNSEEN.search(text) for _, text in case.said)


def not_readable(case: Case) -> bool:
    """Does the answer say that what came to prove who asks is wrong in its form, or missing?"""
    return any(_UNREADABLE.search(text) for _, text in case.said)


def header_named(case: Case) -> str:
    """The header that the answer's words name: `X-Api-Key`; ''."""
    return next((name for _, text in case.said if (name := header_in(text))), "")


def header_in(text: str) -> str:
    """The header for a key that is named there: `X-Api-Key`; ''."""
    found = _HEADER.search(text)
    return found[1] if found else ""


def claims(case: Case) -> Mapping[str, Any]:
    """The claims of the bearer token that was sent; none where it is no JWT."""
    parts = authorization(case).strip().rpartition(" ")[2].split(".")
    return (jwt_part(parts[1]) or {}) if len(parts) == 3 else {}


def audience(case: Case) -> str:
    """For whom the token is, as its `aud` says; ''."""
    said = claims(case).get("aud")
    several = [one for one in said if isinstance(one, str)] if isinstance(said, list) else [said] if isinstance(said, str) else []
    return ", ".join(several)[:200]


def is_id_token(case: Case) -> bool:
    """Is it an id token (OpenID Connect Core §2): for the client itself, with claims that only such tokens have?"""
    found = claims(case)
    said = found.get("aud")
    is_for_client = bool(case.client_id) and case.client_id in (said if isinstance(said, list) else [said])
    return is_for_client and any(name in found for name in ("nonce", "at_hash", "c_hash", "auth_time")) and "scope" not in found and "scp" not in found


def not_yet_valid(case: Case) -> float:
    """Seconds until the token is valid by the API's clock (`nbf`, `iat`); 0 where it is, or where that cannot be told."""
    starts = [float(claims(case)[name]) for name in ("nbf", "iat") if _is_moment(claims(case).get(name))]
    now = _api_clock(case)
    ahead = max(starts, default=0.0) - now if now else 0.0
    return ahead if ahead > _TOLERANCE else 0.0


def expired(case: Case) -> float:
    """Seconds since the token's end by the API's clock; 0 where it lives, or where that cannot be told."""
    end, now = claims(case).get("exp"), _api_clock(case)
    past = now - float(end) if _is_moment(end) and now else 0.0  # type: ignore[arg-type]  # _is_moment says that it is a number
    return past if past > _TOLERANCE else 0.0


def _is_moment(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 1e8 < value < 1e11


def _api_clock(case: Case) -> float:
    date = case.response.header("date") if case.response is not None else None
    try:
        return parse_http_date(date.strip()) if date else 0.0
    except (NotATime, ValueError, ArithmeticError):
        return 0.0
