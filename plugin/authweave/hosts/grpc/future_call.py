"""A unary answer that is asked for with `.future()`: nobody waits, and the call is made once more in the background."""

# ruff: noqa: D102 - what grpc.Call and grpc.Future say of their methods holds here

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc

from authweave.hosts.grpc.course import Again, Answer, Course
from authweave.hosts.grpc.notes import Note, noted
from authweave.hosts.grpc.waited import answer_of

if TYPE_CHECKING:
    from authweave.pending import Pending
    from authweave.values import Judgement


class FutureCall(grpc.Call, grpc.Future):  # type: ignore[type-arg]  # generic in its stubs alone
    """What `.future()` gives: done once the last attempt is. gRPC's threads, which end the attempts, never wait in here."""

    def __init__(self, course: Course, call: Any, send: Callable[[], Any]) -> None:
        self._course = course
        self._send = send
        self._call = call
        self._lock = threading.Condition()
        self._is_settled = self._is_cancelled = False
        self._timer = threading.Timer(0, int)
        self._callbacks: list[Callable[[Any], Any]] = []
        call.add_done_callback(self._ended)

    def _ended(self, call: Any) -> None:
        if self._is_cancelled:
            return self._settle(call, None)
        answer = answer_of(call)
        try:
            judging = self._course.judging(answer)
        except Exception as error:  # noqa: BLE001 - the answer is there, and somebody waits for it
            return self._settle(call, self._course.unjudged(answer, error))
        if judging is None or judging.done():
            return self._judged(call, answer, judging)
        if (left := self._course.left) is not None:
            self._timer = _later(left, partial(self._overdue, call, answer))
        judging.add_done_callback(partial(self._judged, call, answer))
        return None

    def _judged(self, call: Any, answer: Answer, judging: Pending[Judgement] | None) -> None:
        self._timer.cancel()
        if self._is_settled:
            return None
        try:
            step = self._course.following(answer, judging.result(0) if judging else None)
        except Exception as error:  # noqa: BLE001 - the answer is there, and somebody waits for it
            step = self._course.unjudged(answer, error)
        if not isinstance(step, Again):
            return self._settle(call, step)
        if not step.seconds:
            return self._begin_again(call)
        self._timer = _later(step.seconds, partial(self._begin_again, call))
        return None

    def _overdue(self, call: Any, answer: Answer) -> None:
        self._settle(call, self._course.overdue(answer))

    def _begin_again(self, before: Any) -> None:
        with self._lock:
            if self._is_cancelled or self._is_settled:
                return None
            try:
                self._call = call = self._send()
            except Exception:  # noqa: BLE001 - as of a channel that was closed meanwhile: the first answer stands
                call = None
        if call is None:
            return self._settle(before, None)
        call.add_done_callback(self._ended)
        return None

    def _settle(self, call: Any, note: Note | None) -> None:
        """This call is the last one."""
        with self._lock:
            if self._is_settled:
                return
            if note is not None and not call.cancelled():
                noted(call.exception(), note)
            self._call, self._is_settled = call, True
            self._timer.cancel()
            callbacks, self._callbacks = self._callbacks, []
            self._lock.notify_all()
        for tell in callbacks:
            tell(self)

    def _waited(self, timeout: float | None) -> Any:
        with self._lock:
            if not self._lock.wait_for(lambda: self._is_settled, timeout):
                raise grpc.FutureTimeoutError
            if self._is_cancelled:
                raise grpc.FutureCancelledError
            return self._call

    def cancel(self) -> bool:
        """Also between two attempts; a renewal under way goes on."""
        with self._lock:
            if self._is_settled:
                return False
            self._is_cancelled = True
            call = self._call
        call.cancel()
        self._settle(call, None)
        return True

    def result(self, timeout: float | None = None) -> Any:
        return self._waited(timeout).result()

    def exception(self, timeout: float | None = None) -> Any:
        return self._waited(timeout).exception()

    def traceback(self, timeout: float | None = None) -> Any:
        return self._waited(timeout).traceback()

    def add_done_callback(self, fn: Callable[[Any], Any]) -> None:
        with self._lock:
            if not self._is_settled:
                self._callbacks.append(fn)
                return
        fn(self)

    def add_callback(self, callback: Callable[[], None]) -> bool:
        with self._lock:
            if self._is_settled:
                return False
            self._callbacks.append(lambda _: callback())
        return True

    def cancelled(self) -> bool:
        return self._is_cancelled or (self._is_settled and bool(self._call.cancelled()))

    def running(self) -> bool:
        return not self._is_settled

    def done(self) -> bool:
        return self._is_settled

    def is_active(self) -> bool:
        return not self._is_settled

    def time_remaining(self) -> Any:
        return self._course.left

    def initial_metadata(self) -> Any:
        return self._last().initial_metadata()

    def trailing_metadata(self) -> Any:
        return self._last().trailing_metadata()

    def code(self) -> Any:
        return self._last().code()

    def details(self) -> Any:
        return self._last().details()

    def _last(self) -> Any:
        with self._lock:
            self._lock.wait_for(lambda: self._is_settled)
            return self._call


def _later(seconds: float, work: Callable[[], None]) -> threading.Timer:
    timer = threading.Timer(seconds, work)
    timer.daemon = True
    timer.start()
    return timer
