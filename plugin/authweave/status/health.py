"""How one token is, as a value; and how that is read from what the store has of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from authweave.tokens.owners import is_gone
from authweave.tokens.troubles import MOST_ATTEMPTS, moment
from authweave.values import Intent, Record, Token, Trouble

STATES: Final[Mapping[str, str]] = MappingProxyType({
    "store_down": "the token store gives no answer",
    "sign_in_needed": "only a person can give a new token",
    "sign_in_pending": "a person was sent a link, or a code, and has not answered yet",
    "refused": "the token endpoint refused the client or the grant the last time",
    "unreadable": "what is stored cannot be opened",
    "orphaned": "stored under a key that the profile and its inputs no longer make",
    "unreachable": "the token endpoint gave no answer the last time",
    "rate_limited": "the token endpoint asked to wait",
    "not_configured": "an input is missing, or the profile is not valid",
    "renewing": "a worker is getting another token now",
    "expired": "there is no token that is still good; the next use gets one",
    "expiring": "in its refresh window; the next use renews it, and nobody waits",
    "elsewhere": "its profile is not found from this folder",
    "unused": "nothing is stored: no token was got yet, or it was forgotten",
    "no_token": "its type gets no token: the credential goes into each request as it is",
    "ok": "there is a token that is good",
})  # fmt: skip
"""Every state with its meaning, the worst first."""

WANTS_A_PERSON: Final = frozenset({"sign_in_needed", "sign_in_pending", "refused", "unreadable"})
"""States that do not pass by themselves. An orphan wants a person where it holds a refresh token that one consented to."""


@dataclass(frozen=True, slots=True)
class Health:
    """How the token of a connection, or one that nobody can use any more, is.

    `state` is one of STATES, `why` and `fix` are for people ('' where there is nothing to say). `expires_at` and `since`
    are Unix seconds; None where nobody knows, NEVER for a token without a stated end. `key` is the beginning of the token
    key: 12 hex digits, '' where none could be made. `attended`: a person consented, so that a refresh token that is lost
    cannot be had anew. No field holds a secret; `subject` is the user's id.
    """

    profile: str
    version: str = ""
    variant: str = ""
    tenant: str = ""
    subject: str = field(default="", repr=False)
    state: str = "unused"
    why: str = ""
    expires_at: float | None = None
    since: float | None = None
    fix: str = ""
    key: str = ""
    refresh_token: bool = False
    attended: bool = False

    @property
    def wants_a_person(self) -> bool:
        """Does it stay as it is until somebody does something?"""
        return self.state in WANTS_A_PERSON or (self.state == "orphaned" and self.refresh_token and self.attended)


@dataclass(frozen=True, slots=True)
class Condition:
    """How a token is, whosesoever it is."""

    state: str
    why: str = ""
    since: float | None = None
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class Around:
    """What matters beside the record: the time, for how long a renewal may take, until when the endpoint asked to be left
    alone, and the mark of the client's secrets ('' where nobody knows)."""

    now: float
    lease_seconds: float
    attended: bool = False
    held_until: float = 0.0
    credentials: str = ""


def condition_of(record: Record, around: Around) -> Condition:
    """How the token of a record is."""
    if record.unreadable:
        return Condition("unreadable", f"it cannot be opened: {record.unreadable}")
    ends = record.token.expires_at if record.token else None
    said = _of_intent(record, around) or _of_trouble(record, around) or _of_token(record, around)
    return Condition(said.state, said.why, said.since, ends)


def _of_intent(record: Record, around: Around) -> Condition | None:
    intent = record.intent
    if intent is None:
        return None
    if not is_gone(intent.owner) and around.now < intent.at + around.lease_seconds:
        return Condition("renewing", "a worker is getting another one", intent.at)
    is_lasting = record.entry is not None and record.entry.rotates is False
    if around.attended and intent.spends and intent.attempt >= MOST_ATTEMPTS and not is_lasting:
        return Condition("sign_in_needed", f"reauthorize (previous refresh interrupted at {moment(intent.at)}, and so was one before it)", intent.at)
    return None


def _of_trouble(record: Record, around: Around) -> Condition | None:
    trouble = record.trouble
    if trouble is None:
        return None
    if trouble.kind == "sign_in_needed":
        return Condition("sign_in_needed", f"reauthorize ({trouble.reason})", trouble.at)
    if trouble.kind == "refused" and not _is_answered_by_another_secret(trouble, around):
        return Condition("refused", _words_of(trouble), trouble.at)
    if trouble.kind == "unreachable":
        return Condition("unreachable", trouble.reason, trouble.at)
    return None


def _is_answered_by_another_secret(trouble: Trouble, around: Around) -> bool:
    return bool(around.credentials and trouble.credentials) and trouble.credentials != around.credentials


def _words_of(trouble: Trouble) -> str:
    """The endpoint's own words, as far as it said any (RFC 6749 §5.2)."""
    words = ": ".join(word for word in (trouble.error, trouble.error_description) if word)
    return f"{words} ({trouble.status})" if words else trouble.reason


def _of_token(record: Record, around: Around) -> Condition:
    token, why = record.token, _what_was(record, around)
    if token is not None and around.now < min(token.renew_at, token.expires_at):
        return Condition("ok", why, token.issued_at or None)
    if around.held_until > around.now:
        return Condition("rate_limited", f"the token endpoint asked to be left alone until {moment(around.held_until)}", record.trouble.at if record.trouble else None)
    if token is None:
        return Condition("expired" if record.trouble or record.intent else "unused", why or STATES["unused"], record.trouble.at if record.trouble else None)
    if around.now < token.expires_at:
        return Condition("expiring", why, token.renew_at)
    return Condition("expired", why or _next_use(token, around), token.expires_at)


def _what_was(record: Record, around: Around) -> str:
    """What happened last and does not stand in the way any more."""
    if record.intent is not None:
        return _interrupted(record.intent, around)
    trouble = record.trouble
    if trouble is None:
        return ""
    if trouble.kind == "refused":
        return f"refused at {moment(trouble.at)} with another client secret; the next use tries the new one"
    return f"at {moment(trouble.at)}: {trouble.reason}; the next use asks again"


def _interrupted(intent: Intent, around: Around) -> str:
    again = "presents the refresh token once more" if around.attended and intent.spends else "gets another token"
    return f"a renewal was interrupted at {moment(intent.at)}; the next use {again}"


def _next_use(token: Token, around: Around) -> str:
    return "the next use renews it" if token.refresh_token is not None or not around.attended else "no refresh token came with it"
