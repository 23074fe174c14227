"""An API that says 401 to everything, a hundred requests a second, through every door: one renewal and one retry at most for each, and then a pause."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
import httpx
import httpx2
import pytest
import requests

from authweave.errors import AuthweaveError, EndpointPaused
from authweave.hosts.aiohttp import ProfileAuth as AiohttpAuth
from authweave.hosts.requests import ProfileAuth as RequestsAuth
from authweave.sending import over_wire
from authweave.values import TaskRequest, TaskResponse
from services import Api, Identity, Still, connect, engine, oauth, serving
from thorough import few

RATE = 100
SECONDS = 2
Ask = Callable[[str], object]


@contextmanager
def by_httpx(connection: Any) -> Iterator[Ask]:
    with httpx.Client(auth=connection.auth, trust_env=False) as client:
        yield client.get


@contextmanager
def by_httpx2(connection: Any) -> Iterator[Ask]:
    with httpx2.Client(auth=connection.auth, trust_env=False) as client:
        yield client.get


@contextmanager
def by_client(connection: Any) -> Iterator[Ask]:
    with connection.client(trust_env=False) as client:
        yield client.get


@contextmanager
def by_async_client(connection: Any) -> Iterator[Ask]:
    with asyncio.Runner() as loop:
        client = connection.async_client(trust_env=False)
        yield lambda url: loop.run(client.get(url))
        loop.run(client.aclose())


@contextmanager
def by_requests(connection: Any) -> Iterator[Ask]:
    with requests.Session() as session:
        session.trust_env, session.auth = False, RequestsAuth(connection)
        yield session.get


@contextmanager
def by_aiohttp(connection: Any) -> Iterator[Ask]:
    async def opened() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(middlewares=(AiohttpAuth(connection),))

    with asyncio.Runner() as loop:
        session = loop.run(opened())

        async def get(url: str) -> int:
            async with session.get(url) as response:
                return response.status

        yield lambda url: loop.run(get(url))
        loop.run(session.close())


@contextmanager
def by_platform(connection: Any, *, forgets: bool = False) -> Iterator[Ask]:
    """A platform that sends by itself, and asks what to do with each answer."""
    with httpx.Client(trust_env=False) as client:

        def sent(request: TaskRequest) -> Any:
            said = client.request(request.method, request.url, headers=list(request.headers))
            return connection.handle_response(request, TaskResponse(said.status_code, tuple(said.headers.items()), said.content)).result(20)

        def ask(url: str) -> None:
            judgement = sent(connection.authorize(TaskRequest("GET", url)).result(20))
            if judgement.verdict == "send_again":
                sent(connection.authorize(TaskRequest("GET", url)).result(20) if forgets else judgement.request)

        yield ask


def by_forgetful_platform(connection: Any) -> Any:
    """One that does not send what it is told to, but the request from its beginning: each is the first of its kind for us."""
    return by_platform(connection, forgets=True)


@contextmanager
def by_wire(connection: Any) -> Iterator[Ask]:
    """`authweave request`."""
    yield lambda url: over_wire(connection, TaskRequest("GET", url), seconds=20.0, cap=1000)


DOORS = [by_wire, by_httpx, by_httpx2, by_forgetful_platform, by_client, by_async_client, by_platform, by_requests, by_aiohttp]


@pytest.mark.parametrize("door", few(DOORS, every=5))
def test_no_storm(door):
    """Two hundred requests in two seconds: two tokens in all, and one request was sent twice; where tokens end at once, one a second."""
    for identity, tokens in (({}, 2), ({"refresh": True}, 2), ({"expires_in": 0}, 2 + 2 * SECONDS)):
        clock, outcomes, worst = Still(), Counter(), (0, 0)
        with serving(Identity(**identity)) as asked, serving(Api(accepts=lambda _: False)) as api:
            run = engine(clock=clock)
            run.flights.rest = lambda pause, clock=clock: setattr(clock, "ahead", clock.ahead + pause)
            with door(connect(oauth(asked), api, run=run)) as ask:
                for _ in range(SECONDS * RATE):
                    clock.ahead += 1 / RATE
                    before = asked.count, api.count
                    try:
                        ask(f"{api.url}/x")
                        outcomes["asked"] += 1
                    except AuthweaveError as error:
                        outcomes[type(error)] += 1
                    worst = max(worst[0], asked.count - before[0]), max(worst[1], api.count - before[1])

        assert outcomes.keys() <= {"asked", EndpointPaused}, outcomes
        assert 1 <= asked.count <= tokens, (identity, asked.count)
        assert worst[0] <= (3 if door is by_forgetful_platform else 2), identity
        assert worst[1] <= 2, identity
        assert api.count <= outcomes["asked"] + asked.count
