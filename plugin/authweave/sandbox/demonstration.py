"""The main job, shown: profiles validated, their tokens got and reused and renewed, their requests accepted, one refused.

Everything goes the real path (`probe`, `engine`, `wire`); only the servers are the sandbox's.
"""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from authweave.errors import AuthweaveError
from authweave.probe import test_profile
from authweave.redaction import Redactor
from authweave.report import Report
from authweave.sandbox.account import WILD
from authweave.sandbox.box import Sandbox
from authweave.sandbox.person import Person
from authweave.urls import UrlTemplate
from authweave.values import TaskRequest, TaskResponse
from authweave.wire import Call

if TYPE_CHECKING:
    from authweave.connections.connection import Connection
    from authweave.engine import Engine
    from authweave.profile import Profile

SUBJECT: Final = "somebody"
DEADLINE: Final = 10.0
REQUESTS: Final = 3


@dataclass(frozen=True, slots=True)
class Shown:
    """A profile, or one of its variants, tested. `task` is what happened to a request where the profile has no check."""

    profile: Profile
    chosen: Mapping[str, Any]
    report: Report
    task: str = ""
    task_status: int = 0
    placed: tuple[str, ...] = ()

    @property
    def went_well(self) -> bool:
        """Was a token obtained where one is needed, and the credential accepted?"""
        accepted = self.report.credential.word == "accepted" or self.task_status == 200
        needs_token = any(variant.tokens is not None for variant in self.profile.variants)
        return accepted and (self.report.token.word in ("obtained", "not_needed") or not needs_token)


@dataclass(frozen=True, slots=True)
class Lived:
    """The life of a token: requests with one token, then its early end. `statuses` in order, `counts` at the servers."""

    profile: Profile
    statuses: tuple[int, ...]
    before: Mapping[str, int]
    after: Mapping[str, int]

    @property
    def was_reused(self) -> bool:
        """Was one token enough while it was good?"""
        return self.before["token"] == 1 and set(self.statuses[:REQUESTS]) == {200}

    @property
    def was_renewed(self) -> bool:
        """Did its early end lead to one more token, and to an accepted request?"""
        more = self.after["token"] + self.after["refresh"] - self.before["token"] - self.before["refresh"]
        return more == 1 and self.statuses[REQUESTS:] == (401, 200)

    @property
    def went_well(self) -> bool:
        """Both."""
        return self.was_reused and self.was_renewed


@dataclass(frozen=True, slots=True)
class Failed:
    """A profile tested while the sandbox does something wrong on purpose."""

    profile: Profile
    fault: str
    code: str
    report: Report

    @property
    def went_well(self) -> bool:
        """Was it found out, with the place in the profile that may mend it?"""
        found = [diagnosis for diagnosis in self.report.diagnoses if diagnosis.code == self.code]
        return bool(found) and any(fix.place for fix in found[0].fixes)


Scene = Shown | Lived | Failed


def scenes(profiles: Iterable[Profile]) -> Iterator[Scene]:
    """One after the other, as they end. Raises AuthweaveError only where the sandbox itself cannot run."""
    with Sandbox(profiles) as sandbox:
        ways = [(profile, chosen) for profile in sandbox.profiles for chosen in variants_of(sandbox, profile)]
        with sandbox.engine(deadline=DEADLINE, test_deadline=DEADLINE) as engine:
            for profile, chosen in ways:
                yield _shown(sandbox, engine, profile, chosen)
            if (telling := _most_telling(sandbox.profiles)) is not None:
                yield _lived(sandbox, telling)
                yield _failed(sandbox, engine, telling)


def variants_of(sandbox: Sandbox, profile: Profile) -> list[dict[str, Any]]:
    """Choices of inputs that lead to each variant of a profile; one empty choice where there is nothing to choose."""
    reached: dict[str, dict[str, Any]] = {}
    choices = [{}, *({name: value} for name, wanted in profile.inputs.items() for value in wanted.enum or ())]
    for chosen in choices if len(profile.variants) > 1 else [{}]:
        try:
            variant = sandbox.account(profile, chosen).variant_for({})
        except AuthweaveError:
            continue
        if variant is not None:
            reached.setdefault(variant.name, chosen)
    return list(reached.values()) or [{}]


