"""The variants one after the other, within a budget, until one works."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from authweave.errors import EditRefused, ProfileError
from authweave.explaining.candidates import changes_for, families_for
from authweave.explaining.change import Change
from authweave.explaining.clues import Clues, clues_of, failure_of
from authweave.explaining.dangers import warnings_for
from authweave.explaining.guarded import Journal, asks_to_wait, guarded
from authweave.explaining.metadata import with_metadata
from authweave.explaining.proposing import Proposal, proposal
from authweave.explaining.reach import reach_of
from authweave.explaining.trying import Target, changed_profile, left_out, told, tried, why_not
from authweave.probe.known import Known
from authweave.profile import Profile
from authweave.report import Explained, Report, Try

if TYPE_CHECKING:
    from authweave.engine import Engine

BUDGET: Final = 6
MOST: Final = 20
_RATE_LIMITED: Final = frozenset({"rate_limited", "api_429"})

Confirm = Callable[[tuple[str, ...]], bool]
Tell = Callable[[int, Change, Try | None], None]


def _nobody(number: int, change: Change, outcome: Try | None) -> None:
    """Nobody watches."""


def _says_no(warnings: tuple[str, ...]) -> bool:
    """Nobody is there to ask."""
    return False


@dataclass(frozen=True, slots=True)
class Ways:
    """How it is explored. `budget` is how many variants may be sent. `yes`: whatever there is a warning for may be tried.

    `confirm` is asked with the warnings before anything is sent, where there are some and nobody said yes. `tell` hears
    of each variant before it is sent and, with its outcome, after.
    """

    budget: int = BUDGET
    yes: bool = False
    confirm: Confirm = _says_no
    tell: Tell = _nobody


@dataclass(frozen=True, slots=True)
class Exploration:
    """What was found. `proposal` is the edit that works; `refused` that somebody had to agree, and nobody did.

    `is_half`: with the edit there is a token, but the API does not accept it yet.
    """

    explained: Explained
    proposal: Proposal | None = None
    refused: bool = False
    is_half: bool = False


def explain(engine: Engine, target: Target, report: Report, ways: Ways = Ways()) -> Exploration | None:
    """What else the profile could say so that what `report` shows as refused is accepted; None where nothing was refused.

    Blocking. Sends at most `ways.budget` variants within the setting `test_deadline`, in one attempt each, only to origins that
    the run of `report` had to do with. Raises UsageError as `test_profile` does.
    """
    if failure_of(report) is None:
        return None
    connection = engine.connect(target.profile, tenant=target.tenant, subject=target.subject, inputs=target.inputs, servers=target.servers)
    clues = clues_of(report, target.profile, connection)
    if clues is None:
        return None
    if not _may_be_tried(clues) or _is_limited(report):
        return Exploration(Explained())
    warnings = warnings_for(target.profile, clues.variant)
    if warnings and not (ways.confirm(warnings) or ways.yes):
        whys = tuple(left_out(change, change.left_out or "not sent: nobody agreed to it (--yes)") for change in changes_for(clues))
        return Exploration(Explained(whys, warnings=warnings), refused=True)
    journal = Journal(reach_of(report, clues.token_url, connection), remembers=_is_of_api(clues))
    known = Known()
    known.learn_inputs(dict(connection.inputs().secrets))
    found = _Exploring(engine, target, clues, ways, journal, known).run()
    return replace(found, explained=replace(found.explained, warnings=warnings))


class _Exploring:
    """One exploration under way."""

    def __init__(self, engine: Engine, target: Target, clues: Clues, ways: Ways, journal: Journal, known: Known) -> None:
        self.engine = engine
        self.target = target
        self.clues = clues
        self.ways = ways
        self.end = time.monotonic() + engine.settings.test_deadline
        self.journal = journal
        self.known = known
        self.wire = guarded(engine.wire, journal)
        self.is_of_api = _is_of_api(clues)
        self.sent = 0
        self.over = ""

    def run(self) -> Exploration:
        clues = self.clues if self.is_of_api else with_metadata(self.clues, self.wire, self.engine.clock, self.end)
        tries: list[Try] = []
        best: tuple[Change, str] | None = None
        is_half = False
        for change in changes_for(clues):
            outcome, text = self.outcome(change)
            tries.append(replace(outcome, value=self.known.text(outcome.value), word=self.known.text(outcome.word)))
            if outcome.sent and self.works(outcome):
                best, is_half, self.over = (change, text), False, "not needed any more"
            elif outcome.sent and best is None and self.gets_further(outcome):
                best, is_half = (change, text), True
        found = proposal(self.target.profile, *best, self.known.text) if best else None
        return Exploration(Explained(tuple(tries), found.edit if found else None), found, is_half=is_half)

    def outcome(self, change: Change) -> tuple[Try, str]:
        """What came of a variant, or why it was not sent; and the text that it was."""
        if why := self.why_not(change):
            return left_out(change, why), ""
        refused: EditRefused | ProfileError
        try:
            text = change.text(self.target.profile)
            profile = changed_profile(self.engine, self.target.profile, text)
        except (EditRefused, ProfileError) as error:
            refused = error
        else:
            return self.sent_one(change, profile), text
        return left_out(change, why_not(refused)), ""

    def sent_one(self, change: Change, profile: Profile) -> Try:
        """Try a variant. What sends nothing that was not sent before does not count."""
        before = self.journal.sent
        self.ways.tell(self.sent + 1, change, None)
        report = tried(self.engine, self.target, profile, self.wire, max(self.end - time.monotonic(), 0.001))
        if self.journal.wait:
            self.over = f"the server asked to wait ({self.journal.wait})"
        if self.journal.sent == before:
            return left_out(change, _said(report))
        self.sent += 1
        outcome = told(change, report)
        self.ways.tell(self.sent, change, outcome)
        return outcome

    def why_not(self, change: Change) -> str:
        """Why a variant is not sent; '' if it is."""
        if change.left_out:
            return change.left_out
        if self.over:
            return self.over
        if change.risk and not self.ways.yes:
            return change.risk
        if self.sent >= self.ways.budget:
            return f"beyond the budget of {self.ways.budget} (--budget)"
        return "no time was left (setting test_deadline)" if time.monotonic() >= self.end else ""

    def works(self, outcome: Try) -> bool:
        """Is what was refused accepted now, as far as it is tested?"""
        if self.is_of_api:
            return outcome.credential.word == "accepted"
        return outcome.token.word == "obtained" and outcome.credential.word not in ("refused", "forbidden")

    def gets_further(self, outcome: Try) -> bool:
        """Is there a token now, though the API does not accept it yet?"""
        return not self.is_of_api and outcome.token.word == "obtained"


def _said(report: Report) -> str:
    """Why a run sent nothing new."""
    if report.exchanges and all(one.answered is not None for one in report.exchanges):
        return "the request would be the same as before"
    return next((one.sentence for one in report.diagnoses if one.severity == "error"), "")


def _is_of_api(clues: Clues) -> bool:
    return clues.code.startswith("api_")


def _may_be_tried(clues: Clues) -> bool:
    """Is there a variant, or may metadata name one?"""
    return bool(changes_for(clues) if _is_of_api(clues) else families_for(clues))


def _is_limited(report: Report) -> bool:
    answers = [exchange.answered for exchange in report.exchanges if exchange.answered is not None and exchange.answered.status >= 400]
    return any(found.code in _RATE_LIMITED for found in report.diagnoses) or any(asks_to_wait(part.name for part in answer.headers) for answer in answers)
