"""What a failed token call means for the next one: who asks again and when, what is in doubt, and how it is told."""

from __future__ import annotations

import time
from typing import Any, Final

from authweave.errors import (
    AuthweaveError,
    EndpointPaused,
    RateLimited,
    RegistrationError,
    TokenAnswerError,
    TokenEndpointError,
    TokenError,
    UnexpectedFailure,
    WireError,
)
from authweave.values import Record, Trouble

MOST_ATTEMPTS: Final = 2
"""How often one refresh token is presented: once, and once more when nobody knows what became of the first time."""
DOUBT: Final = (60.0, 900.0)
"""Seconds during which a refresh token in doubt is kept back after its last attempt: at first, doubling, at most."""
CLIENT_REFUSALS: Final = (10.0, 300.0)
"""Seconds during which a refused client is not tried again: at first, doubling, at most. It may be locked out otherwise."""
OTHER_REFUSALS: Final = (1.0, 60.0)
LONGEST_REFUSAL: Final = 300.0
PATIENT_REFUSALS: Final = 2
"""Refusals of another kind that are followed by no pause: the next caller may bring what was missing."""
NOT_SAID: Final = "the refresh token has expired, was revoked, or was used before"
"""Why a refresh token is of no more use, where the endpoint does not say so itself."""
UNSENT: Final = frozenset({"dns", "connect", "proxy", "tls"})
"""Stages of a call at which nothing of it had been sent."""


def trouble_of(failure: AuthweaveError, record: Record, spends: str, attempt: int, credentials: str, now: float) -> Trouble:
    """What is kept of a failure. `spends` marks a person's refresh token that was presented, for the how-manieth time."""
    reason, before = str(failure), record.trouble
    if isinstance(failure, RateLimited | EndpointPaused):
        return Trouble("rate_limited", reason, now, until=failure.retry_at)
    if (isinstance(failure, TokenAnswerError | RegistrationError | UnexpectedFailure) or _is_misread(failure)) and not spends:
        kind = "refused" if is_client_refused(failure) else "unreachable"
        count = _in_a_row(before, kind, credentials)
        until = now + refusal_pause(failure, count)
        return Trouble(kind, reason, now, count=count, until=until, credentials=credentials, status=getattr(failure, "status", 0))
    if is_in_doubt(failure):
        is_harmless = not spends or is_lasting(record)
        pause = 0.0 if is_harmless or attempt < MOST_ATTEMPTS else min(DOUBT[0] * 2.0 ** (attempt - MOST_ATTEMPTS), DOUBT[1])
        return Trouble("unreachable", reason, now, spends=spends, count=attempt, until=now + pause)
    if not isinstance(failure, TokenEndpointError) or failure.status >= 500:
        return Trouble("unreachable", reason, now)
    count = _in_a_row(before, "refused", credentials)
    return Trouble(
        "refused", reason, now, status=failure.status, error=failure.error, error_description=failure.error_description,
        count=count, until=now + refusal_pause(failure, count), credentials=credentials,
    )  # fmt: skip


def refusal_pause(failure: AuthweaveError, count: int) -> float:
    """Seconds during which an endpoint that refused (or answered with what is no token) so often in a row is not asked the same again."""
    if is_client_refused(failure):
        first, most = CLIENT_REFUSALS
        return min(first * 2.0 ** (count - 1), most)
    first, most = OTHER_REFUSALS
    return 0.0 if count <= PATIENT_REFUSALS else min(first * 2.0 ** (count - PATIENT_REFUSALS - 1), most)


def is_client_refused(error: AuthweaveError) -> bool:
    """Does the endpoint refuse the client itself: its id or its secret (RFC 6749 §5.2), be it with a web page?"""
    if isinstance(error, TokenAnswerError):
        return error.status == 401
    if not isinstance(error, TokenEndpointError):
        return False
    word = (error.error or "").replace("_", "").lower()  # some spell it InvalidClient
    return word == "invalidclient" or (error.status == 401 and not word)


def is_grant_refused(error: AuthweaveError) -> bool:
    """Does the endpoint refuse what the grant presents (RFC 6749 §5.2)?"""
    return isinstance(error, TokenEndpointError) and (error.error or "").replace("_", "").lower() == "invalidgrant"


def moment(seconds: float) -> str:
    """A point in time for people: RFC 3339, UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)) if seconds > 0 else "an unknown time"


def is_in_doubt(failure: AuthweaveError) -> bool:
    """May the endpoint have done what it was asked, although no usable answer came?"""
    if isinstance(failure, WireError):
        return failure.stage not in UNSENT
    if isinstance(failure, TokenEndpointError):
        return failure.status in (500, 502, 504)
    if isinstance(failure, TokenAnswerError):
        return 200 <= failure.status < 300
    if _is_misread(failure):
        return True
    return isinstance(failure, UnexpectedFailure)


def _is_misread(failure: AuthweaveError) -> bool:
    """Did an answer come, and what the profile says of it could not be carried out (a kept value, a template)?"""
    return failure.is_of_answer and not isinstance(failure, TokenError | WireError)


def _in_a_row(before: Trouble | None, kind: str, credentials: str) -> int:
    """The how-manieth trouble of this kind with these secrets it is."""
    return before.count + 1 if before is not None and before.kind == kind and before.credentials == credentials else 1


def is_lasting(record: Record) -> bool:
    """Is it known of this refresh token that it can be used any number of times?"""
    return record.entry is not None and record.entry.rotates is False


def why_ended(failure: TokenEndpointError, record: Record) -> str:
    """What became of a refresh token that the endpoint does not take any more."""
    words = failure.error_description or NOT_SAID
    doubt = record.intent.at if record.intent else record.trouble.at if record.trouble and record.trouble.spends else 0.0
    before = f"previous refresh interrupted at {moment(doubt)}; " if doubt else ""
    return f"{before}invalid_grant: {words}"


def event_of(failure: AuthweaveError) -> str:
    """The kind of event that tells of a failure; '' where it has been told already."""
    if isinstance(failure, RateLimited):
        return "rate_limited"
    if isinstance(failure, EndpointPaused):
        return ""  # told when the pause began
    return "refused" if isinstance(failure, TokenEndpointError | TokenAnswerError | RegistrationError) or _is_misread(failure) else "unreachable"


def retry_of(failure: AuthweaveError) -> dict[str, Any]:
    """When to ask again, as the field of an event, where the endpoint said so."""
    return {"retry_at": failure.retry_at} if isinstance(failure, RateLimited | EndpointPaused) else {}
