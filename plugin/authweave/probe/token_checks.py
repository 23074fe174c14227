"""What can be said of a token without sending it anywhere: type, lifetime, scopes, clock, claims."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from authweave.answers.jwt_parts import jwt_part
from authweave.profile import TokenSettings, Variant
from authweave.times import NotATime, parse_http_date
from authweave.values import NEVER, TaskResponse, Token

YEAR: Final = 366 * 86400.0
SKEW: Final = 30.0
_CLAIMS: Final = ("iss", "aud", "sub", "scope", "scp", "exp")


@dataclass(frozen=True, slots=True)
class Oddity:
    """A diagnosis code with what its sentence needs."""

    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checks found: a line of what the answer says, one of what the token says itself, and what is odd."""

    text: str
    claims: str
    oddities: tuple[Oddity, ...]


def check_token(token: Token, variant: Variant, asked: str, response: TaskResponse | None, at: float) -> Checked:
    """Look at a token that was just got. `asked` are the scopes of the request, `at` when the answer was there."""
    oddities = [
        *_type(token, variant), *_lifetime(token), *_scope(token, asked, variant.tokens), *_clock(token, response, at),
    ]  # fmt: skip
    skew = clock_offset(response, at)
    words = [
        token.token_type,
        "no stated end" if token.expires_at == NEVER else f"expires in {token.expires_at - token.issued_at:.0f} s",
        f"scope {token.scope}" if token.scope else "scope as asked" if asked else "",
        "a refresh token" if token.refresh_token else "no refresh token",
        f"clock {skew:+.0f} s" if skew is not None else "",
    ]
    return Checked(", ".join(word for word in words if word), says(claims_of(token)), tuple(oddities))


def clock_offset(response: TaskResponse | None, at: float) -> float | None:
    """Seconds that the clock here is ahead of the server's, by its Date field; None without one."""
    date = response.header("date") if response else None
    try:
        return None if date is None else at - parse_http_date(date.strip())
    except (NotATime, ValueError, ArithmeticError):
        return None


def claims_of(token: Token) -> dict[str, str]:
    """A few claims of a token that is a JWT (never its signature), to show for whom and for what it was made."""
    claims = _claims(token)
    return {name: _shown(name, claims[name]) for name in _CLAIMS if name in claims}


def says(claims: Mapping[str, str]) -> str:
    """`the token says iss=…, aud=…`; '' of a token that says nothing."""
    return "the token says " + ", ".join(f"{name}={value}" for name, value in claims.items()) if claims else ""


def _claims(token: Token) -> Mapping[str, Any]:
    parts = str(token.access_token.reveal()).split(".")
    return (jwt_part(parts[1]) or {}) if len(parts) == 3 else {}


def _shown(name: str, value: Any) -> str:
    if name == "exp" and isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e11:
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = value if isinstance(value, str) else json.dumps(value)
    return text[:200]


def _type(token: Token, variant: Variant) -> Iterator[Oddity]:
    sent_as_bearer = any(item.key.lower() == "authorization" and "Bearer" in getattr(item.value, "text", "Bearer") for item in variant.fields)
    if sent_as_bearer and token.token_type.lower() != "bearer":
        yield Oddity("token_type_odd", {"token_type": token.token_type})


def _lifetime(token: Token) -> Iterator[Oddity]:
    if token.expires_at == NEVER:
        return
    seconds = token.expires_at - token.issued_at
    if seconds <= 0:
        yield Oddity("lifetime_odd", {"lifetime": "The token has expired on arrival: its lifetime is 0 or less.", "looks_like": ""})
    elif seconds > YEAR:
        looks = "moment" if abs(seconds - token.issued_at) < 5 * YEAR else "ms" if seconds / 1000 <= YEAR else ""
        unit = {"moment": "it looks like a point in time, not like a lifetime", "ms": "it looks like milliseconds"}.get(looks, "is that right?")
        yield Oddity("lifetime_odd", {"lifetime": f"The token's lifetime is {seconds:.0f} s, more than a year: {unit}.", "looks_like": looks})


def _scope(token: Token, asked: str, settings: TokenSettings | None) -> Iterator[Oddity]:
    """RFC 6749 §5.1: an answer that does not name the scope granted what was asked."""
    separator = settings.scope_separator if settings else " "
    if not token.scope or not asked:
        return
    granted = set(token.scope.replace(separator.strip() or " ", " ").replace(",", " ").split())
    wanted = [scope for scope in asked.replace(separator.strip() or " ", " ").split() if not scope.endswith("/.default")]
    if any(scope not in granted for scope in wanted):
        yield Oddity("scope_narrowed", {"asked": asked, "granted": token.scope})


def _clock(token: Token, response: TaskResponse | None, at: float) -> Iterator[Oddity]:
    """By the Date field, else by a token that was issued in time to come (RFC 7519 §4.1.6)."""
    skew, issued = clock_offset(response, at), _claims(token).get("iat")
    if skew is None and isinstance(issued, int | float) and not isinstance(issued, bool) and at < issued < at + YEAR:
        skew = at - issued
    if skew is not None and abs(skew) > SKEW:
        yield Oddity("clock_skew", {"skew": skew})
