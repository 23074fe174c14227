"""The negative control: the check once more without what the profile adds. An endpoint that answers everybody proves nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from authweave.applying.targets import target_of
from authweave.applying.verdicts import verdict_on
from authweave.connections.token_keys import reads_secret
from authweave.diagnosis.signals import api_code
from authweave.drafts.draft import Draft
from authweave.errors import AuthweaveError, TlsFailure
from authweave.probe.cases import api_facts, case_of
from authweave.probe.check import decided, is_page
from authweave.probe.recorder import Recorded
from authweave.probe.stages import call_ms, status_line

if TYPE_CHECKING:
    from authweave.applying.sent import Sent
    from authweave.connections.connection import Connection
    from authweave.probe.ledger import Ledger
    from authweave.profile import Profile, Test
    from authweave.values import TaskRequest, TaskResponse

_TELLS_NOTHING: Final = frozenset({"api_429", "api_5xx"})


def controlled(ledger: Ledger, test: Test, request: TaskRequest, sent: Sent, about: str) -> None:
    """Send the accepted check without the credential and without the profile's fields, and note what that says.

    `request` is the check as the test describes it, `sent` as it was accepted.
    """
    connection = ledger.connection
    assert connection is not None  # noqa: S101 - the check was sent
    if why := _why_not(connection, test, sent):
        ledger.stage("control", "skipped", None, why, about=about)
        return
    failure: AuthweaveError
    try:
        bare = _without_credential(connection, request, sent)
        if bare is None:
            ledger.stage("control", "skipped", None, "the credential is part of the URL: there is none without it", about=about)
            return
        key = f"{test.origin}.request.url"
        wire = connection.outgoing.wire_without_certificate()
        with connection.outgoing.calling("task"):
            response = ledger.recorder.control(bare, ledger.engine.settings.deadline, about=about, url_key=key, wire=wire)
    except AuthweaveError as error:
        failure = error.fresh()
        _unanswered(ledger, connection, failure, about)
        return
    _answered(ledger, test, sent, response, about)


def _why_not(connection: Connection, test: Test, sent: Sent) -> str:
    """Why a request without the credential cannot be made; '' if it can."""
    profile = connection.profile
    if not sent.placed and not connection.outgoing.shows_certificate("task"):
        return "the profile adds nothing that could be left out"
    if not connection.given_servers and _holds_secret(profile, *profile.servers):
        return "a secret is part of `servers`: there is no URL without it"
    written = [part for part in (test.request.url, test.request.content, test.request.method, test.request.content_type) if part is not None]
    if _holds_secret(profile, *written) or any(item.secret for item in test.request.fields):
        return "the test's own request holds a secret, so it is never without one"
    return ""


def _holds_secret(profile: Profile, *templates: Any) -> bool:
    return any(reads_secret(profile, getattr(template, "reads", ())) for template in templates)


def _without_credential(connection: Connection, request: TaskRequest, sent: Sent) -> TaskRequest | None:
    """The request with nothing added; None where its URL has a place that only the credential fills."""
    url, template = target_of(request, connection.servers(connection.scope(sent.credential.inputs, sent.token)))
    draft = Draft.of(request, url, path_template=template)
    return None if draft.placeholders else draft.finish()


def _answered(ledger: Ledger, test: Test, sent: Sent, response: TaskResponse, about: str) -> None:
    record = ledger.recorder.records[-1]
    ledger.learn(record)
    code = _code(test, sent, response)
    line = f"{response.status} without the credential"
    if code:
        nothing = code in _TELLS_NOTHING
        ledger.stage("control", "warning" if nothing else "ok", call_ms(record), f"{line}: says nothing" if nothing else line, about=about)
        return
    accepted = _accepted(ledger)
    is_same = accepted is not None and accepted.reply is not None and accepted.reply.body == (response.body or b"")
    told = f"without the credential: {status_line(record)}, " + ("the same answer, byte for byte" if is_same else "an answer with another body")
    ledger.stage("control", "failed", call_ms(record), line, code="api_anonymous", about=about)
    facts = {**api_facts(ledger, test), "differs": not is_same, "evidence": [told]}
    ledger.judge("inconclusive", ledger.find("api_anonymous", case_of(ledger, record=record, variant=sent.credential.variant, facts=facts), "control"))


def _code(test: Test, sent: Sent, response: TaskResponse) -> str:
    """The code of the answer, judged as the check's own was; '' for one that is accepted."""
    try:
        said = decided(test, response, sent.scope)
    except AuthweaveError:
        said = False  # the condition asks for what is not in this answer
    return api_code(verdict_on(sent, response), response.status, is_page=is_page(response), decided=said)


def _accepted(ledger: Ledger) -> Recorded | None:
    """The check that was accepted: the last one."""
    return next((record for record in reversed(ledger.recorder.records) if record.purpose == "check"), None)


def _unanswered(ledger: Ledger, connection: Connection, error: AuthweaveError, about: str) -> None:
    """No answer: without the certificate that is the right one, else it says nothing."""
    if ledger.recorder.records and ledger.recorder.records[-1].purpose == "control":
        ledger.learn(ledger.recorder.records[-1])
    refused = isinstance(error, TlsFailure) and connection.outgoing.shows_certificate("task")
    words = f"no connection without the certificate: {error}" if refused else f"says nothing: {error}"
    ledger.stage("control", "ok" if refused else "warning", None, words, about=about)