def _shown(sandbox: Sandbox, engine: Engine, profile: Profile, chosen: Mapping[str, Any]) -> Shown:
    inputs = sandbox.inputs(profile, chosen)
    report = test_profile(engine, profile, subject=_subject(profile), inputs=inputs, sandbox=True, person=Person(engine.wire))
    shown = Shown(profile, chosen, report)
    if report.credential.word != "not_tested" or report.token.word in ("refused", "inconclusive"):
        return shown
    connection = engine.connect(profile, subject=_subject(profile), inputs=inputs)
    request = task_of(sandbox, profile, chosen)
    sent = connection.prepare(request).result(DEADLINE)
    placed = tuple(f"{one.place} {one.key}" for one in sent.placed)
    shown_url = Redactor(sandbox.account(profile, chosen).secrets()).redact(request.url)
    return dataclasses.replace(
        shown, task=f"GET {shown_url}", task_status=_answered(connection, sent.request).status, placed=placed
    )


def _lived(sandbox: Sandbox, profile: Profile) -> Lived:
    """With an engine of its own, which holds no token yet."""
    request = task_of(sandbox, profile)
    start = sandbox.counts_of(profile)
    with sandbox.engine(deadline=DEADLINE) as engine:
        connection = engine.connect(profile, subject=_subject(profile), inputs=sandbox.inputs(profile))
        statuses = [_sent(connection, request) for _ in range(REQUESTS)]
        before = _since(start, sandbox.counts_of(profile))
        sandbox.set_fault("early_expiry")
        statuses += _sent_and_mended(connection, request)
        sandbox.set_fault(None)
    return Lived(profile, tuple(statuses), before, _since(start, sandbox.counts_of(profile)))


def _failed(sandbox: Sandbox, engine: Engine, profile: Profile) -> Failed:
    """With a secret of plain characters: the diagnosis is to be about the secret, not about its encoding."""
    wanted = profile.inputs.get("client_secret")
    is_free = wanted is not None and wanted.type == "string" and not (wanted.pattern or wanted.enum or wanted.format)
    inputs = sandbox.inputs(profile, {"client_secret": secrets.token_hex(20)} if is_free else {})
    sandbox.set_fault("wrong_secret")
    report = test_profile(engine, profile, subject=_subject(profile), inputs=inputs, sandbox=True, person=Person(engine.wire))
    sandbox.set_fault(None)
    is_login = any(variant.scheme.name == "session" for variant in profile.variants)
    return Failed(profile, "wrong_secret", "login_refused" if is_login else "invalid_client", report)


def _sent(connection: Connection, request: TaskRequest) -> int:
    return _answered(connection, connection.authorize(request).result(DEADLINE)).status


def _sent_and_mended(connection: Connection, request: TaskRequest) -> list[int]:
    """As a platform does that sends by itself: ask what to do with the answer, and do that."""
    first = _answered(connection, connection.authorize(request).result(DEADLINE))
    judgement = connection.handle_response(request, first).result(DEADLINE)
    if judgement.request is None:
        return [first.status]
    return [first.status, _answered(connection, judgement.request).status]


def _answered(connection: Connection, request: TaskRequest) -> TaskResponse:
    call = Call(request.method, request.url, request.headers, request.body)
    reply = connection.engine.wire.send(call, deadline=DEADLINE)
    return TaskResponse(reply.status, reply.headers, reply.body)


def task_of(sandbox: Sandbox, profile: Profile, chosen: Mapping[str, Any] | None = None) -> TaskRequest:
    """A request to the profile's first server; `{key}` in the server's path is left for the path fields."""
    server = sandbox.account(profile, chosen or {}).servers[0].replace("://*.", f"://{WILD}.")
    return TaskRequest("GET", f"{server.rstrip('/')}/v1/tasks", path_template="{" in server)


def _text(url: UrlTemplate | None) -> str:
    return url.text if url is not None else ""


def _most_telling(profiles: Iterable[Profile]) -> Profile | None:
    """A profile that gets tokens without anybody; rather one that refreshes at a URL of its own."""

    def rank(profile: Profile) -> int:
        tokens = profile.variants[0].tokens
        return 0 if tokens is None or tokens.signs_in else 1 + (_text(tokens.refresh_url) != _text(tokens.token_url))

    best = max(profiles, key=rank, default=None)
    return best if best is not None and rank(best) else None


def _since(start: Mapping[str, int], now: Mapping[str, int]) -> dict[str, int]:
    return {kind: now[kind] - start[kind] for kind in now}


def _subject(profile: Profile) -> str | None:
    return SUBJECT if profile.subject == "user" else None
