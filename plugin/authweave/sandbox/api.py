"""The task API: takes a request only with the credential where the profile puts it, and with what the profile adds.

Without the credential: 401 with a challenge (RFC 6750 §3, RFC 7617 §2). Without an addition: 400, and which it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from authweave.profile import Test, Variant
from authweave.sandbox.account import Account
from authweave.sandbox.arrived import Arrived, Pairs
from authweave.sandbox.ledger import Issued
from authweave.sandbox.listener import Reply, json_reply
from authweave.sandbox.shaping import Shape, satisfy
from authweave.sandbox.shown import missing_certificate
from authweave.sandbox.verifiers import Case, Passed, Refused, verifier_of
from authweave.sandbox.wanted import ANYTHING, Wanted, wanted_fields
from authweave.urls import Origin

NOTHING, WRONG, ENDED, INCOMPLETE, ACCEPTED = range(5)
_ABOUT: Final = "an answer of the authweave sandbox: it teaches and proves nothing about the real API"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one customer's profile says of a request; of several the one that comes furthest is answered with.

    `challenge` and `headers` are of the verifier of a sealed request.
    """

    reached: int
    account: Account
    variant: Variant
    why: str = ""
    issued: Issued | None = None
    arrived_as: tuple[str, ...] = ()
    challenge: str = ""
    headers: Pairs = ()


def serves(account: Account, arrived: Arrived) -> bool:
    """Is the request for one of the customer's servers?"""
    origin = Origin(arrived.scheme, arrived.host, arrived.port)
    return any(pattern.matches(origin) for pattern in account.patterns)


def judged(account: Account, arrived: Arrived) -> Finding | None:
    """What the customer's profile says of the request; None if none of its variants is for it."""
    view = arrived.view()
    variant = account.variant_for(view)
    if variant is None:
        return None
    for issued in _candidates(account, variant):
        credential = wanted_fields(variant.fields, account.scope(issued, view), account.profile)
        if all(field.is_met(arrived, account.servers) for field in credential):
            return _with_credential(account, variant, arrived, issued, credential)
    return _without_credential(account, variant, arrived)


def reply_for(finding: Finding, arrived: Arrived) -> Reply:
    """The answer to what was found."""
    if finding.reached == ACCEPTED:
        return _accepted(finding, arrived)
    if finding.reached == INCOMPLETE:
        return json_reply(400, {"error": "invalid_request", "error_description": finding.why}, *finding.headers)
    body = {"error": "invalid_token", "error_description": finding.why}
    return json_reply(401, body, ("WWW-Authenticate", _challenge(finding)), *finding.headers)


def _candidates(account: Account, variant: Variant) -> Iterator[Issued | None]:
    if variant.tokens is None:
        yield None
    else:
        yield from account.ledger(variant).newest_first()


def _with_credential(
    account: Account, variant: Variant, arrived: Arrived, issued: Issued | None, credential: list[Wanted]
) -> Finding:
    if issued is not None and issued.ended:
        return Finding(ENDED, account, variant, f"the token is no longer good: {issued.ended}", issued)
    seal = _verified(account, variant, arrived, issued)
    if isinstance(seal, Refused):
        reached = NOTHING if seal.is_missing else WRONG
        return Finding(reached, account, variant, seal.why, issued, challenge=seal.challenge, headers=seal.headers)
    additions = wanted_fields(account.profile.fields, account.scope(issued, arrived.view()), account.profile)
    for field in additions:
        if not field.is_met(arrived, account.servers):
            state = "is not as the profile says" if field.found(arrived, account.servers) else "is missing"
            return Finding(INCOMPLETE, account, variant, f"{field.words} {state} ({field.origin})", issued, headers=seal.headers)
    found = [field.words for field in (*credential, *additions) if field.found(arrived, account.servers)]
    return Finding(ACCEPTED, account, variant, issued=issued, arrived_as=(*found, *seal.found), headers=seal.headers)


def _verified(account: Account, variant: Variant, arrived: Arrived, issued: Issued | None) -> Passed | Refused:
    """What the verifier of the variant's seal says of the request, and of the connection that it came over."""
    if why := missing_certificate(account, arrived, "task"):
        return Refused(why)
    verify = verifier_of(variant)
    return verify(Case(arrived, account, variant, issued, account.memory(variant), account.now())) if verify else Passed()


def _without_credential(account: Account, variant: Variant, arrived: Arrived) -> Finding:
    credential = wanted_fields(variant.fields, account.scope(_unissued(variant), arrived.view()), account.profile)
    belongs = " and ".join(field.words for field in credential if field.value is not ANYTHING) or "the profile's fields"
    if any(field.found(arrived, account.servers) for field in credential):
        return Finding(WRONG, account, variant, f"what came in {belongs} is not what the sandbox issued")
    elsewhere = sorted(
        {place for _, secret in account.secrets() if len(str(secret)) > 7 for place in arrived.places_of(str(secret))}
    )
    if elsewhere:
        return Finding(
            WRONG, account, variant, f"the credential belongs in {belongs}; it came in {' and '.join(elsewhere)}"
        )
    return Finding(NOTHING, account, variant, f"the credential belongs in {belongs}; nothing came")


def _unissued(variant: Variant) -> Issued | None:
    return Issued("(none)", 0.0) if variant.tokens is not None else None


def _challenge(finding: Finding) -> str:
    """RFC 6750 §3: no error code for a request that shows nothing at all."""
    if finding.challenge:
        return finding.challenge
    scheme = _scheme(finding)
    if finding.reached == NOTHING or scheme == "Basic":
        return f'{scheme} realm="sandbox"' + (', charset="UTF-8"' if scheme == "Basic" else "")
    return f'{scheme} realm="sandbox", error="invalid_token", error_description="{finding.why}"'


def _scheme(finding: Finding) -> str:
    if finding.variant.tokens is not None and finding.variant.tokens.dpop:
        return "DPoP"
    if finding.variant.scheme.gets_token or finding.variant.scheme.name == "bearer":
        return "Bearer"
    return "Basic" if finding.variant.scheme.name == "basic" else "ApiKey"


def _accepted(finding: Finding, arrived: Arrived) -> Reply:
    """What the profile's own test accepts, and what arrived by name; never a value of it."""
    shape = Shape()
    shape.json = {
        "ok": True, "sandbox": _ABOUT, "profile": finding.account.profile.reference, "method": arrived.method,
        "arrived": list(finding.arrived_as),
    }  # fmt: skip
    scope = finding.account.scope(finding.issued, arrived.view())
    if (test := _test_of(finding.account, arrived)) is not None:
        satisfy(shape, test.accepted_when, scope)
    reply = shape.reply()
    return replace(reply, headers=(*reply.headers, *finding.headers))


def _test_of(account: Account, arrived: Arrived) -> Test | None:
    """The profile's test that this request is most likely from: by method, then by the end of its path."""
    tests = account.profile.tests if isinstance(account.profile.tests, tuple) else ()
    same = [test for test in tests if test.request.method == arrived.method]
    for test in same:
        if test.request.url is not None and arrived.path.endswith(
            "/" + test.request.url.text.partition("?")[0].lstrip("/").rpartition("/")[2]
        ):
            return test
    return same[0] if same else None
