"""Applying a profile to a task request: a generator in the caller's colour.

It yields a Future (the driver waits and sends the result back) or a Sent (the driver sends the request and sends the
TaskResponse back). At most three sends, at most one for each reason. Order: variant → credential → `fields` → `auth.fields` →
payload encoded → fields that read it → seal → origin check → send → the seal learns, or judge.
"""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from authweave.answers.bearer import wrong_bearer
from authweave.applying.answered_cookies import with_cookies
from authweave.applying.sent import Sent
from authweave.applying.signing_string import is_signed, reads_body
from authweave.applying.targets import refuse_other_origin, target_of
from authweave.applying.verdicts import judged, judged_again, verdict_on
from authweave.contracts import Sealed, Signing
from authweave.drafts.draft import Draft
from authweave.drafts.fields import apply_fields, is_late
from authweave.drafts.sound import refuse_unsound_seal
from authweave.errors import AuthweaveError, PlacementError, SignInNeeded
from authweave.foreign import asked
from authweave.lazy import Later
from authweave.profile import Variant
from authweave.tokens.flights import Lane
from authweave.values import Judgement, TaskRequest, TaskResponse, Token

if TYPE_CHECKING:
    from authweave.connections.connection import Connection
    from authweave.connections.credential import Credential

MOST_SENDS: Final = 3
RENEWED: Final = "renewed"
"""The reason to send again that no seal gives: the token was refused, and another one was got."""
MOVED: Final = "moved"
"""Another one: a redirect led to another URL of the same server, and what was sealed for the first one was refused there."""

Flow = Generator[Any, Any, Any]


def applying(connection: Connection, request: TaskRequest) -> Flow:
    """Yields futures and Sent requests, and returns the Judgement of the last answer. The last answer stays as it came."""
    sent = yield from prepared(connection, request)
    while True:
        response: TaskResponse = yield sent
        step = yield from following(connection, request, sent, response)
        if isinstance(step, Judgement):
            return step
        sent = step


def following(
    connection: Connection, request: TaskRequest, sent: Sent, response: TaskResponse, *, can_repeat: bool | None = None
) -> Generator[Future[Any], Any, Sent | Judgement]:
    """What follows an answer: the request to send again, or the verdict. `can_repeat`: as `judged` has it."""
    reason = _learned(sent, response)
    if isinstance(reason, Judgement):
        return reason
    if reason and reason not in sent.tried and len(sent.tried) < MOST_SENDS - 1:
        if not (can_repeat if can_repeat is not None else not sent.request.streamed):
            return replace(verdict_on(sent, response), reason=f"the server asks for another proof ({reason}); not sent again: a streamed body cannot be sent twice")
        return (yield from _sealed_again(connection, request, sent, reason, response))
    if reason and reason in sent.tried:
        verdict = verdict_on(sent, response)
        return replace(verdict, reason=f"{verdict.reason}; it asks for another proof again ({reason})")
    if RENEWED in sent.tried:
        return judged_again(sent, response)
    if len(sent.tried) >= MOST_SENDS - 1:
        return verdict_on(sent, response)
    verdict = judged(sent, response, can_repeat=can_repeat)
    if verdict.verdict != "send_again":
        return verdict
    return (yield from renewed_and_prepared(connection, request, sent, verdict))


def _learned(sent: Sent, response: TaskResponse) -> str | Judgement:
    """Why the seal wants the request sent again; or the verdict, where the answer is not the server's own."""
    seal = sent.credential.seal
    if seal is None or sent.signing is None:
        return ""
    failure: AuthweaveError
    try:
        return asked(seal, seal.learned, sent.request, response, sent.signing, of=str)
    except AuthweaveError as error:
        failure = error.fresh()
    return Judgement("refused", str(failure), error=failure)


def _sealed_again(
    connection: Connection, request: TaskRequest, sent: Sent, reason: str, response: TaskResponse
) -> Generator[Future[Any], Any, Sent | Judgement]:
    failure: AuthweaveError
    request = with_cookies(request, response)
    try:
        again = yield from _sealed(connection, sent.credential, request, sent.token, (sent.request, response))
        return replace(again, tried=sent.tried | {reason})
    except AuthweaveError as error:
        failure = error.fresh()
    return replace(verdict_on(sent, response), reason=f"the server asks for another proof ({reason}), which cannot be made: {failure}", error=failure)


def prepared(connection: Connection, request: TaskRequest, refused: Token | None = None) -> Generator[Future[Any], Any, Sent]:
    """The request with its credential. Raises ApplyError, InputError, TokenError, WireError; nothing was sent then."""
    credential = yield from connection.choosing(request)
    token = yield from credential.token(refused)
    return (yield from _sealed(connection, credential, request, token))


