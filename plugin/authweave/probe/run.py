"""One run of "test auth": the real path, with a recorder where the wire is, stage by stage into a Report."""

# ruff: noqa: PT028 - test_profile is a function of the product, not a test

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from authweave.diagnosis import Case
from authweave.diagnosis.signals import local_code
from authweave.drafts.draft import Placed
from authweave.drafts.fields import field_value
from authweave.drafts.texts import text_for
from authweave.errors import (
    ApplyError,
    AuthweaveError,
    InputError,
    MissingInput,
    ProfileError,
    TokenError,
    UrlRefused,
    UsageError,
    WireError,
)
from authweave.flights import outcome
from authweave.probe.api_part import answered, unanswered
from authweave.probe.cases import api_facts, case_of
from authweave.probe.check import check_request
from authweave.probe.known import Known
from authweave.probe.ledger import Ledger, since
from authweave.probe.recorder import Recorded, Recorder
from authweave.probe.telling import command_again, told
from authweave.probe.token_part import token_failed, token_got
from authweave.profile import Profile, Test
from authweave.report import Report, Stage, Verdict
from authweave.values import Authorization, Secret, TaskRequest
from authweave.wire import Kept

if TYPE_CHECKING:
    from authweave.applying import Sent
    from authweave.connection import Connection
    from authweave.engine import Engine


class Signs(Protocol):
    """Plays the person who signs in: goes to what they are sent, and answers the URL they came back to."""

    redirect_uri: str

    def __call__(self, sent: Authorization) -> str:
        """The URL; '' for a device."""
        ...


class Hears(Protocol):
    """Takes what was sent and what came back, with what is secret in it, and the inputs of the run."""

    def __call__(self, records: Sequence[Recorded], known: Known, inputs: Mapping[str, Any]) -> None:
        """Called once, at the end."""
        ...


NOTHING_SENT: Final = "nothing was sent to the API"


