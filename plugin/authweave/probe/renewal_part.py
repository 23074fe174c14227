"""Renewing the token as it is renewed when it ends, and the check once more with the new one."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from authweave.applying.flow import RENEWED, following, prepared
from authweave.diagnosis import ENTRIES
from authweave.diagnosis.signals import refined, token_code
from authweave.errors import AuthweaveError
from authweave.pending import Pending
from authweave.probe.api_part import answered, unanswered
from authweave.probe.cases import case_of
from authweave.probe.recorder import Recorded, is_refresh
from authweave.probe.sending import Checking, driven
from authweave.probe.stages import call_ms, status_line
from authweave.probe.token_checks import check_token
from authweave.probe.token_part import asked_scope
from authweave.report import Verdict
from authweave.values import Judgement

if TYPE_CHECKING:
    from authweave.applying.sent import Sent
    from authweave.connections.connection import Connection
    from authweave.probe.ledger import Ledger
    from authweave.profile import Profile, Variant
    from authweave.values import TaskRequest, Token

NOT_SAFE = (
    "not done: the refresh token was handed over, and what a server gives in its place would end with this process, "
    "since the store is {store} (name one: AUTHWEAVE_STORE=sqlite:)"
)


def presents_given(profile: Profile) -> bool:
    """Does the profile present a refresh token that somebody handed over? A server that rotates takes it for good."""
    return any(variant.tokens is not None and variant.tokens.refresh_token is not None for variant in profile.variants)


def not_renewed(ledger: Ledger, why: str) -> None:
    """Note that a renewal that was asked for was left out."""
    if not ledger.has("renewal"):
        ledger.stage("renewal", "skipped", None, why)


def renewed(ledger: Ledger, variant: Variant, token: Token | None, checking: Checking | None, tried: frozenset[str] = frozenset()) -> None:
    """Renew the token of the check (without one, the token alone), and note what comes of it.

    The same way as at its end: by refresh or by the grant, as `refresh_with` says. `tried`: why the check was sent more than once.
    """
    settings = variant.tokens
    if settings is None or token is None:
        not_renewed(ledger, f"type {variant.scheme.name} has no token to renew")
    elif ledger.has("renewal"):
        return  # with an earlier test of this run
    elif RENEWED in tried:
        not_renewed(ledger, "renewed already, when the API refused the first token")
    elif settings.refresh_token is not None and not (ledger.sandbox or ledger.engine.consents.is_shared):
        not_renewed(ledger, NOT_SAFE.format(store=ledger.engine.settings.store.partition(":")[0]))
    else:
        _renewed(ledger, variant, token, checking)


def _renewed(ledger: Ledger, variant: Variant, token: Token, checking: Checking | None) -> None:
    connection, recorder = ledger.connection, ledger.recorder
    assert connection is not None  # noqa: S101 - it got the token
    mark = len(recorder.records)
    recorder.is_renewing = True
    failure: AuthweaveError
    try:
        if checking is None:
            new = Pending.of(connection.credential(variant).token(refused=token)).result()
            _got(ledger, variant, token, new, recorder.records[mark:])
            return
        request = connection.as_we_send(checking.request)
        again = replace(checking, about=f"{checking.about} with the renewed token".strip())
        judgement, sent = driven(
            ledger, again, _again(connection, request, token), lambda sent, _: _got(ledger, variant, token, sent.token, recorder.records[mark:])
        )
        answered(ledger, checking.test, judgement, sent, recorder.records[mark:], f"{checking.about} check".strip(), "renewal")
        return
    except AuthweaveError as error:
        failure = error.fresh()
    finally:
        recorder.is_renewing = False
    last = recorder.records[-1]
    if last.purpose == "check" and len(recorder.records) > mark and checking is not None:
        unanswered(ledger, last.error or failure, last, checking.test, f"{checking.about} check".strip(), "renewal")
    else:
        _failed(ledger, variant, failure, recorder.records[mark:])


def _again(connection: Connection, request: TaskRequest, refused: Token) -> Generator[Any, Any, Judgement]:
    """As `applying`, with another token than this one, and without a second renewal."""
    sent: Sent = replace((yield from prepared(connection, request, refused)), tried=frozenset({RENEWED}))
    while True:
        response = yield sent
        step = yield from following(connection, request, sent, response)
        if isinstance(step, Judgement):
            return step
        sent = step


def _got(ledger: Ledger, variant: Variant, old: Token, new: Token | None, records: Sequence[Recorded]) -> None:
    """Note a renewal that gave a token, and what is odd about it that was not odd about the first."""
    calls = [record for record in records if record.purpose == "renewal"]
    if new is None or not calls:
        not_renewed(ledger, "somebody else had renewed it: nothing was asked")
        return
    ledger.known.learn_token(new)
    for record in records:
        ledger.learn(record)
    last, refused = calls[-1], [one for one in calls[:-1] if is_refresh(one.placed)]
    if refused and not is_refresh(last.placed):
        text = f"{status_line(last)}, by the grant, after the refresh was refused ({status_line(refused[0])})"
        ledger.stage("renewal", "warning", call_ms(last), text)
    else:
        ledger.stage("renewal", "ok", call_ms(last), f"{status_line(last)}, {_way(old, new, last)}")
    known = {found.code for found in ledger.diagnoses}
    for oddity in check_token(new, variant, asked_scope(ledger, variant), last.response, last.at).oddities:
        if oddity.code not in known:
            case = case_of(ledger, record=last, variant=variant, facts={**oddity.facts, "token_call": True, "refresh": True})
            ledger.find(oddity.code, case, "renewal", severity="warning")


def _way(old: Token, new: Token, record: Recorded) -> str:
    """`by the refresh token, which rotates`."""
    if not is_refresh(record.placed):
        return "by the grant"
    if old.refresh_token is None or new.refresh_token is None:
        return "by the token itself"
    return f"by the refresh token, which {'stays' if new.refresh_token.matches(old.refresh_token) else 'rotates'}"


def _failed(ledger: Ledger, variant: Variant, error: AuthweaveError, records: Sequence[Recorded]) -> None:
    """Note a renewal that gave no token: the token that was obtained ends, and with it the credential."""
    for one in records:
        ledger.learn(one)
    record = records[-1] if records else None
    facts = {"token_call": True, "asked": asked_scope(ledger, variant), "refresh": record is not None and is_refresh(record.placed)}
    case = case_of(ledger, error=error, record=record, variant=variant, facts=facts)
    code = refined(token_code(case), case)
    line = status_line(record) if record is not None and record.reply is not None else str(error)
    ledger.stage("renewal", "failed", call_ms(record) if record is not None else None, line, code=code)
    sentence = ledger.find(code, case, "renewal")
    word = "refused" if ENTRIES[code].verdict == "refused" else "inconclusive"
    ledger.token = Verdict(word, f"obtained, but not renewed: {sentence}")
