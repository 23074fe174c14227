"""Which call a diagnosis is about: the one that the picture marks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from authweave.report import Diagnosis, Exchange, Report, Stage

TOKEN_CALLS: Final = frozenset({"discovery", "authorize", "token", "before", "after", "renewal"})
_PURPOSES: Final[Mapping[str, frozenset[str]]] = {
    "discovery": frozenset({"discovery"}),
    "sign_in": frozenset({"authorize", "token"}),
    "before": frozenset({"before"}),
    "after": frozenset({"after"}),
    "token_call": TOKEN_CALLS,
    "token_parse": TOKEN_CALLS,
    "token_checks": frozenset({"token", "after"}),
    "introspection": frozenset({"introspection"}),
    "renewal": frozenset({"renewal", "check"}),  # and the check that is sent with what was renewed
    "api_probe": frozenset({"check"}),
    "control": frozenset({"control"}),
}
_NETWORK: Final = frozenset({"dns", "connect", "tls"})
_INCONCLUSIVE: Final = "inconclusive"


@dataclass(frozen=True, slots=True)
class Mark:
    """What a call is marked with. `state`: failed, open (nothing is proven) or warning."""

    state: str
    code: str


def marks(report: Report) -> dict[int, Mark]:
    """The calls that went wrong or oddly, by their place in the report; of two marks on one the worse stays."""
    found: dict[int, Mark] = {}
    for diagnosis in sorted(report.diagnoses, key=lambda one: one.severity != "error"):
        place = _call_of(report, diagnosis)
        if place is not None:
            found.setdefault(place, Mark(_state(report, diagnosis, report.exchanges[place]), diagnosis.code))
    for place, exchange in enumerate(report.exchanges):
        if exchange.error and exchange.answered is None:
            found.setdefault(place, Mark("failed", ""))
    return found


def homeless(report: Report) -> tuple[Diagnosis, ...]:
    """The errors that no call shows: what ended the run on this machine."""
    return tuple(one for one in report.diagnoses if one.severity == "error" and _call_of(report, one) is None)


def _call_of(report: Report, diagnosis: Diagnosis) -> int | None:
    unanswered = [place for place, one in enumerate(report.exchanges) if one.answered is None and one.error]
    if diagnosis.stage in _NETWORK:
        return unanswered[-1] if unanswered else None
    purposes = _PURPOSES.get(diagnosis.stage, frozenset())
    if diagnosis.stage == "renewal" and diagnosis.severity != "error":
        purposes = frozenset({"renewal"})
    places = [place for place, one in enumerate(report.exchanges) if one.purpose in purposes]
    named = [place for place in places if any(_is_of(report.exchanges[place], stage) for stage in _stages_of(report, diagnosis))]
    return next(reversed(named or places), None)


def _stages_of(report: Report, diagnosis: Diagnosis) -> Iterator[Stage]:
    """The stages that ended with this code and say of which test or step."""
    return (stage for stage in report.stages if stage.code == diagnosis.code and stage.about)


def _is_of(exchange: Exchange, stage: Stage) -> bool:
    return exchange.title.endswith(f" {stage.about}")


def _state(report: Report, diagnosis: Diagnosis, exchange: Exchange) -> str:
    if diagnosis.severity != "error":
        return "warning"
    if exchange.answered is None:
        return "failed"
    verdict = report.credential if exchange.purpose in ("check", "control") else report.token
    return "open" if verdict.word == _INCONCLUSIVE else "failed"