def _sealed(
    connection: Connection, credential: Credential, request: TaskRequest, token: Token | None,
    answered: tuple[TaskRequest, TaskResponse] | None = None,
) -> Generator[Future[Any], Any, Sent]:  # fmt: skip
    """The request with everything placed; a seal that has to wait (for a ticket) does so in a worker, for each request anew."""

    def make() -> Sent:
        return placed(connection, credential, request, token, answered, foretold=foretold)

    foretold = connection.engine.foretells and getattr(credential.seal, "asks_outside", False)
    if not getattr(credential.seal, "waits", False):
        return make()
    sent: Sent = yield connection.engine.flights.run((object(), "seal"), Lane(connection.tenant, ("seal", connection.profile.name)), make)
    return sent


def renewed_and_prepared(
    connection: Connection, request: TaskRequest, sent: Sent, verdict: Judgement
) -> Generator[Future[Any], Any, Sent | Judgement]:
    """The request with a renewed credential, or the verdict where there is none to be had: the API's answer stands."""
    failure: AuthweaveError
    try:
        again = yield from prepared(connection, request, sent.token)
        return replace(again, tried=sent.tried | {RENEWED})
    except AuthweaveError as error:
        failure = error.fresh()
    reason = f"{verdict.reason}; and renewing failed: {failure}"
    if isinstance(failure, SignInNeeded):
        return Judgement("sign_in_needed", reason, error=failure, sign_in=failure.sign_in)
    return Judgement("refused", reason, error=failure)


def placed(
    connection: Connection, credential: Credential, request: TaskRequest, token: Token | None,
    answered: tuple[TaskRequest, TaskResponse] | None = None, *, foretold: bool = False,
) -> Sent:  # fmt: skip
    """Everything put where it belongs. Pure: no waiting, no network, but for a seal that `waits`; `foretold` does without that."""
    variant, profile = credential.variant, connection.profile
    scope = connection.scope(credential.inputs, token)
    servers = connection.servers(scope)
    url, template = target_of(request, servers)
    draft = Draft.of(request, url, path_template=template)
    scope["request"] = draft.view
    if (held := credential.held) is not None and "assertion" not in scope:
        scope["assertion"] = Later(lambda: held.text(scope))
    for fields in (profile.fields, variant.fields):
        apply_fields(draft, [field for field in fields if not is_late(field)], scope)
    for fields in (profile.fields, variant.fields):
        apply_fields(draft, [field for field in fields if is_late(field) and not is_signed(field)], scope)
    _put_signature(connection, variant, draft, scope)
    finished = draft.finish()
    if variant.default_fields:
        _refuse_odd_bearer(finished)
    refuse_other_origin(finished.url, servers)
    connection.outgoing.refuse(finished.url)
    if credential.seal is None:
        return Sent(finished, token, credential, tuple(draft.placed), scope)
    signing = Signing(variant.own, scope, token, connection.engine.clock(), variant.origin, answered)
    sign = getattr(credential.seal, "foretold", credential.seal.sign) if foretold else credential.seal.sign
    sealed = asked(credential.seal, sign, finished, signing, of=Sealed)
    refuse_unsound_seal(finished, sealed.request)
    refuse_other_origin(sealed.request.url, servers)
    connection.outgoing.refuse(sealed.request.url)
    return Sent(sealed.request, token, credential, (*draft.placed, *sealed.placed), scope, signing)


def _put_signature(connection: Connection, variant: Variant, draft: Draft, scope: dict[str, Any]) -> None:
    """The fields that hold the signature, last: it is computed once, of what has been placed by then."""
    fields = [field for field in variant.fields if is_signed(field)]
    if fields:
        scope["signature"] = connection.signature(variant, scope, draft)
        apply_fields(draft, fields, scope)


def _refuse_odd_bearer(request: TaskRequest) -> None:
    """Where the type puts the token (no `auth.fields` are written) it has to be one that a Bearer header can carry."""
    scheme, _, token = (request.header("authorization") or "").partition(" ")
    if scheme in ("Bearer", "DPoP") and (why := wrong_bearer(token)):
        raise PlacementError(f"header Authorization: the token {why}; write auth.fields if it goes elsewhere")


def needs_body(variant: Variant, additions: tuple[Any, ...]) -> bool:
    """Must the body of the task request be at hand? For payload fields, for what reads `request.body`, and for some seals."""
    if reads_body(variant) or (variant.seal is not None and variant.seal.reads_body):
        return True
    fields = (*variant.fields, *additions)
    return any(field.placement.name == "payload" or ("request", "body") in {read[:2] for read in _reads(field)} for field in fields)


def _reads(field: Any) -> frozenset[tuple[str, ...]]:
    reads: frozenset[tuple[str, ...]] = field.value.reads
    return reads | field.when.reads if field.when else reads
