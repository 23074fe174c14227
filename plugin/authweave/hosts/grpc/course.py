"""The course of one call over its attempts, in no colour: what is sent, and what follows from an answer.

A driver (`blocking`, `asynchronous`) makes the attempts. At most one is made again because the token was refused, and at
most one because the server asked to wait.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import grpc

from authweave.errors import AuthweaveError, UnexpectedFailure
from authweave.hosts.grpc.credentials import CallMetadata, as_call_credentials
from authweave.hosts.grpc.limits import Limit, limit_of
from authweave.hosts.grpc.notes import Note
from authweave.hosts.grpc.pauses import SPREAD, asked_for
from authweave.hosts.telling import failure, log, refusal
from authweave.machine.chance import between
from authweave.values import TaskResponse

if TYPE_CHECKING:
    from authweave.hosts.whose import Whose
    from authweave.pending import Pending
    from authweave.values import Judgement

PATIENCE: Final = 5.0
"""Seconds that a call waits at most because the server asked it to."""
RENEWED, LIMITED = "renewed", "limited"
STATUSES: Final = {
    "OK": 200, "CANCELLED": 499, "UNKNOWN": 500, "INVALID_ARGUMENT": 400, "DEADLINE_EXCEEDED": 504, "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409, "PERMISSION_DENIED": 403, "RESOURCE_EXHAUSTED": 429, "FAILED_PRECONDITION": 400, "ABORTED": 409,
    "OUT_OF_RANGE": 400, "UNIMPLEMENTED": 501, "INTERNAL": 500, "UNAVAILABLE": 503, "DATA_LOSS": 500, "UNAUTHENTICATED": 401,
}  # fmt: skip
"""HTTP's words for gRPC's (google/rpc/code.proto)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How an attempt ended."""

    code: grpc.StatusCode
    metadata: tuple[tuple[str, str | bytes], ...] = ()

    @classmethod
    def of(cls, code: Any, *metadata: Any) -> Answer:
        """`metadata`: trailing ones first; None for none."""
        pairs = tuple((str(key), value) for each in metadata for key, value in each or ())
        return cls(code if isinstance(code, grpc.StatusCode) else grpc.StatusCode.UNKNOWN, pairs)

    def as_response(self) -> TaskResponse:
        """In HTTP's words, as a judge reads it."""
        return TaskResponse(STATUSES[self.code.name], tuple((key, value) for key, value in self.metadata if isinstance(value, str)))


@dataclass(frozen=True, slots=True)
class Again:
    """Send it once more, after this many seconds."""

    seconds: float


