"""The token call of a run: what its stages say, and what is odd or wrong about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from authweave.call import scope_parameters
from authweave.diagnosis import ENTRIES
from authweave.diagnosis.signals import refined, token_code
from authweave.errors import (
    AuthweaveError,
    DiscoveryError,
    RegistrationError,
    TemplateError,
    TokenAnswerError,
    TokenEndpointError,
)
from authweave.probe.asserted import asserts, claimed, members_of, skew_of
from authweave.probe.cases import case_of
from authweave.probe.discovery_part import discovered
from authweave.probe.header_field import of_header
from authweave.probe.introspection_part import introspected
from authweave.probe.ledger import Ledger
from authweave.probe.recorder import Recorded, is_refresh
from authweave.probe.stages import call_ms, failed_at, network_stages, status_line
from authweave.probe.token_checks import check_token
from authweave.profile import Variant
from authweave.report import Verdict
from authweave.token_calls.lifetimes import lifetime_words
from authweave.values import Token


def token_got(ledger: Ledger, records: Sequence[Recorded], variant: Variant, token: Token | None) -> None:
    """Note a token call that gave a token; for a type without tokens, that there is none."""
    if variant.tokens is None:
        if ledger.token.word == "not_tested":
            ledger.token = Verdict("not_needed", f"type {variant.scheme.name} gets no token")
        return
    record = next((one for one in records if one.purpose == "token"), None)
    if record is None and token is not None and variant.tokens.signs_in and ledger.token.word == "not_tested":
        _stored(ledger, token)
    if record is None or token is None:
        return  # got for an earlier test of this run
    ledger.known.learn_token(token)
    calls = [one for one in records if one.is_token_call and one.purpose != "renewal"]
    for call in calls:
        ledger.learn(call)
    network(ledger, calls[0])
    discovered(ledger, calls, variant)
    _steps(ledger, calls, "before")
    ledger.stage("token_call", "ok", call_ms(record), status_line(record))
    read = ["access_token", *(name for name in ("refresh_token", "id_token") if getattr(token, name)), *(f"kept.{name}" for name, value in token.kept.items() if value is not None)]
    ledger.stage("token_parse", "ok", None, ", ".join(read))
    _steps(ledger, calls, "after")
    _checked(ledger, record, variant, token)
    introspected(ledger, variant, token)


def _stored(ledger: Ledger, token: Token) -> None:
    """Note the token that a person's sign-in gave, where nothing came with it that could get another one for this run."""
    ledger.known.learn_token(token)
    text = f"stored since a person signed in, {lifetime_words(token, ledger.engine.clock())}"
    ledger.stage("token_call", "skipped", None, "the token of the sign-in is used: nothing came with it that renews it")
    ledger.token = Verdict("obtained", text)


def token_failed(ledger: Ledger, error: AuthweaveError, records: Sequence[Recorded]) -> None:
    """Note a token call that gave none, or could not be made (no record), the steps around it included."""
    facts: dict[str, Any] = {"token_call": True, "asked": asked_scope(ledger, ledger.variant)}
    calls = [one for one in records if one.is_token_call]
    record = _failed_at(calls, error)
    for call in calls:
        ledger.learn(call)
    for call in calls[:1]:
        network(ledger, call)
    if record is not None:
        facts["refresh"] = is_refresh(record.placed)
    if error.step:
        facts |= {"step": error.step, "step_key": _step_key(ledger, error.step)}
    facts |= _kept_nothing(ledger, error)
    if ledger.variant is not None and ledger.variant.tokens is not None:
        facts |= of_header(error, ledger.variant.tokens.token_request.fields)
    is_found = not isinstance(error, DiscoveryError | RegistrationError) and (record is None or record.purpose != "discovery")
    _went_well(ledger, [one for one in calls if one is not record], is_found=is_found)
    if asserts(ledger.variant):
        facts["evidence"] = claimed(record, _hidden(ledger))
    case = case_of(ledger, error=error, record=record, facts=facts)
    code = refined(token_code(case), case)
    if isinstance(error, DiscoveryError | RegistrationError):
        if record is None or failed_at(record) in ("", "call"):
            ledger.stage("discovery", "failed", call_ms(record) if record is not None else None, str(error), code=code)
    elif error.step:
        _step_failed(ledger, error, record, code)
    else:
        _stages_of_failure(ledger, error, record, code)
    judged = ENTRIES[code].verdict == "refused"
    sentence = ledger.find(code, case, _ended_in(ledger))
    if judged and asserts(ledger.variant) and (skew := skew_of(record)) is not None:
        ledger.find("clock_skew", case_of(ledger, record=record, facts={"skew": skew}), ledger.stages[-1].name)
    ledger.token = Verdict("refused" if judged else "inconclusive" if record is not None else "not_tested", sentence)
    if not ledger.credential.reason:
        ledger.credential = Verdict("not_tested", "there was no token to send")


