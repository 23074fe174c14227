"""The report at the end of a run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final

from authweave.probe.ledger import Ledger
from authweave.probe.views import exchange_view
from authweave.probe.ways import tell_ways
from authweave.profile import Profile
from authweave.report import STAGES, STEP_STAGES, Exchange, Report, Stage
from authweave.values import Secret

_TOKEN_STAGES: Final = ("token_call", "token_parse", "token_checks")
_STATUS: Final = {"accepted": "ok", "refused": "failed", "forbidden": "failed", "inconclusive": "warning"}
_IN_WORDS: Final = {"not_needed": "not needed", "not_tested": "not tested"}


def told(ledger: Ledger, *, started: str, ms: float, tenant: str, subject: str, again: str) -> Report:
    """Everything that was found out. What a call showed last is known when the first is told."""
    tell_ways(ledger)
    _verdict_stage(ledger)
    profile, known = ledger.profile, ledger.known
    exchanges: tuple[Exchange, ...] = ()
    if profile is not None:
        for _ in range(2):  # what the first look finds to be secret, the second hides everywhere
            exchanges = tuple(exchange_view(record, known, profile) for record in ledger.recorder.records)
    return Report(
        profile=profile.name if profile else "",
        version=profile.version if profile else "",
        identity_provider=known.text(profile.identity_provider) if profile else "",
        source=profile.merged.document.source if profile else next((problem.source for problem in ledger.problems), ""),
        tenant=known.text(tenant),
        subject=known.text(subject),
        variant=ledger.variant.name if ledger.variant else "",
        started=started,
        ms=ms,
        token=ledger.token,
        credential=ledger.credential,
        stages=tuple(_with_skipped(ledger)),
        exchanges=exchanges,
        diagnoses=tuple(sorted(ledger.diagnoses, key=lambda found: found.severity != "error")),
        problems=ledger.problems,
        messages=tuple(ledger.messages),
        not_tested=tuple(_not_tested(ledger)),
        again=known.text(again),
        sandbox=ledger.sandbox,
    )  # fmt: skip


def command_again(
    reference: str, profile: Profile | None, *, tenant: str, subject: str | None, inputs: Mapping[str, Any], servers: tuple[str, ...],
    control: bool = False, refresh: bool = False,
) -> str:  # fmt: skip
    """The command that does this run again. A secret never stands in it: it is taken from where it was."""
    words = ["authweave", "test", reference]
    words += ["--tenant", tenant] if tenant else []
    words += ["--subject", subject] if subject else []
    for name, value in inputs.items():
        if profile is None or name not in profile.inputs or profile.inputs[name].secret:
            continue
        plain = value.reveal() if isinstance(value, Secret) else value  # hosts may wrap what is no secret
        if isinstance(plain, str | int | float):
            words += ["--input", f"{name}={plain}"]
    for server in servers:
        words += ["--server", server]
    words += ["--control"] if control else []
    words += ["--refresh"] if refresh else []
    return shlex.join(words)


def _verdict_stage(ledger: Ledger) -> None:
    token, credential = ledger.token.word, ledger.credential.word
    status = _STATUS.get(credential) or {"obtained": "ok", "refused": "failed", "inconclusive": "warning"}.get(token, "skipped")
    if (status == "skipped" or (status == "ok" and credential == "not_tested")) and any(found.severity == "error" for found in ledger.diagnoses):
        status = "failed"
    ledger.stage("verdict", status, None, f"token {_IN_WORDS.get(token, token)}, credential {_IN_WORDS.get(credential, credential)}")


def _with_skipped(ledger: Ledger) -> Iterator[Stage]:
    """The stages in the order of the way; those that were not come to are skipped, with the reason where it is known."""
    for name in STAGES:
        found = [stage for stage in ledger.stages if stage.name == name]
        yield from (stage for stage in ledger.stages if STEP_STAGES.get(stage.name) == name)
        yield from found or [Stage(name, "skipped", None, _why_skipped(ledger, name))]


def _why_skipped(ledger: Ledger, name: str) -> str:
    if name in _TOKEN_STAGES and ledger.token.word == "not_needed":
        return ledger.token.reason
    if name == "control":
        return "nothing was accepted that could be compared" if ledger.control else "not asked for (--control)"
    if name == "api_probe" and ledger.credential.word == "not_tested":
        return ledger.credential.reason
    return ""


def _not_tested(ledger: Ledger) -> Iterator[str]:
    token, credential = ledger.token.word, ledger.credential.word
    if ledger.profile is None:
        yield "everything after loading"
        return
    if token in ("inconclusive", "not_tested") and _gets_token(ledger):
        yield "whether the token server accepts the client"
    proves_nothing = any(found.code == "api_anonymous" for found in ledger.diagnoses)
    if credential == "not_tested" or proves_nothing:
        yield "whether the API accepts the credential"
    elif credential == "inconclusive":
        yield "whether the credential suffices for what your tasks call"
    elif credential == "accepted" and not any(stage.name == "control" and stage.status == "ok" for stage in ledger.stages):
        yield "whether the check's endpoint answers without a credential, too"
    if token == "obtained" and not any(record.purpose == "renewal" for record in ledger.recorder.records):
        yield "renewing the token"


def _gets_token(ledger: Ledger) -> bool:
    variants = (ledger.variant,) if ledger.variant else ledger.profile.variants if ledger.profile else ()
    return any(variant.tokens for variant in variants)
