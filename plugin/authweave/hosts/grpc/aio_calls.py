"""Calls of asyncio that are not made again: gRPC's own, but that their end is judged before its error is raised."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

from authweave.hosts.grpc.course import Again, Answer, Course
from authweave.hosts.grpc.notes import Note, noted

Judge = Callable[[Course, Answer], Awaitable[Again | Note | None]]
"""What follows from an answer; `asynchronous.following`."""


def answer_of(error: grpc.aio.AioRpcError) -> Answer:
    """How an attempt failed."""
    return Answer.of(error.code(), error.trailing_metadata(), error.initial_metadata())


class _Judged:
    """What the calls have in common: the end is judged whether somebody waits for it or not.

    gRPC ends a call twice where a write of its own fails before the server's status comes (INTERNAL, "Internal error from
    Core"; then the status): the last end counts.
    """

    def __init__(self, course: Course, call: Any, judge: Judge) -> None:
        self._course = course
        self._call = call
        self._judge = judge
        self._end: asyncio.Task[Again | Note | None] | None = None
        call.add_done_callback(lambda _: self._judged_anew())

    def _judged_anew(self) -> asyncio.Task[Again | Note | None]:
        self._end = asyncio.get_running_loop().create_task(self._judging())
        return self._end

    async def _judging(self) -> Again | Note | None:
        call = self._call
        if call.cancelled():
            return None
        answer = Answer.of(await call.code(), await call.trailing_metadata(), await call.initial_metadata())
        return await self._judge(self._course, answer)

    async def _noted(self, error: grpc.aio.AioRpcError) -> Any:
        step = await (self._end or self._judged_anew())
        return noted(error, step if isinstance(step, Note) else None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)


class GatheredCall(_Judged):
    """A call with one answer to a stream of requests."""

    def __await__(self) -> Any:
        return self._answer().__await__()

    async def _answer(self) -> Any:
        try:
            return await self._call
        except grpc.aio.AioRpcError as error:
            raise await self._noted(error) from None


class _StreamCall(_Judged):
    """A call with a stream of answers; `first` are those that were read before."""

    def __init__(self, course: Course, call: Any, judge: Judge, *first: Any) -> None:
        super().__init__(course, call, judge)
        self._answers = self._reading(first)

    async def _reading(self, first: tuple[Any, ...]) -> AsyncIterator[Any]:
        for message in first:
            if message is grpc.aio.EOF:
                return
            yield message
        try:
            while (message := await self._call.read()) is not grpc.aio.EOF:
                self._course.is_read = True
                yield message
        except grpc.aio.AioRpcError as error:
            raise await self._noted(error) from None

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._answers

    async def read(self) -> Any:
        return await anext(self._answers, grpc.aio.EOF)

    async def write(self, request: Any) -> None:
        await self._call.write(request)

    async def done_writing(self) -> None:
        await self._call.done_writing()

    def cancel(self) -> bool:
        return bool(self._call.cancel())

    def cancelled(self) -> bool:
        return bool(self._call.cancelled())

    def done(self) -> bool:
        return bool(self._call.done())

    def time_remaining(self) -> Any:
        return self._call.time_remaining()

    def add_done_callback(self, callback: Any) -> None:
        self._call.add_done_callback(callback)

    async def initial_metadata(self) -> Any:
        return await self._call.initial_metadata()

    async def trailing_metadata(self) -> Any:
        return await self._call.trailing_metadata()

    async def code(self) -> Any:
        return await self._call.code()

    async def details(self) -> Any:
        return await self._call.details()

    async def wait_for_connection(self) -> None:
        await self._call.wait_for_connection()


class CountedCall(_StreamCall, grpc.aio.UnaryStreamCall[Any, Any]):
    """Of one request."""


class TalkedCall(_StreamCall, grpc.aio.StreamStreamCall[Any, Any]):
    """Of a stream of requests."""
