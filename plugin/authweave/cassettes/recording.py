"""From a run that was just made to a cassette; what cannot be replayed to the same verdict is refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote

from authweave.cassettes.asked import lines_of, settled
from authweave.cassettes.cassette import Call, Cassette, Expected
from authweave.cassettes.reading import Reads
from authweave.cassettes.replaying import BROWSED, STATE, called, replay
from authweave.cassettes.scrubbing import Scrubber
from authweave.cassettes.stand_ins import StandIns
from authweave.errors import UsageError
from authweave.inputs import Resolved
from authweave.probe.known import Known
from authweave.probe.recorder import Recorded, is_refresh
from authweave.probe.sign_in_part import Goes
from authweave.profile import Profile
from authweave.report import Report
from authweave.values import Authorization, Secret


class Tape:
    """Hears what a run's servers answered (`probe.test_profile(…, heard=tape)`)."""

    def __init__(self) -> None:
        self._records: Sequence[Recorded] = ()
        self._known = Known()
        self._inputs: dict[str, Any] = {}
        self._answer = self._state = ""

    def watched(self, person: Goes) -> Goes:
        """The same person, whose answer is heard, too."""
        return _Watched(person, self._came_back)

    def _came_back(self, answer: str, state: str) -> None:
        self._answer, self._state = answer, state

    def __call__(self, records: Sequence[Recorded], known: Known, inputs: Mapping[str, Any]) -> None:
        """Called once, when the run knows all that is secret in it."""
        self._records = tuple(record for record in records if record.purpose != BROWSED)
        self._known, self._inputs = known, at_hand(inputs)

    def cassette(self, profile: Profile, report: Report, servers: tuple[str, ...] = (), *, catalog: Any = None) -> Cassette:
        """The recorded run, proven to replay.

        Raises UsageError: nothing was sent, or the replay comes to another verdict.
        """
        if not self._records:
            raise UsageError("there is nothing to record: no call was made")
        made = self._made(profile, report, servers)
        again = replay(profile, made, catalog=catalog)
        if (expected := expected_of(again)) != made.expected:
            raise UsageError(f"this run cannot be recorded: replayed, {_otherwise(made.expected, expected)}")
        calls = tuple(
            dataclasses.replace(call, asked=settled(call.asked, lines_of(exchange))) for call, exchange in zip(made.calls, called(again), strict=True)
        )
        return dataclasses.replace(made, calls=calls)

    def _made(self, profile: Profile, report: Report, servers: tuple[str, ...]) -> Cassette:
        stand_ins = StandIns(self._known)
        scrubber = Scrubber(Reads(profile), stand_ins)
        calls = []
        for record, exchange in zip(self._records, called(report), strict=True):
            is_public = record.purpose == "discovery" and record.request.method == "GET"
            answer = scrubber.answer(record.reply, is_public=is_public) if record.reply is not None else None
            failure = scrubber.failure(record.error) if record.error is not None else None
            calls.append(Call(exchange.purpose, lines_of(exchange), answer, failure))
        return Cassette(
            profile=profile.name, version=profile.version, recorded=report.started, expected=expected_of(report), calls=tuple(calls),
            tenant=report.tenant, subject=report.subject, inputs=_plain(profile, self._inputs), servers=servers, sandbox=report.sandbox,
            consent=self._consent(profile, report), callback=_callback(self._answer, self._state, stand_ins),
            control=any(record.purpose == "control" for record in self._records),
        )  # fmt: skip

    def _consent(self, profile: Profile, report: Report) -> str:
        if self._state:
            return "signed_in"
        if report.token.word != "obtained" or not any(variant.tokens is not None and variant.tokens.signs_in for variant in profile.variants):
            return ""
        return "refreshed" if any(record.purpose == "token" and is_refresh(record.placed) for record in self._records) else "stored"


class _Watched:
    """A person whose answer somebody hears."""

    def __init__(self, person: Goes, came_back: Callable[[str, str], None]) -> None:
        self.redirect_uri = person.redirect_uri
        self._person = person
        self._came_back = came_back

    def __call__(self, sent: Authorization) -> str:
        """As the person does."""
        answer = self._person(sent)
        self._came_back(answer, sent.state or "-")
        return answer


def _callback(answer: str, state: str, stand_ins: StandIns) -> str:
    """The URL that a person came back to, without its code."""
    url, _, query = answer.partition("?")
    if not query:
        return ""
    parts = ((name, STATE if value == state else value if name == "iss" else stand_ins.of(value, name)) for name, value in parse_qsl(query))
    return f"{stand_ins.text(url)}?{'&'.join(f'{quote(name)}={value if value == STATE else quote(value)}' for name, value in parts)}"


def expected_of(report: Report) -> Expected:
    """What a replay has to come to."""
    return Expected(report.token.word, report.credential.word, tuple(found.code for found in report.diagnoses if found.code != "secret_suspicious"))


def unexpected(cassette: Cassette, report: Report) -> str:
    """In what a replay came to another verdict than the recorded run; ''."""
    now = expected_of(report)
    return "" if now == cassette.expected else _otherwise(cassette.expected, now)


def _otherwise(recorded: Expected, now: Expected) -> str:
    told = []
    for what in ("token", "credential"):
        before, after = getattr(recorded, what), getattr(now, what)
        told += [f"{what} is {after}, was {before}"] if before != after else []
    gone, new = set(recorded.codes) - set(now.codes), set(now.codes) - set(recorded.codes)
    told += [f"{code} is new" for code in sorted(new)] + [f"{code} is gone" for code in sorted(gone)]
    return "; ".join(told) or "the diagnoses come in another order"


def at_hand(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that the run has read; nobody is asked for another."""
    return {name: inputs[name] for name in inputs if not isinstance(inputs, Resolved) or inputs.is_at_hand([name])}


def _plain(profile: Profile, inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in inputs.items() if name in profile.inputs and not profile.inputs[name].secret and not isinstance(value, Secret) and value is not None}
