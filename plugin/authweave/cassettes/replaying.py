"""A run on recorded answers: the real path, with a wire that reaches nobody and inputs that are made up."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from authweave import errors
from authweave.cassettes.asked import differences, lines_of
from authweave.cassettes.cassette import Call, Cassette, Failure
from authweave.engine import Engine
from authweave.errors import ProtocolFailure, WireError
from authweave.net.values import Headers, Reply, StageEvent
from authweave.probe import test_profile
from authweave.probe.stages import NETWORK
from authweave.profile import Profile
from authweave.report import Exchange, Report, Stage
from authweave.sandbox.account import Account
from authweave.sandbox.person import REDIRECT
from authweave.settings import Settings
from authweave.values import Authorization, Secret, Token
from authweave.wire import Call as Sent
from authweave.wire import Kept, Wire

STATE: Final = "{state}"
"""Stands in a callback for the state, which is another in each run."""
BROWSED: Final = "authorize"
"""The purpose of what a browser asked: it is in a report, and in no recording."""
_PLACE: Final = ("127.0.0.1", 0)
_GOOD_FOR: Final = 3600.0
_PATIENCE: Final = 30.0


def replay(profile: Profile, cassette: Cassette, *, catalog: Any = None) -> Report:
    """The report of the profile on the recorded answers, without network and without secrets.

    Its `recorded` says when they were; `stale` in what its requests differ from the recorded ones. Raises UsageError where
    no inputs can be made up for the profile.
    """
    at = datetime.fromisoformat(cassette.recorded).timestamp()
    plain = {name: value for name, value in cassette.inputs.items() if name in profile.inputs and not profile.inputs[name].secret}
    made_up = Account(profile, plain, lambda: at).inputs
    wire = ReplayWire(cassette.calls)
    with Engine(settings=Settings(sources=()), wire=wire, clock=lambda: at, catalog=catalog) as engine:
        engine.foretells = True
        person = _Person(cassette.callback) if cassette.consent == "signed_in" else None
        if cassette.consent in ("stored", "refreshed"):
            _consented(engine, profile, cassette, made_up, at)
        report = test_profile(
            engine, profile, tenant=cassette.tenant, subject=cassette.subject or None, inputs=made_up, servers=cassette.servers, sandbox=True,
            person=person, control=any(call.purpose == "control" for call in cassette.calls),
        )  # fmt: skip
    return dataclasses.replace(
        report, recorded=cassette.recorded, stale=tuple(_stale(cassette, report)), sandbox=cassette.sandbox, stages=tuple(map(_told, report.stages))
    )


def _told(stage: Stage) -> Stage:
    """Without what only looks as if somebody had been called."""
    if stage.name in NETWORK and stage.status != "failed":
        return Stage(stage.name, "skipped", None, "nobody is called: the answers are recorded")
    if stage.name == "resolve" and stage.status == "ok":
        return dataclasses.replace(stage, text="those of the recording; secret ones are made up")
    return stage


class _Person:
    """Comes back with what the person of the recorded run came back with."""

    redirect_uri: str = REDIRECT

    def __init__(self, callback: str) -> None:
        self._callback = callback

    def __call__(self, sent: Authorization) -> str:
        """The URL, with the state of this run."""
        return self._callback.replace(STATE, quote(sent.state, safe=""))


def _consented(engine: Engine, profile: Profile, cassette: Cassette, inputs: dict[str, Any], at: float) -> None:
    """Store a stand-in of the token that somebody had consented to before the recorded run."""
    connection = engine.connect(profile, tenant=cassette.tenant, subject=cassette.subject or None, inputs=inputs, servers=cassette.servers)
    refresh = Secret("replayed-refresh-token", "cassette") if cassette.consent == "refreshed" else None
    token = Token(Secret("replayed-access-token", "cassette"), at + _GOOD_FOR, at + _GOOD_FOR, at, refresh)
    for variant in profile.variants:
        if variant.tokens is None or not variant.tokens.signs_in:
            continue
        credential = connection.credential(variant)
        credential.resolving().result(_PATIENCE)
        if credential.tokens is not None:
            credential.tokens.signed_in(lambda _: token)


class ReplayWire(Wire):
    """Answers the n-th call with the n-th recorded answer, and reaches nobody."""

    def __init__(self, calls: tuple[Call, ...]) -> None:
        super().__init__(environ={}, proxy="")
        self._left = list(calls)

    def _sent(
        self, call: Sent, deadline: float, cap: int, truncate: bool, events: Callable[[StageEvent], None] | None, kept: Kept | None
    ) -> Reply:
        host = call.url.partition("://")[2].partition("/")[0]
        if not self._left:
            raise ProtocolFailure(f"the recording holds no answer for another call to {host}", stage="headers", host=host, detail="no_answer")
        recorded = self._left.pop(0)
        if recorded.failure is not None:
            raise _error(recorded.failure)
        answer = recorded.answer
        assert answer is not None  # noqa: S101 - a call has one of both
        headers: Headers = answer.headers
        return Reply(
            answer.status, answer.reason, answer.http_version, headers, answer.body.encode(), answer.truncated, _PLACE, None, None, ()
        )


def _error(failure: Failure) -> WireError:
    kind = getattr(errors, failure.kind, WireError)
    kind = kind if isinstance(kind, type) and issubclass(kind, WireError) else WireError
    return kind(failure.message, stage=failure.stage, host=failure.host, detail=failure.detail, facts=dict(failure.facts))


def called(report: Report) -> tuple[Exchange, ...]:
    """The calls that went over the wire: the way of a person's browser did not."""
    return tuple(exchange for exchange in report.exchanges if exchange.purpose != BROWSED)


def _stale(cassette: Cassette, report: Report) -> list[str]:
    """In what this run is another than the recorded one."""
    found = []
    exchanges = called(report)
    for number, (call, exchange) in enumerate(zip(cassette.calls, exchanges, strict=False), 1):
        what = f"call {number} ({exchange.title.lower()})"
        if call.purpose != exchange.purpose:
            found.append(f"call {number} was of another kind: {call.purpose}, is {exchange.purpose}")
        else:
            found += [f"{what}: {difference}" for difference in differences(call.asked, lines_of(exchange))]
    missing, more = cassette.calls[len(exchanges):], exchanges[len(cassette.calls):]
    found += [f"the recorded call {call.purpose} is no longer made" for call in missing]
    found += [f"a call is new: {exchange.title.lower()}" for exchange in more]
    return found
