"""The auth object for httpx and httpx2, sync and async: the only file in two colours.

What a warm token costs per request decides whether platforms use this (tests/benchmarks measures it), so header fields
that do not depend on the request go a quick way: see `quick`.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from authweave.applying.flow import MOVED, following, prepared
from authweave.applying.sent import Sent
from authweave.applying.verdicts import ACCEPTED, wants_body
from authweave.clients.hops import guarded, made_anew, moved_to, strayed
from authweave.clients.quick import Quick, quick_of
from authweave.clients.requests import (
    EXTENSION,
    answer_of,
    can_repeat,
    content_at_hand,
    is_multipart,
    put_back,
    rewritten,
    subject_of,
    task_of,
    without_placed,
)
from authweave.errors import AuthweaveError
from authweave.tokens.flights import landed, outcome
from authweave.values import Judgement, TaskRequest

if TYPE_CHECKING:
    from authweave.connections.connection import Connection

Flow = Generator[Any, Any, None]


def profile_auth(connection: Connection) -> Any:
    """The auth object of a connection: an instance of every `Auth` base that is loaded, for each wants its own."""
    loaded = [sys.modules[name] for name in ("httpx", "httpx2") if name in sys.modules]
    if not loaded:
        import httpx

        loaded = [httpx]
    return _class_of(tuple(dict.fromkeys(module.Auth for module in loaded)))(connection)  # one may stand in for the other


@functools.cache
def _class_of(bases: tuple[type, ...]) -> type:
    return type("ProfileAuth", (_ProfileAuth, *bases), {"__doc__": _ProfileAuth.__doc__})


class _ProfileAuth:
    """Applies a connection's profile. Give it to a client as `auth=`; safe to share between clients, threads and loops.

    Raises, before anything is sent, ApplyError, InputError, TokenError, WireError. Never raises for the API's answer:
    the response comes back unchanged, with the Judgement in `response.extensions["authweave"]`.
    """

    requires_request_body = False
    requires_response_body = False

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._clock = connection.engine.clock
        self._quick: Quick | None = None

    def sync_auth_flow(self, request: Any) -> Flow:
        """The flow for `httpx.Client`."""
        quick = self._quick
        if quick is not None and self._clock() < quick.good_until and (guard := self._way(quick, request)):
            request.extensions["trace"] = guard.in_sync
            for name, value in quick.headers:
                request.headers[name] = value
            response = yield request
            if response.status_code < 400 and not quick.judges and not response.history:
                response.extensions[EXTENSION] = ACCEPTED
                return
            flow = self._after(request, quick.sent, response, "in_sync")
        else:
            if self._connection.reads_body and is_multipart(request):
                request.read()
            flow = self._whole(request, "in_sync")
        asked = _advanced(flow, None)
        while asked is not None:
            if isinstance(asked, Future):
                asked = _landed(flow, asked)
            elif isinstance(asked, _Read):
                asked = _advanced(flow, b"".join(asked.response.iter_raw()))
            else:
                asked = _advanced(flow, (yield asked))

    async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
        """The flow for `httpx.AsyncClient`."""
        quick = self._quick
        if quick is not None and self._clock() < quick.good_until and (guard := self._way(quick, request)):
            request.extensions["trace"] = guard.in_async
            for name, value in quick.headers:
                request.headers[name] = value
            response = yield request
            if response.status_code < 400 and not quick.judges and not response.history:
                response.extensions[EXTENSION] = ACCEPTED
                return
            flow = self._after(request, quick.sent, response, "in_async")
        else:
            if self._connection.reads_body and is_multipart(request):
                await request.aread()
            flow = self._whole(request, "in_async")
        asked = _advanced(flow, None)
        while asked is not None:
            if isinstance(asked, Future):
                await _settled(asked)
                asked = _landed(flow, asked)
            elif isinstance(asked, _Read):
                asked = _advanced(flow, b"".join([piece async for piece in asked.response.aiter_raw()]))
            else:
                asked = _advanced(flow, (yield asked))

    def _way(self, quick: Quick, request: Any) -> Any:
        """The guard of the quick way, or None where this request cannot go it."""
        tokens, held = quick.tokens, quick.held
        if tokens is not None and tokens.current is not quick.token:
            return None
        if held is not None and held.good_until != quick.held_until:
            return None
        extensions = request.extensions
        if len(extensions) > 1 or (extensions and "timeout" not in extensions):
            return None
        return quick.guard(request.url)

    def _whole(self, request: Any, colour: str) -> Flow:
        """The flow in neutral colour: yields a Future to wait for, a response to read, or a request to send."""
        task, connection = task_of(request), self._connection.of_subject(subject_of(request))
        sent = yield from prepared(connection, task)
        if connection is self._connection:
            self._quick = quick_of(sent, connection)
        first = guarded(rewritten(request, sent), task, sent, colour)
        response = yield first
        yield from self._judged(request, first, task, sent, response, colour)

    def _after(self, request: Any, template: Sent, response: Any, colour: str) -> Flow:
        """What follows a quick request whose answer is not plainly good."""
        task = task_of(request)
        yield from self._judged(request, request, task, template.of(task), response, colour)

    def _judged(self, request: Any, first: Any, task: TaskRequest, sent: Sent, response: Any, colour: str) -> Flow:
        if (moved := moved_to(response, first, sent)) is not None:
            request, task = moved, without_placed(task_of(moved), sent)
            with contextlib.suppress(AuthweaveError):  # then the answer that is there stands
                sent = replace((yield from prepared(sent.credential.connection, task)), tried=frozenset({MOVED}))
                first = guarded(rewritten(request, sent), task, sent, colour)
                response = yield first
        while (verdict := strayed(response, first)) is None:
            if (hop := made_anew(response, first, sent)) is not None:
                request, task, sent = hop
            answer = yield from _answered(sent, response)
            connection = sent.credential.connection
            step = yield from following(connection, task, sent, answer, can_repeat=not task.streamed or can_repeat(request))
            if isinstance(step, Judgement):
                verdict = step
                break
            sent = step
            if connection is self._connection:
                self._quick = quick_of(sent, connection)
            first = guarded(rewritten(request, sent), task, sent, colour)
            response = yield first
        response.extensions[EXTENSION] = verdict


class _Read:
    """Asks the driver for a response's raw body."""

    __slots__ = ("response",)

    def __init__(self, response: Any) -> None:
        self.response = response


