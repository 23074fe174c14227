"""The check request of a run: what the API's answer says of the credential."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from authweave.applying.flow import RENEWED
from authweave.applying.signing_string import signed_string
from authweave.connections.token_keys import reads_secret
from authweave.diagnosis import ENTRIES
from authweave.diagnosis.signals import api_code, asked_otherwise, local_code, refined, says_error, wire_code
from authweave.errors import AuthweaveError, WireError
from authweave.probe.asserted import claimed, members_of, skew_of
from authweave.probe.cases import api_facts, case_of
from authweave.probe.check import decided, is_page, rule_message
from authweave.probe.ledger import Ledger
from authweave.probe.recorder import Recorded
from authweave.probe.stages import call_ms, failed_at, status_line
from authweave.probe.token_checks import claims_of, says
from authweave.probe.token_part import network
from authweave.profile import Test
from authweave.values import Judgement, TaskResponse

if TYPE_CHECKING:
    from authweave.applying.sent import Sent


def answered(
    ledger: Ledger, test: Test, judgement: Judgement, sent: Sent, records: Sequence[Recorded], about: str, stage: str = "api_probe"
) -> bool:  # fmt: skip
    """Note what the answer to the check says; of two answers the last counts, unless renewing failed. True: it was accepted."""
    for record in records:
        ledger.learn(record)
    checks = [record for record in records if record.purpose == "check"]
    last = checks[-1]
    network(ledger, last if any(event.stage == "dns" for event in last.events) else checks[0])  # the last may have gone over a connection that was kept
    response = last.response
    assert response is not None  # noqa: S101 - a check without an answer does not come here
    outcome = _looked_at(ledger, test, response, sent)
    if isinstance(outcome, AuthweaveError):
        unanswered(ledger, outcome, last, test, about, stage)
        return False
    said, message = outcome
    code = asked_otherwise(judgement, response, sent.credential.variant) if not said else ""
    code = code or api_code(judgement, response.status, is_page=is_page(response), decided=said, is_error=says_error(response))
    line = status_line(last) + _after(sent.tried)
    if not code and _was_bare(ledger, test, sent, last):
        told = "the check was accepted, and nothing of the credential stood in it: look at `when` and `optional` of the fields"
        facts = {**api_facts(ledger, test), "evidence": [told]}
        ledger.stage(stage, "warning", call_ms(last), f"{line}, without a credential in the request", code="api_anonymous", about=about)
        ledger.judge("inconclusive", ledger.find("api_anonymous", case_of(ledger, record=last, variant=sent.credential.variant, facts=facts), stage))
        return False
    if not code:
        ledger.stage(stage, "ok", call_ms(last), line, about=about)
        ledger.judge("accepted", f"the API answered {response.status}")
        return True
    code = refined(code, case_of(ledger, record=last, variant=sent.credential.variant, facts={}))
    verdict = ENTRIES[code].verdict
    ledger.stage(stage, "warning" if verdict == "inconclusive" else "failed", call_ms(last), line, code=code, about=about)
    variant = sent.credential.variant
    hidden = members_of(ledger.connection.inputs().secrets) if ledger.connection else frozenset()
    says = claimed(last, hidden) if verdict == "refused" and "assertion" in variant.own else []
    facts = {**api_facts(ledger, test), "renewed": RENEWED in sent.tried, "evidence": [*_evidence(judgement, sent, message), *says]}
    error = judgement.error if isinstance(judgement.error, AuthweaveError) else None
    ledger.judge(verdict, ledger.find(code, case_of(ledger, error=error, record=last, variant=variant, facts=facts), stage))
    if says and (skew := skew_of(last)) is not None:
        ledger.find("clock_skew", case_of(ledger, record=last, variant=variant, facts={"skew": skew}), stage)
    return False


def _was_bare(ledger: Ledger, test: Test, sent: Sent, record: Recorded) -> bool:
    """Did the API see nothing that the credential is made of? A field may have been left out by its `when`."""
    variant, connection = sent.credential.variant, ledger.connection
    if variant.scheme.name == "none" or variant.seal is not None or connection is None or connection.outgoing.shows_certificate("task"):
        return False
    placed = (*sent.placed, *(one for one, _ in record.path), *record.placed)
    if any(one.secret or one.origin.startswith(variant.origin) for one in placed) or any(item.secret for item in test.request.fields):
        return False
    asked, profile = test.request, connection.profile
    servers = () if connection.given_servers else profile.servers
    written = (*servers, asked.url, asked.content, asked.method, asked.content_type)
    return not any(reads_secret(profile, getattr(template, "reads", ())) for template in written)


def _after(tried: frozenset[str]) -> str:
    """Why the check was sent more than once."""
    told = ["renewing the token" if reason == RENEWED else f"the server's {reason}" for reason in sorted(tried)]
    return f" (after {' and '.join(told)})" if told else ""


def unanswered(ledger: Ledger, error: AuthweaveError, record: Recorded, test: Test | None, about: str, stage: str = "api_probe") -> None:
    """Note a check that got no usable answer."""
    ledger.learn(record)
    network(ledger, record)
    code = wire_code(error) if isinstance(error, WireError) else local_code(error)
    ms = call_ms(record) if failed_at(record) in ("", "call") else record.seconds * 1000
    ledger.stage(stage, "failed", ms, str(error), code=code, about=about)
    case = case_of(ledger, error=error, record=record, facts=api_facts(ledger, test))
    ledger.judge("inconclusive", ledger.find(code, case, stage))


def _looked_at(ledger: Ledger, test: Test, response: TaskResponse, sent: Sent) -> tuple[bool | None, str] | AuthweaveError:
    try:
        said = decided(test, response, sent.scope)
        message = rule_message(test, response, sent.scope)
    except AuthweaveError as error:
        return error.fresh()
    if message:
        ledger.messages.append(ledger.known.text(message))
    return said, message


def _evidence(judgement: Judgement, sent: Sent, message: str) -> list[str]:
    lines: list[Any] = [f"message of the profile: {message}"] if message else []
    if judgement.verdict == "refused" and (string := signed_string(sent.scope)):
        lines.append(f"the string that was signed: {string}")
    if judgement.verdict == "refused" and ";" in judgement.reason:
        lines.append(judgement.reason)
    if sent.token is not None and (told := says(claims_of(sent.token))):
        lines.append(told)
    return lines
