"""One run of "test auth": the real path, with a recorder where the wire is, stage by stage into a Report."""

# ruff: noqa: PT028 - test_profile is a function of the product, not a test

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from authweave.diagnosis import Case
from authweave.errors import (
    AuthweaveError,
    MissingInput,
    OriginRefused,
    ProfileError,
    UrlRefused,
    UsageError,
)
from authweave.probe.api_part import answered
from authweave.probe.cases import case_of
from authweave.probe.check import check_request
from authweave.probe.control_part import controlled
from authweave.probe.endings import NOTHING_SENT, ended
from authweave.probe.known import Known
from authweave.probe.ledger import Ledger, since
from authweave.probe.recorder import Recorded, Recorder
from authweave.probe.renewal_part import not_renewed, renewed
from authweave.probe.sending import Checking, applied, driven
from authweave.probe.sign_in_part import Person, signed_in
from authweave.probe.telling import command_again, told
from authweave.probe.token_part import token_got
from authweave.profile import Profile, Test, Variant
from authweave.report import Report, Stage, Verdict
from authweave.values import Secret

if TYPE_CHECKING:
    from authweave.applying.sent import Sent
    from authweave.connections.connection import Connection
    from authweave.engine import Engine


class Hears(Protocol):
    """Takes what was sent and what came back, with what is secret in it, and the inputs of the run."""

    def __call__(self, records: Sequence[Recorded], known: Known, inputs: Mapping[str, Any]) -> None:
        """Called once, at the end."""
        ...