def test_profile(
    engine: Engine, profile: Profile | str | Path, *, tenant: str = "", subject: str | None = None,
    inputs: Mapping[str, Any] | None = None, servers: Iterable[str] = (), events: Callable[[Stage], None] | None = None,
    sandbox: bool = False, person: Signs | None = None, heard: Hears | None = None,
) -> Report:  # fmt: skip
    """Test a profile by name, path or value: a token got anew, in one attempt, and the check requests of its `test`.

    Blocking; the setting `test_deadline` holds for all calls together. `events` hears of each stage as it ends.
    `sandbox` says that the engine leads into the sandbox, whose inputs nobody has to look at. `person` signs in
    where somebody has to; without one, a profile that nobody has signed in for is told to be so. `heard` gets every call as it was, not redacted:
    for who records them. What a server, a profile or an input does wrong is in the Report. Raises UsageError only for what cannot be asked at all:
    no such file, an input that is not declared, a server that is no URL.
    """
    start, began, given, named = time.monotonic(), engine.clock(), dict(inputs or {}), tuple(servers)
    recorder = Recorder(engine.wire, deadline=engine.settings.test_deadline, clock=engine.clock)
    ledger = Ledger(engine.apart(recorder.exchange), recorder, events, sandbox=sandbox)
    ledger.person = person
    if _loaded(ledger, profile, given) and _connected(ledger, tenant, subject, given, named):
        for test in _tests(ledger, named):
            if _goes_on(ledger):
                _run(ledger, test)
            else:
                ledger.stage("api_probe", "skipped", None, "not run after that", about=_about(ledger, test))
    reference = profile.merged.document.source if isinstance(profile, Profile) else str(profile)
    report = told(
        ledger,
        started=datetime.fromtimestamp(began, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        ms=since(start),
        tenant=tenant,
        subject=subject or "",
        again=command_again(reference, ledger.profile, tenant=tenant, subject=subject, inputs=given, servers=named),
    )
    if heard is not None:
        heard(recorder.records, ledger.known, ledger.connection.inputs() if ledger.connection else {})
    return report


test_profile.__test__ = False  # type: ignore[attr-defined]  # pytest shall not take it for a test


def _loaded(ledger: Ledger, reference: Profile | str | Path, given: Mapping[str, Any]) -> bool:
    start = time.monotonic()
    try:
        profile = reference if isinstance(reference, Profile) else ledger.engine.profile(reference)
    except ProfileError as error:
        ledger.problems = error.problems
        count = sum(problem.severity == "error" for problem in error.problems)
        ledger.stage("load", "failed", since(start), f"{count} problem{'' if count == 1 else 's'}", code="profile_invalid")
        ledger.find("profile_invalid", Case(facts={"problems": count}), "load")
        return False
    ledger.profile = profile
    for name, value in given.items():
        if name in profile.inputs and profile.inputs[name].secret and isinstance(value, Secret | str | bytes):
            ledger.known.learn(name, value)
    ledger.stage("load", "ok", since(start), f"{profile.reference} of {profile.merged.document.source}")
    return True


def _connected(ledger: Ledger, tenant: str, subject: str | None, inputs: Mapping[str, Any], servers: tuple[str, ...]) -> bool:
    assert ledger.profile is not None  # noqa: S101 - loaded
    wrong = ""
    try:
        ledger.connection = ledger.engine.connect(ledger.profile, tenant=tenant, subject=subject, inputs=inputs, servers=servers)
    except MissingInput as error:
        ledger.stage("resolve", "failed", None, str(error), code="secret_unresolved")
        ledger.find("secret_unresolved", case_of(ledger, error=error), "resolve")
        ledger.judge("not_tested", NOTHING_SENT)
    except UrlRefused as error:
        wrong = str(error)
    if wrong:
        raise UsageError(wrong)
    return ledger.connection is not None


def _tests(ledger: Ledger, servers: tuple[str, ...]) -> tuple[Test | None, ...]:
    """The tests to run; None stands for getting a token and nothing more."""
    profile = ledger.profile
    assert profile is not None  # noqa: S101 - loaded
    if profile.tests == "none":
        ledger.credential = Verdict("not_tested", "the profile has no test")
        return ()
    if isinstance(profile.tests, str):
        ledger.credential = Verdict("not_tested", "the profile's test is token_only")
        return (None,)
    if profile.servers or servers:
        return profile.tests
    gets_token = any(variant.tokens for variant in profile.variants)
    ledger.find("no_servers", case_of(ledger), "apply", severity="warning" if gets_token else "error")
    ledger.credential = Verdict("not_tested", "nobody said which origins may get the credential")
    return (None,) if gets_token else ()


def _goes_on(ledger: Ledger) -> bool:
    """Is another test of use? Not without a token, nor without the inputs: the first failure says it all."""
    return ledger.token.word in ("not_tested", "not_needed", "obtained") and not any(
        stage.status == "failed" and stage.name in ("resolve", "token_call") for stage in ledger.stages
    )


def _about(ledger: Ledger, test: Test | None) -> str:
    """The name of a test, where the profile has several."""
    several = ledger.profile is not None and not isinstance(ledger.profile.tests, str) and len(ledger.profile.tests) > 1
    return (test.name or test.origin) if test is not None and several else ""


def _run(ledger: Ledger, test: Test | None) -> None:
    """One test: the inputs, the token, the check."""
    connection = ledger.connection
    assert connection is not None  # noqa: S101 - connected
    about = _about(ledger, test)
    mark = len(ledger.recorder.records)
    start = time.monotonic()
    failure: AuthweaveError
    try:
        if test is not None and test.when is not None and not test.when.is_true(ledger.scope()):
            ledger.stage("api_probe", "skipped", None, "its `when` is not true", about=about)
            return
        request, own = check_request(test, ledger.scope()) if test is not None else (None, ())
        variant = ledger.variant = connection.variant_for(request)
        connection.inputs().require(variant.needs)
        _resolved(ledger, since(start))
        if ledger.person is not None and variant.tokens is not None and variant.tokens.signs_in and not ledger.has("token_call"):
            _sign_in(ledger.person, connection)
        if test is None or request is None:
            token = connection.token().result() if variant.tokens else None
            token_got(ledger, ledger.recorder.records[mark:], variant, token)
        else:
            judgement, sent = _driven(ledger, connection, test, request, own, about, mark)
            answered(ledger, test, judgement, sent, ledger.recorder.records[mark:], about)
        return
    except AuthweaveError as error:
        failure = error.fresh()
    _ended(ledger, failure, test, ledger.recorder.records[mark:], about)


def _sign_in(person: Signs, connection: Connection) -> None:
    """Sign in as a person does. Raises what signing in raises."""
    try:
        sent = connection.begin_authorization().result()
    except UrlRefused as error:
        if error.reason != "relative":
            raise
        sent = connection.begin_authorization(redirect_uri=person.redirect_uri).result()
    answer = person(sent)
    if sent.kind == "device":
        connection.await_authorization().result()
    else:
        connection.complete_authorization(answer).result()


def _driven(
    ledger: Ledger, connection: Connection, test: Test, request: TaskRequest, own: tuple[Placed, ...], about: str, mark: int
) -> Any:  # fmt: skip
    """What a door does: wait for what the flow waits for, send what it sends. Answers the verdict and what was sent last.

    `mark` is how many calls there were before this test.
    """
    if not connection.is_bound:
        return _sent_all(ledger, connection, test, request, own, about, mark, None)
    with Kept() as kept:
        return _sent_all(ledger, connection, test, request, own, about, mark, kept)


def _sent_all(
    ledger: Ledger, connection: Connection, test: Test, request: TaskRequest, own: tuple[Placed, ...], about: str, mark: int,
    kept: Kept | None,
) -> Any:  # fmt: skip
    flow = connection.applying(connection.as_we_send(request))
    step: Callable[[], Any] = partial(next, flow)
    sent: Sent | None = None
    while True:
        start = time.monotonic()
        try:
            asked = step()
        except StopIteration as stop:
            return stop.value, sent
        if isinstance(asked, Future):
            step = _waited(flow, asked)
            continue
        if sent is None:
            ms = since(start)
            token_got(ledger, ledger.recorder.records[mark:], asked.credential.variant, asked.token)
            _applied(ledger, asked, ms, about)
        sent = asked
        ledger.known.learn_token(asked.token)
        step = partial(flow.send, ledger.recorder.check(
            asked.request, (*own, *asked.placed), ledger.engine.settings.deadline, about=about, url_key=f"{test.origin}.request.url",
            path=tuple(_path_values(asked, connection.profile)), wire=connection.wire("task"), kept=kept,
        ))  # fmt: skip


def _path_values(sent: Sent, profile: Profile) -> Iterator[tuple[Placed, str]]:
    """The path fields that were filled: in a finished URL they cannot be told from the rest."""
    placed = {one.origin: one for one in sent.placed if one.place == "path"}
    for item in (*profile.fields, *sent.credential.variant.fields):
        if item.origin in placed:
            yield placed[item.origin], text_for(field_value(item, sent.scope), f"path field {item.key}")


def _waited(flow: Any, asked: Future[Any]) -> Callable[[], Any]:
    """The next step of the flow, with what it waited for."""
    try:
        landed = outcome(asked)
    except AuthweaveError as error:
        return partial(flow.throw, error.fresh())
    return partial(flow.send, landed)


def _resolved(ledger: Ledger, ms: float) -> None:
    connection = ledger.connection
    if connection is None or ledger.has("resolve"):
        return
    inputs, doubts = connection.inputs(), ledger.suspicious()
    told_of = _origins(inputs.origins)
    ledger.stage("resolve", "warning" if doubts else "ok", ms, told_of or "no inputs", code="secret_suspicious" if doubts else "")
    for name, why in doubts:
        facts = {"input": name, "came_from": inputs.origins.get(name, "")}
        ledger.find("secret_suspicious", case_of(ledger, suspicious=((name, why),), facts=facts), "resolve", severity="warning")


def _origins(origins: Mapping[str, str]) -> str:
    """`client_id, client_secret from the prompt; region by default`."""
    named: dict[str, list[str]] = {}
    for name, origin in sorted(origins.items()):
        if origin != "not supplied":
            named.setdefault("by default" if origin == "default" else f"from {origin}", []).append(name)
    return "; ".join(f"{', '.join(names)} {origin}" for origin, names in named.items())


def _applied(ledger: Ledger, sent: Sent, ms: float, about: str) -> None:
    variant = sent.credential.variant
    places = ", ".join(f"{placed.place} {placed.key}" for placed in sent.placed) or "nothing to add"
    several = ledger.profile is not None and len(ledger.profile.variants) > 1
    ledger.stage("apply", "ok", ms, f"variant {variant.name}: {places}" if several else places, about=about)


def _ended(ledger: Ledger, error: AuthweaveError, test: Test | None, records: list[Recorded], about: str) -> None:
    """A test that an error ended: whose fault it is can be seen from how far it came."""
    last = records[-1] if records else None
    if last is not None and last.purpose == "check":
        unanswered(ledger, last.error or error, last, test, about)
    elif last is not None or isinstance(error, TokenError | WireError):
        token_failed(ledger, error, records)
    elif isinstance(error, InputError):
        _unresolved(ledger, error)
    elif isinstance(error, ApplyError) and _lacks_token(ledger):
        token_failed(ledger, error, [])
    else:
        code = local_code(error)
        ledger.stage("apply", "failed", None, str(error), code=code, about=about)
        ledger.find(code, case_of(ledger, error=error, facts=api_facts(ledger, test)), "apply")
        ledger.judge("not_tested", NOTHING_SENT)


def _unresolved(ledger: Ledger, error: InputError) -> None:
    code = local_code(error)
    ledger.stages = [stage for stage in ledger.stages if stage.name != "resolve"]
    ledger.stage("resolve", "failed", None, str(error), code=code)
    declared = ledger.profile is not None and ledger.connection is not None and error.name in ledger.profile.inputs
    where = ledger.connection.inputs().describe(error.name) if declared and ledger.connection else ()
    facts = {"input": error.name if declared else "", "supply": where[0] if where else "see above"}
    ledger.find(code, case_of(ledger, error=error, facts=facts), "resolve")
    ledger.judge("not_tested", NOTHING_SENT)


def _lacks_token(ledger: Ledger) -> bool:
    if ledger.connection is None or ledger.variant is None or ledger.variant.tokens is None:
        return False
    tokens = ledger.connection.credential(ledger.variant).tokens
    return tokens is None or tokens.current is None
