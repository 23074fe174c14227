"""What providers of OAuth 1.0 say of signed requests: the words of the extension for problem reporting, and those of others."""

from __future__ import annotations

import re
from typing import Final

from authweave.diagnosis.case import Case
from authweave.diagnosis.entry import Entry, Remedy, table
from authweave.times import parse_http_date

_READ: Final = 8192
_BORNE: Final = 300.0
"""Seconds that every provider bears; many bear ten minutes, none an hour."""
_SIGNED_AT: Final = re.compile(r'oauth_timestamp="?(\d{1,12})')
_SAID: Final = (
    ("oauth1_timestamp", r"timestamp_refused|timestamp.{0,24}(out of bounds|refused|expired|invalid|too old)|invalid[ _]timestamp"),
    ("oauth1_nonce", r"nonce_used|nonce.{0,24}(used|seen|replay)|invalid[ _]nonce"),
    ("oauth1_consumer", r"consumer_key_(unknown|rejected|refused)|(unknown|invalid|rejected)[ _]consumer|consumer.{0,24}(unknown|not found|disabled)|\bproblem=client\b"),
    ("oauth1_token", r"token_(rejected|revoked|expired|used)|(invalid|expired|revoked)( or expired)?[ _](access[ _])?token|permission_denied|\bproblem=resource_owner"),
    ("oauth1_signature", r"signature_(invalid|method_rejected)|(invalid|wrong)[ _]signature|signature.{0,24}(invalid|mismatch|does not match)|problem=signature"),
)  # fmt: skip


def is_oauth1(case: Case) -> bool:
    """Is the request signed by OAuth 1.0?"""
    return case.variant is not None and case.variant.scheme.name == "oauth1"


def oauth1_code(case: Case) -> str:
    """The code of the provider's refusal; `oauth1_refused` where it does not say why, and the clocks do not tell it either."""
    body = case.response.body if case.response is not None else None
    lines = " ".join(value for name, value in case.response.headers if name.lower() == "www-authenticate") if case.response is not None else ""
    said = f"{case.word} {case.description} {lines} {(body or b'')[:_READ].decode('utf-8', 'replace')}"
    ahead = _ahead(case)
    by_clock = "oauth1_timestamp" if ahead is not None and abs(ahead) > _BORNE else "oauth1_refused"
    return next((code for code, pattern in _SAID if re.search(pattern, said, re.IGNORECASE)), by_clock)


def _wants_realm(case: Case) -> bool:
    """Does the refusal speak of the realm?"""
    body = case.response.body if case.response is not None else None
    return re.search(rb"realm", (body or b"")[:_READ], re.IGNORECASE) is not None


def _clock(case: Case) -> str:
    ahead = _ahead(case)
    by = f"this machine's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} its own" if ahead is not None and abs(ahead) >= 1 else "this machine's clock, or its own, is wrong"
    return f"The provider does not take the time of the signature: {by} ({case.status})."


def _ahead(case: Case) -> float | None:
    """Seconds that the time that was signed is ahead of the provider's; None where it cannot be told."""
    signed = _SIGNED_AT.search(f"{case.request.header('authorization') or ''} {case.request.url}") if case.request else None
    date = case.response.header("date") if case.response else None
    if signed is None or not date:
        return None
    try:
        return float(signed[1]) - parse_http_date(date)
    except (ValueError, ArithmeticError):
        return None


_CONSUMER: Final = Remedy("auth.consumer_secret", "supply the secret of this consumer, whole; with an RSA method the private key whose public half the provider has")
_TOKEN: Final = Remedy("auth.token_secret", "supply the secret of this token: token and secret change together")
_METHOD: Final = Remedy("auth.signature_method", "write the method that the provider wants; many take HMAC-SHA256 only")
_REALM: Final = Remedy("auth.realm", "write the realm that the provider wants (NetSuite: the account ID in upper case)")
_SAYS_REALM: Final = Remedy(_REALM.key, _REALM.say, _wants_realm)

ENTRIES = table(
    Entry("oauth1_signature", "The provider computes another signature for this request ({status}).", (_CONSUMER, _TOKEN, _METHOD), verdict="refused"),
    Entry("oauth1_timestamp", _clock, (
        Remedy("auth.type", "set the clock of this machine (NTP): providers allow some minutes"),
    ), retry="yes, with the right time", verdict="refused"),
    Entry("oauth1_nonce", "The provider saw this nonce before: something between sends requests twice ({status}).", (
        Remedy("servers", "is there a proxy or a client between that repeats requests by itself? Each has to be signed anew"),
    ), retry="yes", verdict="refused"),
    Entry("oauth1_token", "The provider does not take the token: it was revoked, has ended, or belongs to another consumer ({status}).", (
        Remedy("auth.token", "supply a new token, and its secret with it", lambda case: case.settings is None),
        Remedy("auth.access_token_url", "sign in again", lambda case: case.settings is not None),
        Remedy("auth.consumer_key", "is it the consumer that the token was made for?"),
    ), verdict="refused"),
    Entry("oauth1_consumer", "The provider does not know this consumer, or switched it off ({status}).", (
        Remedy("auth.consumer_key", "supply the key of an integration that exists and is enabled, of this environment"),
    ), verdict="refused"),
    Entry("oauth1_refused", "The provider does not accept the signed request, and does not say why ({status}).", (_SAYS_REALM, _CONSUMER, _TOKEN, _METHOD, _REALM), verdict="refused"),
)  # fmt: skip