def _hidden(ledger: Ledger) -> frozenset[str]:
    """What inside secret inputs must not be shown as a claim."""
    return members_of(ledger.connection.inputs().secrets) if ledger.connection else frozenset()


def _ended_in(ledger: Ledger) -> str:
    """The stage that failed last; the one that was noted last, if none says so."""
    return next((one.name for one in reversed(ledger.stages) if one.status == "failed"), ledger.stages[-1].name)


def _failed_at(calls: Sequence[Recorded], error: AuthweaveError) -> Recorded | None:
    """The call in which the error came up; None where its request could not be made."""
    last = calls[-1] if calls else None
    if last is None or last.is_step != bool(error.step) or (last.is_step and last.about != error.step):
        return None
    return last


def _went_well(ledger: Ledger, calls: Sequence[Recorded], *, is_found: bool) -> None:
    """Note what came before the failure. `is_found`: metadata, where they were asked for, are there."""
    if ledger.variant is not None and is_found:
        discovered(ledger, calls, ledger.variant)
    _steps(ledger, calls, "before")
    for call in calls:
        if call.purpose == "token":
            ledger.stage("token_call", "ok", call_ms(call), status_line(call))
    _steps(ledger, calls, "after")


def _steps(ledger: Ledger, calls: Sequence[Recorded], phase: str) -> None:
    for call in calls:
        if call.purpose == phase:
            ledger.stage(phase, "ok", call_ms(call), status_line(call), about=call.about)


def _step_failed(ledger: Ledger, error: AuthweaveError, record: Recorded | None, code: str) -> None:
    phase = "after" if ".after[" in _step_key(ledger, error.step) else "before"
    if record is not None and failed_at(record) not in ("", "call"):
        return  # dns, connect or tls say it
    words = status_line(record) if record is not None and isinstance(error, TokenEndpointError) else str(error).removeprefix(f"step {error.step}: ")
    ledger.stage(phase, "failed", call_ms(record) if record is not None else None, words, code=code, about=error.step)


def _kept_nothing(ledger: Ledger, error: AuthweaveError) -> dict[str, str]:
    """Which step should have kept the value that a template lacks; nothing where none should."""
    name = error.missing.removeprefix("kept.").partition(".")[0] if isinstance(error, TemplateError) and error.missing.startswith("kept.") else ""
    settings = ledger.variant.tokens if ledger.variant else None
    for step in (*settings.before, *settings.after) if settings and name else ():
        if any(keep.name == name for keep in step.response.keep):
            return {"step": step.name, "step_key": step.origin, "kept": name}
    return {}


def _step_key(ledger: Ledger, name: str) -> str:
    """The place of a step in the profile: `auth.before[0]`."""
    settings = ledger.variant.tokens if ledger.variant else None
    steps = (*settings.before, *settings.after) if settings else ()
    return next((step.origin for step in steps if step.name == name), "")


def network(ledger: Ledger, record: Recorded) -> None:
    """Note dns, connect and tls of the first call of a run."""
    if not ledger.has("dns"):
        for stage in network_stages(record, ledger.known, _named_by(ledger, record)):
            ledger.add(stage)


def _named_by(ledger: Ledger, record: Recorded) -> str:
    """The key of the profile that names the host of a call, with `file:line`."""
    profile, key = ledger.profile, record.url_key
    if profile is None or not key:
        return ""
    if record.purpose == "check" and isinstance(profile.tests, tuple):
        test = next((one for one in profile.tests if key.startswith(f"{one.origin}.")), None)
        if test is not None and test.request.url is not None and test.request.url.relative:
            if ledger.connection is not None and ledger.connection.given_servers:
                return ""
            key = "servers[0]"
    return f"{key}, {profile.place(key)}"


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
    ledger.stage("token_checks", "warning" if odd else "ok", None, "; ".join(filter(None, (checked.text, checked.claims))), code=odd[0].code if odd else "")
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
