"""Many profiles compared with their providers at once, gently: no server is asked by two at the same time, and none twice."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from authweave.checking.document import Checked
from authweave.discovery.finding import Exchange
from authweave.drafts.draft import Placed
from authweave.egress.errand import Errand, calling_for
from authweave.engine import Engine
from authweave.errors import AuthweaveError, WireError
from authweave.limits.calls import exchange_within
from authweave.linting.at_once import at_once
from authweave.linting.finding import Finding
from authweave.linting.looking import findings, where_asked
from authweave.linting.subject import Subject
from authweave.loading import profile_of
from authweave.urls import Origin
from authweave.values import Problem, TaskRequest, TaskResponse

LONGEST: Final = 15.0
"""Seconds that one answer may take."""


def compared_online(
    found: Sequence[Checked], engine: Engine, *, tenant: str = "", inputs: Mapping[str, str] | None = None, tell: Callable[[str], None] = lambda words: None
) -> list[Checked]:
    """The same, with what the providers' metadata say against each among its problems. What is not valid is not compared.

    `inputs` are used where a profile has such; others come from the engine's sources, secrets never. `tell` hears, from
    other threads, of each origin that is done.
    """
    whole = list(found)
    said: dict[int, list[Problem]] = {number: [] for number in range(len(whole))}
    by_origin: dict[str, list[tuple[int, Subject, Errand]]] = {}
    for number, checked in enumerate(whole):
        for subject, errand in _subjects(checked, engine, tenant, inputs or {}):
            by_origin.setdefault(where_asked(subject), []).append((number, subject, errand))

    deadline = min(engine.settings.deadline, LONGEST)

    within = engine.within(tenant)
    usual = engine.exchange if within is None else exchange_within(within, engine.exchange)

    def work(origin: str) -> list[tuple[int, list[Finding]]]:
        exchange = giving_up(usual)
        answers = []
        for number, subject, errand in by_origin[origin]:
            with calling_for("discovery", errand):
                answers.append((number, list(findings(subject, engine.finder, exchange, deadline))))
        tell(origin)
        return answers

    for answers in at_once(work, list(by_origin)):
        for number, listed in answers:
            said[number] += listed
    return [dataclasses.replace(checked, problems=_in_order([*checked.problems, *said[number]])) for number, checked in enumerate(whole)]


def giving_up(exchange: Exchange) -> Exchange:
    """The same, but a server that gave no answer once is not waited for again. For one thread."""
    silent: dict[str, WireError] = {}

    def ask(request: TaskRequest, seconds: float, placed: tuple[Placed, ...]) -> TaskResponse:
        origin = str(Origin.of(request.url))
        if origin in silent:
            raise silent[origin].fresh()
        try:
            return exchange(request, seconds, placed)
        except WireError as error:
            silent[origin] = error.fresh()
            raise

    return ask


def _subjects(checked: Checked, engine: Engine, tenant: str, inputs: Mapping[str, str]) -> Iterator[tuple[Subject, Errand]]:
    if not checked.is_valid or checked.data.get("abstract") is True:
        return
    profile = profile_of(checked)
    given: dict[str, Any] = {name: value for name, value in inputs.items() if name in profile.inputs}
    try:
        connection = engine.connect(profile, tenant=tenant, subject="", inputs=given)
        values = connection.inputs()
    except AuthweaveError:
        return
    for variant in profile.variants:
        if variant.tokens is not None and not variant.tokens.is_session:
            yield Subject.of(checked, profile, variant, values, engine.clock()), connection.outgoing.errand


def _in_order(problems: list[Problem]) -> list[Problem]:
    """By file and place; of several at one place the worst first."""
    worst = ("error", "warning", "info")
    files = {source: number for number, source in enumerate(dict.fromkeys(problem.source for problem in problems))}

    def place(problem: Problem) -> tuple[int, int, int, int]:
        line, column = (problem.mark.line, problem.mark.column) if problem.mark else (0, 0)
        return files[problem.source], line, column, worst.index(problem.severity)

    return sorted(dict.fromkeys(problems), key=place)
