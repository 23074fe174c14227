"""A stream of answers: made once more, if need be, as long as nothing of it has been read."""

# ruff: noqa: D102 - what grpc.Call says of its methods holds here

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

import grpc

from authweave.hosts.grpc.course import Again, Course
from authweave.hosts.grpc.notes import Note, noted
from authweave.hosts.grpc.waited import following

_MAY_FOLLOW: Final = frozenset({grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED})


class StreamCall(grpc.Call):
    """The iterator that a call with many answers gives. Its end is judged in the thread that reads, or asks how it ended.

    Everything but that is what gRPC's own call of the attempt under way has (`__getattr__`).
    """

    def __init__(self, course: Course, send: Callable[[], Any]) -> None:
        self._course = course
        self._send = send
        self._lock = threading.RLock()
        self._is_cancelled = threading.Event()
        self._callbacks: list[Callable[[], None]] = []
        self._judged: tuple[Any, Again | Note | None] = (None, None)
        self._call = send()

    def __iter__(self) -> StreamCall:
        return self

    def __next__(self) -> Any:
        while True:
            call = self._call
            try:
                message = next(call)
            except StopIteration:
                self._step(call)
                raise
            except grpc.RpcError as error:
                if not self._is_sent_again(call):
                    step = self._step(call)
                    raise noted(error, step if isinstance(step, Note) else None) from None
            else:
                self._course.is_read = True
                return message

    def _step(self, call: Any) -> Again | Note | None:
        """What follows from the end of an attempt: asked once for each."""
        with self._lock:
            if self._judged[0] is not call:
                self._judged = (call, None if self._is_cancelled.is_set() else following(self._course, call))
                if not isinstance(self._judged[1], Again):
                    self._tell()
            return self._judged[1]

    def _is_sent_again(self, call: Any) -> bool:
        """Did another attempt take the place of this one, which has ended?"""
        step = self._step(call)
        if not isinstance(step, Again) or self._is_cancelled.wait(step.seconds):
            return False
        with self._lock:
            if self._call is call and not self._is_cancelled.is_set():
                self._call = self._send()
                self._watch(self._call)
            return self._call is not call

    def _last(self) -> Any:
        """The last attempt, once it has ended."""
        while True:
            call = self._call
            call.code()
            if not self._is_sent_again(call):
                return call

    def cancel(self) -> bool:
        """Also between two attempts; a renewal under way goes on."""
        self._is_cancelled.set()
        return bool(self._call.cancel())

    def initial_metadata(self) -> Any:
        """Who has seen them has read a part of the answer."""
        self._course.is_read = True
        return self._call.initial_metadata()

    def trailing_metadata(self) -> Any:
        return self._last().trailing_metadata()

    def code(self) -> Any:
        return self._last().code()

    def details(self) -> Any:
        return self._last().details()

    def is_active(self) -> bool:
        return bool(self._call.is_active())

    def time_remaining(self) -> Any:
        return self._call.time_remaining()

    def add_callback(self, callback: Callable[[], None]) -> bool:
        """Called once the last attempt has ended: where another one could follow, when it is known that none does."""
        with self._lock:
            if not self._call.is_active():
                return False
            self._callbacks.append(callback)
            if len(self._callbacks) == 1:
                self._watch(self._call)
        return True

    def _watch(self, call: Any) -> None:
        if self._callbacks and not call.add_callback(lambda: self._ended(call)):
            self._ended(call)

    def _ended(self, call: Any) -> None:
        could_follow = self._course.replayable and not self._course.is_read and call.code() in _MAY_FOLLOW
        if self._call is call and (self._is_cancelled.is_set() or not could_follow):
            self._tell()

    def _tell(self) -> None:
        with self._lock:
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)
