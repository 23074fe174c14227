"""How long a token lives, as its answer says it: in seconds, as a point in time, or not at all."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from authweave.errors import TokenAnswerError
from authweave.profile import Answer
from authweave.templates.bounds import Unfit
from authweave.times import parse_http_date, parse_rfc3339
from authweave.token_calls.reading import Reading, member
from authweave.values import NEVER, TaskResponse, Token

LONGEST_LIFETIME: Final = 1e10
"""Seconds (317 years); a longer life is cut off there. A point in time beyond it is none in seconds."""
_LONG_MAX: Final = 2.0**63
"""What servers in Java (WSO2) say for a token that never ends; a number beyond it is a mistake."""
UNSTATED_LIFETIME: Final = 600.0
"""An unattended token without a stated lifetime is used until it is rejected, and renewed beside the callers after this; a session is not."""


def says_when(answer: Answer, scope: Mapping[str, Any]) -> bool:
    """Does the answer say, where its reading looks for it, how long the token lives?"""
    name = "expires_at" if "expires_at" in answer.members else "expires_in"
    looks = name in answer.members or not answer.says_anything
    return looks and member(answer, name, scope) not in (None, "")


def expires_at_of(answer: Answer, scope: Mapping[str, Any], response: TaskResponse, reading: Reading) -> float:
    """When the token ends (Unix seconds); NEVER where nothing is said. Raises TokenAnswerError (lifetime_odd)."""
    if "expires_at" in answer.members:
        moment = _moment(member(answer, "expires_at", scope))
        if moment is None:
            return NEVER
        if moment <= reading.now + LONGEST_LIFETIME:  # false for NaN
            return float(moment)
        raise _odd_lifetime("expires_at", response, reading)
    value = member(answer, "expires_in", scope)
    if value is None or value == "":
        return NEVER
    seconds = _seconds(value)
    if seconds is None:
        raise _odd_lifetime("expires_in", response, reading)
    return reading.now + min(max(0.0, seconds), LONGEST_LIFETIME)


def _odd_lifetime(name: str, response: TaskResponse, reading: Reading) -> TokenAnswerError:
    what = "a number of seconds" if name == "expires_in" else "Unix seconds, an RFC 3339 time or an HTTP date (milliseconds: divide them)"
    return TokenAnswerError("lifetime_odd", f"{reading.url}: {name} is not {what}", status=response.status, url=reading.url)


def _seconds(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,19}(\.[0-9]{1,9})?", value.strip(), re.ASCII):
        return None
    seconds = float(value)
    return seconds if abs(seconds) <= _LONG_MAX else None  # false for NaN


def _moment(value: Any) -> float | None:
    """Unix seconds of a written point in time; None for nothing; NaN if it cannot be read."""
    if value is None or value == "":
        return None
    if (seconds := _seconds(value)) is not None:
        return seconds
    if isinstance(value, str):
        for parse in (parse_rfc3339, parse_http_date):
            try:
                return parse(value.strip())
            except (Unfit, ValueError, ArithmeticError):
                continue
    return math.nan


def renew_at_of(expires_at: float, reading: Reading) -> float:
    """When the refresh window opens: `refresh_before`, at most a quarter of the lifetime."""
    if expires_at == NEVER:
        keeps_on = reading.settings.attended or reading.settings.is_session  # each login leaves a session behind at the server
        return NEVER if keeps_on else reading.now + UNSTATED_LIFETIME
    return expires_at - min(reading.settings.refresh_before, max(0.0, expires_at - reading.now) / 4)


def lifetime_words(token: Token, now: float) -> str:
    """`expires in 900 s`, for people."""
    return "no stated end" if token.expires_at == NEVER else f"expires in {token.expires_at - now:.0f} s"
