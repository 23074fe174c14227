"""Interceptors for asyncio channels: each call gets the credential, and is made once more where that is safe.

A call whose requests are a stream has to be given back at once, since they are written only then; its end is judged when
it comes, and it is never made again. Of a stream of answers, the first one is read before the stream is given back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from authweave.hosts.grpc.aio_calls import CountedCall, GatheredCall, TalkedCall, answer_of
from authweave.hosts.grpc.course import PATIENCE, Again, Answer, Course
from authweave.hosts.grpc.notes import Note, noted
from authweave.hosts.whose import Whose

if TYPE_CHECKING:
    from authweave.connections.connection import Connection
    from authweave.engine import Engine
    from authweave.hosts.named import Named
    from authweave.pending import Pending
    from authweave.values import Judgement


def aio_interceptors(
    named: Named | str | Mapping[str, Any] | Connection, *, engine: Engine | None = None, patience: float = PATIENCE
) -> list[Any]:
    """For `grpc.aio.secure_channel(…, interceptors=…)`, where the channel is made elsewhere: without `call_credentials` of the
    same profile. `patience` as in `aio_secure_channel`. Raises UsageError."""
    whose = Whose.of(named, engine)
    return [kind(whose, patience) for kind in (_UnaryUnary, _UnaryStream, _StreamUnary, _StreamStream)]


class _OfProfile:
    """What the four kinds share: gRPC wants an object for each."""

    def __init__(self, whose: Whose, patience: float) -> None:
        self._whose = whose
        self._patience = patience

    def course(self, details: Any, *, replayable: bool) -> Course:
        return Course.begin(self._whose, details, replayable=replayable, patience=self._patience)


class _UnaryUnary(_OfProfile, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        course = self.course(client_call_details, replayable=True)
        while True:
            call = await continuation(details_of(client_call_details, course), request)
            try:
                await call
            except grpc.aio.AioRpcError as error:
                step = await following(course, answer_of(error))
                if not isinstance(step, Again):
                    raise noted(error, step) from None
                await asyncio.sleep(step.seconds)
            else:
                await following(course, Answer.of(grpc.StatusCode.OK))
                return call


class _UnaryStream(_OfProfile, grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        course = self.course(client_call_details, replayable=True)
        while True:
            call = await continuation(details_of(client_call_details, course), request)
            try:
                first = await call.read()
            except grpc.aio.AioRpcError as error:
                step = await following(course, answer_of(error))
                if not isinstance(step, Again):
                    raise noted(error, step) from None
                await asyncio.sleep(step.seconds)
            except asyncio.CancelledError:
                call.cancel()
                raise
            else:
                course.is_read = True
                return CountedCall(course, call, following, first)


class _StreamUnary(_OfProfile, grpc.aio.StreamUnaryClientInterceptor):
    async def intercept_stream_unary(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        course = self.course(client_call_details, replayable=False)
        call = await continuation(details_of(client_call_details, course), request_iterator)
        return GatheredCall(course, call, following)


class _StreamStream(_OfProfile, grpc.aio.StreamStreamClientInterceptor):
    async def intercept_stream_stream(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        course = self.course(client_call_details, replayable=False)
        call = await continuation(details_of(client_call_details, course), request_iterator)
        return TalkedCall(course, call, following)


def details_of(given: Any, course: Course) -> Any:
    """The details of the next attempt: the caller's, with the credential, and with what is left of the time."""
    return grpc.aio.ClientCallDetails(given.method, course.left, given.metadata, course.credentials, given.wait_for_ready)


async def following(course: Course, answer: Answer) -> Again | Note | None:
    """What follows from an attempt that has ended. Waits for a token to be renewed, as long as the call may last."""
    try:
        judging = course.judging(answer)
        if judging is None or judging.done():
            return course.following(answer, judging.result(0) if judging else None)
        return course.following(answer, await asyncio.wait_for(_outcome(judging), course.left))
    except TimeoutError:
        return course.overdue(answer)
    except Exception as error:  # noqa: BLE001 - the answer is there, and somebody waits for it
        return course.unjudged(answer, error)


async def _outcome(judging: Pending[Judgement]) -> Judgement:
    return await judging
