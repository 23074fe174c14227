"""Interceptors for sync channels: each call gets the credential, and is made once more where that is safe."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import grpc

from authweave.hosts.grpc.course import PATIENCE, Again, Course
from authweave.hosts.grpc.future_call import FutureCall
from authweave.hosts.grpc.notes import noted
from authweave.hosts.grpc.stream_call import StreamCall
from authweave.hosts.grpc.waited import following
from authweave.hosts.whose import Whose

if TYPE_CHECKING:
    from authweave.connections.connection import Connection
    from authweave.engine import Engine
    from authweave.hosts.named import Named


def interceptors(
    named: Named | str | Mapping[str, Any] | Connection, *, engine: Engine | None = None, patience: float = PATIENCE
) -> tuple[Any, ...]:
    """For `grpc.intercept_channel(channel, *…)`, where the channel is made elsewhere: over TLS, and without `call_credentials`
    of the same profile. `patience` as in `secure_channel`. Raises UsageError."""
    return (_Interceptor(Whose.of(named, engine), patience),)


class _Interceptor(
    grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor, grpc.StreamUnaryClientInterceptor, grpc.StreamStreamClientInterceptor
):  # fmt: skip
    """All four kinds of calls. A stream of requests is never sent twice."""

    def __init__(self, whose: Whose, patience: float) -> None:
        self._whose = whose
        self._patience = patience

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return self._unary(continuation, client_call_details, request, replayable=True)

    def intercept_stream_unary(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        return self._unary(continuation, client_call_details, request_iterator, replayable=False)

    def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return self._stream(continuation, client_call_details, request, replayable=True)

    def intercept_stream_stream(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        return self._stream(continuation, client_call_details, request_iterator, replayable=False)

    def _unary(self, continuation: Any, details: Any, request: Any, *, replayable: bool) -> Any:
        course = Course.begin(self._whose, details, replayable=replayable, patience=self._patience)

        def send() -> Any:
            return continuation(Details(details, course), request)

        call = send()
        return FutureCall(course, call, send) if _is_future(call) else _settled(course, call, send)

    def _stream(self, continuation: Any, details: Any, request: Any, *, replayable: bool) -> Any:
        course = Course.begin(self._whose, details, replayable=replayable, patience=self._patience)
        return StreamCall(course, lambda: continuation(Details(details, course), request))


class Details(grpc.ClientCallDetails):
    """The details of the next attempt: the caller's, with the credential, and with what is left of the time."""

    def __init__(self, given: Any, course: Course) -> None:
        self.method = given.method
        self.timeout = course.left
        self.metadata = getattr(given, "metadata", None)
        self.credentials = course.credentials
        self.wait_for_ready = getattr(given, "wait_for_ready", None)
        self.compression = getattr(given, "compression", None)


def _is_future(call: Any) -> bool:
    """Was it asked for with `.future()`, where nobody may wait? Such a call may have ended by now; gRPC's, unlike an outcome, are iterators."""
    return isinstance(call, Iterator) or not call.done()


def _settled(course: Course, call: Any, send: Callable[[], Any]) -> Any:
    """The last call of a course, which is over; the caller's thread waits."""
    while isinstance(step := following(course, call), Again):
        time.sleep(step.seconds)
        call = send()
    return noted(call, step)
