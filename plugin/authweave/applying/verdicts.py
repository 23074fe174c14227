"""What an answer of the API says of the credential, and what follows for the token."""

from __future__ import annotations

from typing import Final

from authweave.answers.challenges import challenges
from authweave.answers.matching import matches
from authweave.answers.responses import content_type, response_scope
from authweave.applying.sent import Sent
from authweave.errors import CredentialRejected, InsufficientScope
from authweave.profile import Match, Variant
from authweave.values import Judgement, TaskResponse

BODY_READ: Final = 65536
ACCEPTED: Final = Judgement("accepted")
STRAYED: Final = Judgement("inconclusive", "a redirect led to another origin, which got no credential; its answer says nothing of it")
"""Of an answer that is not the API's: whoever sends follows redirects, and one left the servers of the profile."""


def judged(sent: Sent, response: TaskResponse, *, can_repeat: bool | None = None) -> Judgement:
    """The verdict on the first answer: accepted, send_again (after renewing), refused or forbidden.

    `can_repeat`: can the body be sent again? If not said, one that is streamed cannot.
    """
    verdict = verdict_on(sent, response)
    tokens = sent.credential.tokens
    if tokens is None or sent.token is None:
        if verdict.verdict == "refused" and sent.credential.held is not None:
            sent.credential.held.forget()
        return verdict
    if verdict.verdict in ("accepted", "forbidden"):
        tokens.accepted(sent.token)
    if verdict.verdict != "refused":
        return verdict
    if not tokens.may_renew(sent.token):
        return Judgement("refused", f"{verdict.reason}; not renewed again: tokens just renewed were refused, too", error=verdict.error)
    if not (can_repeat if can_repeat is not None else not sent.request.streamed):
        tokens.renewed(sent.token)
        return Judgement("refused", f"{verdict.reason}; not sent again: a streamed body cannot be sent twice", error=verdict.error)
    return Judgement("send_again", verdict.reason, error=verdict.error)


def judged_again(sent: Sent, response: TaskResponse) -> Judgement:
    """The verdict on the second answer; there is no third."""
    verdict = verdict_on(sent, response)
    tokens = sent.credential.tokens
    if tokens is not None and sent.token is not None:
        if verdict.verdict == "refused":
            tokens.refused_anew(sent.token)
        elif verdict.verdict in ("accepted", "forbidden"):
            tokens.accepted(sent.token)
    return verdict


def verdict_on(sent: Sent, response: TaskResponse) -> Judgement:
    """What the answer says of the credential, whatever can be done about it (RFC 6750 §3.1)."""
    variant = sent.credential.variant
    if response.status == 401 or _meets(variant.rejected_when, sent, response):
        reason = f"the API does not accept the credential ({response.status})"
        return Judgement("refused", reason, error=CredentialRejected(reason, status=response.status))
    if response.status == 403:
        scope = _missing_scope(response)
        needed = f": it asks for scope {scope}" if scope else ""
        reason = f"the API knows the caller and forbids this (403){needed}"
        return Judgement("forbidden", reason, error=InsufficientScope(reason, status=403, scope=scope))
    return ACCEPTED if response.status < 400 else Judgement("inconclusive", f"the API answered {response.status}; the credential was not judged")


def _meets(rules: tuple[Match, ...], sent: Sent, response: TaskResponse) -> bool:
    candidates = [rule for rule in rules if not rule.statuses or response.status in rule.statuses]
    if response.body is None:
        candidates = [rule for rule in candidates if not _reads_body(rule)]
    if not candidates:
        return False
    scope = {**sent.scope, "response": response_scope(response)}
    return any(matches(rule, response.status, scope) for rule in candidates)


def wants_body(variant: Variant, response: TaskResponse) -> bool:
    """Must the body be read before the answer can be judged? A sized one of at most 64 KiB; never an event stream."""
    if content_type(response) == "text/event-stream":
        return False
    length = response.header("content-length") or ""
    if not length.isdecimal() or int(length) > BODY_READ:
        return False
    return any((not rule.statuses or response.status in rule.statuses) and _reads_body(rule) for rule in variant.rejected_when)


def _reads_body(rule: Match) -> bool:
    return rule.when is not None and any(
        read[0] == "response" and (len(read) == 1 or read[1] in ("text", "json", "form", "xml")) for read in rule.when.reads
    )


def _missing_scope(response: TaskResponse) -> str | None:
    lines = [value for name, value in response.headers if name.lower() == "www-authenticate"]
    for challenge in challenges(lines):
        if challenge.parameters.get("error") == "insufficient_scope":
            return challenge.parameters.get("scope", "")
    return None
