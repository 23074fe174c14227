"""Requests of httpx and httpx2 that a platform sends by itself: authorized beforehand, their answers judged afterwards."""

from __future__ import annotations

import functools
from collections.abc import Generator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from authweave.applying.flow import following, prepared
from authweave.applying.sent import Sent
from authweave.applying.verdicts import verdict_on, wants_body
from authweave.clients.hops import guard_of, guarded, made_anew, strayed
from authweave.clients.requests import (
    EXTENSION,
    answer_of,
    can_repeat,
    content_at_hand,
    content_of,
    rewritten,
    subject_of,
    task_of,
)
from authweave.errors import UsageError
from authweave.values import Judgement, TaskRequest

if TYPE_CHECKING:
    from authweave.connections.connection import Connection

MADE_FROM: Final = "authweave.made_from"
"""The extension in which a finished request keeps what it was made from; transports leave it alone."""


@dataclass(frozen=True, slots=True)
class _Made:
    """What a finished request was made from."""

    connection: Connection
    request: Any
    task: TaskRequest
    sent: Sent

    def finished(self) -> Any:
        """A new request to send; the one it was made from stays as it was."""
        request = guarded(rewritten(_copied(self.request), self.sent), self.task, self.sent, "in_either")
        if "host" not in request.headers:  # it was relative to the first server
            request.headers["Host"] = request.url.netloc.decode("ascii")
        request.extensions[MADE_FROM] = self
        return _kept(request, self.request)


def authorizing(connection: Connection, request: Any) -> Generator[Future[Any], Any, Any]:
    """The finished request. Raises UsageError for what is no request, and what `prepared` raises."""
    task, own = _task_of(request), connection.of_subject(subject_of(request))
    return _Made(own, request, task, (yield from own.flows.preparing(task))).finished()


def handling(connection: Connection, request: Any, response: Any, repeatable: bool | None = None) -> Generator[Future[Any], Any, Judgement]:
    """What to do with the answer: see `Connection.handle_response`. A body that a rule reads is read where it is at hand only."""
    if not all(hasattr(response, name) for name in ("status_code", "headers", "extensions")):
        kind = type(response)
        raise UsageError(f"the answer to a request of httpx or httpx2 is a response of the same; not {kind.__module__}.{kind.__qualname__}")
    made = getattr(request, "extensions", {}).get(MADE_FROM)
    if not isinstance(made, _Made) or not made.connection.is_like(connection):
        task, own = _task_of(request), connection.of_subject(subject_of(request))
        made = _Made(own, request, task, (yield from prepared(own, task)))
    elif (verdict := strayed(response, request)) is not None:
        return verdict
    if (hop := made_anew(response, request, made.sent)) is not None:
        made = replace(made, request=hop[0], task=hop[1], sent=hop[2])
    answer = answer_of(response, with_peer=made.sent.credential.seal is not None)
    if wants_body(made.sent.credential.variant, answer):
        answer = replace(answer, body=content_at_hand(response))
    if repeatable is None:
        repeatable = not made.task.streamed or can_repeat(made.request)
    step = yield from following(made.connection, made.task, made.sent, answer, can_repeat=repeatable)
    if isinstance(step, Judgement):
        return step
    return Judgement("send_again", verdict_on(made.sent, answer).reason, request=replace(made, sent=step).finished())


def _task_of(request: Any) -> TaskRequest:
    if not all(hasattr(request, name) for name in ("method", "url", "headers", "extensions", "stream")):
        raise UsageError(f"a request is a TaskRequest, or one of httpx or httpx2; not {type(request).__module__}.{type(request).__qualname__}")
    return task_of(request)


def _copied(request: Any) -> Any:
    """The same request again, with extensions of its own; nothing of it is authorized yet."""
    extensions = {key: value for key, value in request.extensions.items() if key != MADE_FROM}
    if EXTENSION in extensions:
        extensions[EXTENSION] = dict(extensions[EXTENSION])
    kind = _plain_kind(type(request))
    copied = kind(request.method, request.url, headers=request.headers, stream=request.stream, extensions=extensions)
    if content_of(request) is not None:
        copied.read()
    return copied


class _Authorized:
    """A request that keeps its guard, also where somebody puts a trace of his own into its extensions, or other extensions."""

    @property
    def extensions(self) -> Any:
        extensions = vars(self)["extensions"]
        guard, trace = vars(self)[_GUARD], extensions.get("trace")
        if getattr(trace, "__self__", None) is not guard:
            guard.then = trace
            extensions["trace"] = guard.in_either
        return extensions

    @extensions.setter
    def extensions(self, extensions: Any) -> None:
        vars(self)["extensions"] = dict(extensions)

    def __copy__(self) -> Any:
        """One with its guard: httpx leaves out extensions where it copies by way of a pickle."""
        kind = _plain_kind(type(self))
        copied = kind.__new__(kind)
        vars(copied).update(vars(self))
        copied.headers, copied.extensions = vars(self)["headers"].copy(), dict(self.extensions)
        return _kept(copied, vars(self)[_PLAIN])

    def __deepcopy__(self, memo: object) -> Any:
        return self.__copy__()

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickled, it is the plain request that it was made from: credentials stay out of caches and other processes."""
        return _unpickled, (vars(self)[_PLAIN],)


def _unpickled(plain: Any) -> Any:
    return plain


_GUARD: Final = "_authweave_guard"
_PLAIN: Final = "_authweave_plain"


def _kept(request: Any, plain: Any) -> Any:
    """The request, of a class that keeps its guard, and the one that it was made from."""
    vars(request).update({_GUARD: guard_of(request), _PLAIN: plain})
    request.__class__ = _authorized(_plain_kind(type(request)))
    return request


@functools.cache
def _authorized(kind: Any) -> Any:
    return type(f"Authorized{kind.__name__}", (_Authorized, kind), {"__doc__": _Authorized.__doc__})


def _plain_kind(kind: Any) -> Any:
    """The class of httpx or httpx2, which makes new requests."""
    return kind.__mro__[2] if issubclass(kind, _Authorized) else kind
