"""Interceptors for asyncio channels: each call gets the credential, and is made once more where that is safe.

A call whose requests are a stream has to be given back at once, since they are written only then; its end is judged when
it comes, and it is never made again. Of a stream of answers, the first one is read before the stream is given back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from authweave.hosts.grpc.course import PATIENCE, Again, Answer, Course
from authweave.hosts.grpc.notes import Note, noted
from authweave.hosts.grpc.whose import Whose

if TYPE_CHECKING:
    from authweave.connection import Connection
    from authweave.engine import Engine
    from authweave.hosts.named import Named
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
                return _Stream(course, call).answers(first)


class _StreamUnary(_OfProfile, grpc.aio.StreamUnaryClientInterceptor):
    async def intercept_stream_unary(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        course = self.course(client_call_details, replayable=False)
        call = await continuation(details_of(client_call_details, course), request_iterator)
        _Stream(course, call)
        return call


class _StreamStream(_OfProfile, grpc.aio.StreamStreamClientInterceptor):
    async def intercept_stream_stream(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        course = self.course(client_call_details, replayable=False)
        call = await continuation(details_of(client_call_details, course), request_iterator)
        return _Stream(course, call).answers()


def details_of(given: Any, course: Course) -> Any:
    """The details of the next attempt: the caller's, with the credential, and with what is left of the time."""
    return grpc.aio.ClientCallDetails(given.method, course.left, given.metadata, course.credentials, given.wait_for_ready)


def answer_of(error: grpc.aio.AioRpcError) -> Answer:
    """How an attempt failed."""
    return Answer.of(error.code(), error.trailing_metadata(), error.initial_metadata())


async def following(course: Course, answer: Answer) -> Again | Note | None:
    """What follows from an attempt that has ended. Waits for a token to be renewed, as long as the call may last."""
    judging = course.judging(answer)
    if judging is None or judging.done():
        return course.following(answer, judging.result(0) if judging else None)

    async def judgement() -> Judgement:
        return await judging

    try:
        return course.following(answer, await asyncio.wait_for(judgement(), course.left))
    except TimeoutError:
        return course.overdue(answer)


class _Stream:
    """A call that is not made again: its end is judged once, whether somebody reads it or not."""

    def __init__(self, course: Course, call: Any) -> None:
        self._course = course
        self._call = call
        self._end: asyncio.Task[Again | Note | None] | None = None
        call.add_done_callback(lambda _: self.end())

    def end(self) -> asyncio.Task[Again | Note | None]:
        """What there is to say of the end."""
        if self._end is None:
            self._end = asyncio.get_running_loop().create_task(self._following())
        return self._end

    async def _following(self) -> Again | Note | None:
        if self._call.cancelled():
            return None
        call = self._call
        return await following(self._course, Answer.of(await call.code(), await call.trailing_metadata(), await call.initial_metadata()))

    async def answers(self, *first: Any) -> AsyncIterator[Any]:
        """The answers, after those that were read before."""
        for message in first:
            if message is grpc.aio.EOF:
                return
            yield message
        try:
            while (message := await self._call.read()) is not grpc.aio.EOF:
                yield message
        except grpc.aio.AioRpcError as error:
            step = await self.end()
            raise noted(error, step if isinstance(step, Note) else None) from None
