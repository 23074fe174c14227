"""The token call of a run: what its stages say, and what is odd or wrong about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from authweave.call import scope_parameters
from authweave.diagnosis import ENTRIES
from authweave.diagnosis.signals import token_code
from authweave.errors import AuthweaveError, TokenAnswerError
from authweave.probe.cases import case_of
from authweave.probe.ledger import Ledger
from authweave.probe.recorder import Recorded, is_refresh
from authweave.probe.stages import call_ms, failed_at, network_stages, status_line
from authweave.probe.token_checks import check_token
from authweave.profile import Variant
from authweave.report import Verdict
from authweave.values import Token


def token_got(ledger: Ledger, records: Sequence[Recorded], variant: Variant, token: Token | None) -> None:
    """Note a token call that gave a token; for a type without tokens, that there is none."""
    if variant.tokens is None:
        if ledger.token.word == "not_tested":
            ledger.token = Verdict("not_needed", f"type {variant.scheme.name} gets no token")
        return
    record = next((one for one in records if one.purpose == "token"), None)
    if record is None or token is None:
        return  # got for an earlier test of this run
    ledger.known.learn_token(token)
    ledger.learn(record)
    network(ledger, record)
    ledger.stage("token_call", "ok", call_ms(record), status_line(record))
    read = ["access_token", *(name for name in ("refresh_token", "id_token") if getattr(token, name)), *(f"kept.{name}" for name, value in token.kept.items() if value is not None)]
    ledger.stage("token_parse", "ok", None, ", ".join(read))
    _checked(ledger, record, variant, token)


def token_failed(ledger: Ledger, error: AuthweaveError, record: Recorded | None) -> None:
    """Note a token call that gave none, or could not be made (no record)."""
    facts: dict[str, Any] = {"token_call": True, "asked": asked_scope(ledger, ledger.variant)}
    if record is not None:
        ledger.learn(record)
        facts["refresh"] = is_refresh(record.placed)
        network(ledger, record)
    case = case_of(ledger, error=error, record=record, facts=facts)
    code = token_code(case)
    _stages_of_failure(ledger, error, record, code)
    judged = ENTRIES[code].verdict == "refused"
    sentence = ledger.find(code, case, ledger.stages[-1].name)
    ledger.token = Verdict("refused" if judged else "inconclusive" if record is not None else "not_tested", sentence)
    if not ledger.credential.reason:
        ledger.credential = Verdict("not_tested", "there was no token to send")


def network(ledger: Ledger, record: Recorded) -> None:
    """Note dns, connect and tls of the first call of a run."""
    if not ledger.has("dns"):
        for stage in network_stages(record, ledger.known):
            ledger.add(stage)


def asked_scope(ledger: Ledger, variant: Variant | None) -> str:
    """The scope that a token was asked for."""
    if variant is None or variant.tokens is None:
        return ""
    try:
        return scope_parameters(variant.tokens, ledger.scope()).get("scope", "")
    except AuthweaveError:
        return ""


def _checked(ledger: Ledger, record: Recorded, variant: Variant, token: Token) -> None:
    checked = check_token(token, variant, asked_scope(ledger, variant), record.response, record.at)
    odd = checked.oddities
    ledger.stage("token_checks", "warning" if odd else "ok", None, checked.text, code=odd[0].code if odd else "")
    if ledger.token.word in ("not_tested", "not_needed"):
        ledger.token = Verdict("obtained", ledger.known.text(checked.text))
    for oddity in odd:
        case = case_of(ledger, record=record, variant=variant, facts={**oddity.facts, "token_call": True})
        ledger.find(oddity.code, case, "token_checks", severity="warning")


def _stages_of_failure(ledger: Ledger, error: AuthweaveError, record: Recorded | None, code: str) -> None:
    if record is None:
        ledger.stage("token_call", "failed", None, str(error), code=code)
    elif record.reply is None:
        if failed_at(record) == "call":
            ledger.stage("token_call", "failed", call_ms(record), str(error), code=code)
    elif record.reply.status < 300 and (isinstance(error, TokenAnswerError) or code == "token_field_missing"):
        ledger.stage("token_call", "ok", call_ms(record), status_line(record))
        ledger.stage("token_parse", "failed", None, str(error), code=code)
    else:
        ledger.stage("token_call", "failed", call_ms(record), status_line(record), code=code)