def test_profile(
    engine: Engine, profile: Profile | str | Path | ProfileError, *, tenant: str = "", subject: str | None = None,
    inputs: Mapping[str, Any] | None = None, servers: Iterable[str] = (), events: Callable[[Stage], None] | None = None,
    sandbox: bool = False, person: Person | None = None, heard: Hears | None = None, control: bool = False, refresh: bool = False,
) -> Report:  # fmt: skip
    """Test a profile by name, path or value (or the error that reading it ended with): a token got anew, in one attempt, and the check requests of its `test`.

    Blocking; the setting `test_deadline` holds for all calls together. `events` hears of each stage as it ends.
    `sandbox` says that the engine leads into the sandbox, whose inputs nobody has to look at. `person` signs in
    where somebody has to; without one, a profile that nobody has signed in for is told to be so. `control`: send each
    accepted check once more, without what the profile adds; an API that answers all the same proves nothing. `refresh`:
    after the check, renew the token as it is renewed at its end, and check once more; a refresh token that somebody
    handed over is presented only where the store keeps what comes in its place. `heard` gets every call as it was, not redacted: for
    who records them.

    What a server, a profile or an input does wrong is in the Report. Raises UsageError only for what cannot be asked at
    all: no such file, an input that is not declared, a server that is no URL.
    """
    start, began, given, named = time.monotonic(), engine.clock(), dict(inputs or {}), tuple(servers)
    recorder = Recorder(engine.wire, deadline=engine.settings.test_deadline, clock=engine.clock)
    ledger = Ledger(engine.apart(recorder.exchange), recorder, events, sandbox=sandbox)
    ledger.person, ledger.control, ledger.refresh = person, control, refresh
    if _loaded(ledger, profile, given, tenant) and _connected(ledger, tenant, subject, given, named):
        for test in _tests(ledger, named):
            if _goes_on(ledger):
                _run(ledger, test)
            else:
                ledger.stage("api_probe", "skipped", None, "not run after that", about=_about(ledger, test))
    reference = _source(profile, engine.settings.profile_paths)
    report = told(
        ledger,
        started=datetime.fromtimestamp(began, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        ms=since(start),
        tenant=tenant,
        subject=subject or "",
        again=command_again(
            reference, ledger.profile, tenant=tenant, subject=subject, inputs=given, servers=named, control=control, refresh=refresh
        ),
    )
    if heard is not None:
        heard(recorder.records, ledger.known, ledger.connection.inputs() if ledger.connection else {})
    return report


test_profile.__test__ = False  # type: ignore[attr-defined]  # pytest shall not take it for a test


def _source(reference: Profile | str | Path | ProfileError, by_path: bool) -> str:
    if isinstance(reference, ProfileError):
        return next((problem.source for problem in reference.problems), "")
    if not isinstance(reference, Profile):
        return str(reference)
    return reference.merged.document.source if by_path else reference.name


def _loaded(ledger: Ledger, reference: Profile | str | Path | ProfileError, given: Mapping[str, Any], tenant: str) -> bool:
    start = time.monotonic()
    try:
        if isinstance(reference, ProfileError):
            raise reference
        profile = reference if isinstance(reference, Profile) else ledger.engine.profile(reference, tenant)
    except ProfileError as error:
        return _not_valid(ledger, error, since(start))
    ledger.profile = profile
    for name, value in given.items():
        if name in profile.inputs and profile.inputs[name].secret and isinstance(value, Secret | str | bytes):
            ledger.known.learn(name, value)
    ledger.stage("load", "ok", since(start), f"{profile.reference} of {profile.merged.document.source}")
    return True


def _not_valid(ledger: Ledger, error: ProfileError, took: float | None) -> bool:
    ledger.problems = error.problems
    count = sum(problem.severity == "error" for problem in error.problems)
    ledger.stage("load", "failed", took, f"{count} problem{'' if count == 1 else 's'}", code=error.code)
    ledger.find(error.code, Case(facts={"problems": count}), "load")
    return False


def _connected(ledger: Ledger, tenant: str, subject: str | None, inputs: Mapping[str, Any], servers: tuple[str, ...]) -> bool:
    assert ledger.profile is not None  # noqa: S101 - loaded
    wrong = ""
    try:
        ledger.connection = ledger.engine.connect(ledger.profile, tenant=tenant, subject=subject, inputs=inputs, servers=servers)
    except MissingInput as error:
        ledger.stage("resolve", "failed", None, str(error), code="secret_unresolved")
        ledger.find("secret_unresolved", case_of(ledger, error=error), "resolve")
        ledger.judge("not_tested", NOTHING_SENT)
    except ProfileError as error:  # what an engine does not use, though it is valid
        return _not_valid(ledger, error, None)
    except (UrlRefused, OriginRefused) as error:
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
            signed_in(ledger, ledger.person, connection, variant)
        if test is None or request is None:
            _token_only(ledger, connection, variant, mark)
        else:
            _checked(ledger, connection, Checking(test, request, own, about), mark)
        return
    except AuthweaveError as error:
        failure = error.fresh()
    ended(ledger, failure, test, ledger.recorder.records[mark:], about)


def _token_only(ledger: Ledger, connection: Connection, variant: Variant, mark: int) -> None:
    token = connection.token().result() if variant.tokens else None
    token_got(ledger, ledger.recorder.records[mark:], variant, token)
    if ledger.refresh:
        renewed(ledger, variant, token, None)


def _checked(ledger: Ledger, connection: Connection, checking: Checking, mark: int) -> None:
    """The check, and what was asked for beside it. `mark` is how many calls there were before this test. Raises as a door does."""

    def first(sent: Sent, ms: float) -> None:
        token_got(ledger, ledger.recorder.records[mark:], sent.credential.variant, sent.token)
        applied(ledger, sent, ms, checking.about)

    flow = connection.applying(connection.as_we_send(checking.request))
    judgement, sent = driven(ledger, checking, flow, first)
    accepted = answered(ledger, checking.test, judgement, sent, ledger.recorder.records[mark:], checking.about)
    if ledger.refresh and judgement.verdict == "refused":
        not_renewed(ledger, "the API refuses the credential")
    elif ledger.refresh:
        renewed(ledger, sent.credential.variant, sent.token, checking, sent.tried)
    if ledger.control and accepted:
        controlled(ledger, checking.test, checking.request, sent, checking.about)


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
