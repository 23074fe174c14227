"""A result that may still be on its way: one shape for threads and for event loops."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from functools import partial
from typing import Any, Generic, TypeVar

from authweave.errors import AuthweaveError, UnexpectedFailure
from authweave.tokens.flights import landed, outcome

T = TypeVar("T")


class Pending(Generic[T]):
    """`.result(timeout)` in any thread, `await` in any event loop. Already done when nothing had to be waited for.

    Each who asks gets the result, or a copy of the error of their own. Giving up waiting does not stop the work.
    """

    __slots__ = ("_future", "_value")

    _value: T

    def __init__(self, future: Future[T]) -> None:
        self._future: Future[T] | None = future

    @classmethod
    def of(cls, flow: Generator[Future[Any], Any, T]) -> Pending[T]:
        """Drive a flow that yields futures to wait for and returns the result. Its steps run where the future lands."""
        try:
            asked = _far(flow, partial(next, flow))
        except StopIteration as stop:
            return cls.holding(stop.value)
        except Exception as error:  # noqa: BLE001 - it is handed to whoever asks for the result
            return cls(_failed(error))
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        asked.add_done_callback(lambda landed: _advance(flow, future, _Resume(flow, landed)))
        return cls(future)

    @classmethod
    def holding(cls, value: T) -> Pending[T]:
        """One that is done, without the price of a Future: what most calls get, most of the time."""
        made = cls.__new__(cls)
        made._future, made._value = None, value
        return made

    @classmethod
    def at_once(cls, work: Callable[[], T]) -> Pending[T]:
        """What some work gives that needs no waiting; what it raises is raised to whoever asks for the result."""
        return cls.of(_at_once(work))

    def done(self) -> bool:
        """Is the result there?"""
        return self._future is None or self._future.done()

    def result(self, timeout: float | None = None) -> T:
        """The result. Raises what the work raised, or TimeoutError after `timeout` seconds."""
        if self._future is None:
            return self._value
        try:
            self._future.exception(timeout)
        except FutureTimeout:
            raise TimeoutError(f"not done within {timeout} s") from None
        return outcome(self._future)  # type: ignore[no-any-return]  # a Future[T] gives a T

    def add_done_callback(self, tell: Callable[[Pending[T]], object]) -> None:
        """Call this with the Pending once it is done: at once, if it is, else in the thread where the work lands. It must not block."""
        if self._future is None:
            tell(self)
        else:
            self._future.add_done_callback(lambda _: tell(self))

    def __await__(self) -> Generator[Any, None, T]:
        if self._future is None:
            return self._value
        return (yield from landed(self._future).__await__())  # type: ignore[no-any-return]  # a Future[T] gives a T


def _at_once(work: Callable[[], T]) -> Generator[Future[Any], Any, T]:
    yield from ()
    return work()


def _far(flow: Generator[Future[Any], Any, Any], step: Callable[[], Future[Any]]) -> Future[Any]:
    """Take steps as long as what they wait for is there; what is not. Raises StopIteration with the result, or what a step raised."""
    while (asked := step()).done():
        step = _Resume(flow, asked)
    return asked


def _advance(flow: Generator[Future[Any], Any, T], done: Future[T], step: Callable[[], Future[Any]]) -> None:
    """Go on, and come back when what there is to wait for has landed."""
    try:
        asked = _far(flow, step)
    except StopIteration as stop:
        done.set_result(stop.value)
    except Exception as error:  # noqa: BLE001 - it is handed to whoever asks for the result
        done.set_exception(_copied(error))
    else:
        asked.add_done_callback(lambda landed: _advance(flow, done, _Resume(flow, landed)))


def _failed(error: Exception) -> Future[Any]:
    failed: Future[Any] = Future()
    failed.set_exception(_copied(error))
    return failed


def _copied(error: Exception) -> Exception:
    """Without the frames in which it arose: they hold what was revealed there. What is no error of ours names its kind and place."""
    return error.fresh() if isinstance(error, AuthweaveError) else UnexpectedFailure.of(error)


class _Resume:
    """The next step: the flow with what it waited for."""

    __slots__ = ("asked", "flow")

    def __init__(self, flow: Generator[Future[Any], Any, Any], asked: Future[Any]) -> None:
        self.flow = flow
        self.asked = asked

    def __call__(self) -> Future[Any]:
        return _resume(self.flow, self.asked)


def _resume(flow: Generator[Future[Any], Any, Any], asked: Future[Any]) -> Future[Any]:
    error = asked.exception()
    if error is None:
        return flow.send(asked.result())
    return flow.throw(error.fresh() if isinstance(error, AuthweaveError) else error)