def _answered(sent: Sent, response: Any) -> Generator[Any, Any, Any]:
    """The answer in neutral form; its body only where a rule reads it, and it is small and sized. The caller can read
    it again, in whatever way: `iter_raw`, too.
    """
    with_peer = sent.credential.seal is not None
    answer = answer_of(response, with_peer=with_peer)
    if not wants_body(sent.credential.variant, answer):
        return answer
    body = content_at_hand(response)
    if body is None and not response.is_stream_consumed:
        body = put_back(response, (yield _Read(response)))
    return answer_of(response, body, with_peer=with_peer)


def _advanced(flow: Flow, value: Any) -> Any:
    """The next step. Raises errors as copies: the frames in which they arose hold what was revealed there."""
    return _stepped(flow.send, value)


def _stepped(step: Callable[[Any], Any], value: Any) -> Any:
    failure: AuthweaveError
    try:
        return step(value)
    except StopIteration:
        return None
    except AuthweaveError as error:
        failure = error.fresh()
    raise failure


def _landed(flow: Flow, future: Future[Any]) -> Any:
    """Give the flow the result it waited for, or the error, as a copy of its own."""
    failure: AuthweaveError
    try:
        result = outcome(future)
    except AuthweaveError as error:
        failure = error.fresh()
    else:
        return _advanced(flow, result)
    return _stepped(flow.throw, failure)


async def _settled(future: Future[Any]) -> None:
    """Wait without blocking the loop; the outcome is taken afterwards."""
    try:
        await landed(future)
    except AuthweaveError:
        return