@dataclass(slots=True)
class Course:
    """One call. `replayable`: its request can be sent twice. `end`: when it has to be over (monotonic seconds), None for never."""

    whose: Whose
    replayable: bool
    end: float | None
    patience: float
    given: Any = None
    attempt: CallMetadata = field(init=False)
    tried: set[str] = field(default_factory=set)
    is_read: bool = False

    def __post_init__(self) -> None:
        self.attempt = self._anew()

    @classmethod
    def begin(cls, whose: Whose, details: Any, *, replayable: bool, patience: float) -> Course:
        """The course of a call that is about to be made."""
        timeout = getattr(details, "timeout", None)
        end = None if timeout is None else time.monotonic() + timeout
        return cls(whose, replayable, end, patience, getattr(details, "credentials", None))

    @property
    def credentials(self) -> grpc.CallCredentials:
        """For the next attempt: the profile's, after those that the caller gave for this call."""
        own = as_call_credentials(self.attempt)
        return own if self.given is None else grpc.composite_call_credentials(self.given, own)

    @property
    def left(self) -> float | None:
        """Seconds until the call has to be over, None for no end."""
        return None if self.end is None else max(0.0, self.end - time.monotonic())

    def judging(self, answer: Answer) -> Pending[Judgement] | None:
        """What the answer says of the credential; a refused token is renewed on the way. None where none was sent."""
        connection, finished = self.attempt.connection, self.attempt.finished
        if connection is None or finished is None:
            return None
        return connection.handle_response(finished, answer.as_response())

    def following(self, answer: Answer, judgement: Judgement | None) -> Again | Note | None:
        """What follows: another attempt (`attempt` is then the next one), a note on the failure, or nothing to say."""
        if self.attempt.error is not None:
            return self._without_credential(self.attempt.error)
        if judgement is None:
            return self._nothing_sent(answer)
        if (limit := limit_of(answer.code, answer.metadata, time.time())) is not None:
            return self._limited(answer, limit)
        if judgement.verdict == "send_again" and self._may_repeat(RENEWED):
            assert self.attempt.connection is not None  # noqa: S101 - or nothing would have been judged
            return self._again(RENEWED, CallMetadata(self.whose, again=(self.attempt.connection, judgement.request)) if judgement.request else None)
        return self._refused(answer, judgement)

    def overdue(self, answer: Answer) -> Note:
        """The note where the token is still being renewed when the call has to be over."""
        text = f"{self.whose.named}: the token was refused ({answer.code.name}), and the time of this call was over before there was another one; the next call gets it"
        return Note("refused", text)

    def unjudged(self, answer: Answer, error: Exception) -> Note | None:
        """What there is to say where nobody could judge the answer, as of an engine that was closed: it stands all the same."""
        if answer.code is grpc.StatusCode.OK:
            return None
        return self._without_credential(error if isinstance(error, AuthweaveError) else UnexpectedFailure.of(error))

    def _may_repeat(self, reason: str) -> bool:
        return self.replayable and not self.is_read and reason not in self.tried

    def _again(self, reason: str, attempt: CallMetadata | None, seconds: float = 0.0) -> Again:
        self.tried.add(reason)
        self.attempt = attempt or self._anew()
        return Again(seconds)

    def _anew(self) -> CallMetadata:
        return CallMetadata(self.whose, patience=self.patience, end=self.end)

    def _without_credential(self, error: AuthweaveError) -> Note:
        return Note("no_credential", failure(self.whose.named, error), error.fresh(), getattr(error, "retry_at", None))

    def _nothing_sent(self, answer: Answer) -> Note | None:
        if self.attempt.is_asked:
            text = f"{self.whose.named}: the time of this call was over before there was a token; the next call may find it"
            return Note("no_credential", text) if answer.code is grpc.StatusCode.DEADLINE_EXCEEDED else None
        if answer.code is not grpc.StatusCode.UNAUTHENTICATED:
            return None
        return Note("no_tls", f"{self.whose.named}: nothing was sent. gRPC gives a credential to channels over TLS only, and this one is without: give secure_channel TLS credentials")

    def _limited(self, answer: Answer, limit: Limit) -> Again | Note:
        wait = limit.seconds
        connection, finished = self.attempt.connection, self.attempt.finished
        if wait and connection is not None and finished is not None:
            asked_for(connection, finished.url, wait)
        retry_at = None if wait is None else time.time() + wait
        if wait is not None and wait <= self.patience and self._may_repeat(LIMITED):
            left, spread = self.left, wait * SPREAD
            if left is None or wait + spread < left:
                return self._again(LIMITED, self._same(), between(wait, wait + spread))
        said = f"{answer.code.name}, {limit.said}"
        when = "and not to be asked again" if wait is None else f"try again in {wait:.1f} s"
        note = Note("rate_limited", f"{self.whose.named}: the API asked to be left alone ({said}): {when}", None, retry_at)
        log.warning("%s", note.text)
        return note

    def _same(self) -> CallMetadata | None:
        """The credential that was just renewed is not judged as if it were the first one."""
        connection, finished = self.attempt.connection, self.attempt.finished
        if RENEWED not in self.tried or connection is None or finished is None:
            return None
        return CallMetadata(self.whose, again=(connection, finished))

    def _refused(self, answer: Answer, judgement: Judgement) -> Note | None:
        reason = judgement.reason.replace(f"({STATUSES[answer.code.name]})", f"({answer.code.name})")
        verdict = judgement.verdict
        if verdict == "send_again":
            why = "a part of the answer had been read" if self.replayable else "a stream of requests cannot be sent twice"
            verdict, reason = "refused", f"{reason}; not sent again: {why}. The next call has a new token"
        text = refusal(self.whose.named, replace(judgement, verdict=verdict, reason=reason))
        if not text:
            return None
        log.warning("%s", text)
        return Note(verdict, text, judgement.error if isinstance(judgement.error, AuthweaveError) else None)
