"""The doors of one connection side by side, in threads and loops: one token, no storm, and nothing of one request left in the next."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor

import aiohttp
import pytest

from authweave.errors import OriginRefused
from authweave.hosts.aiohttp import ProfileAuth, judgement_of
from doors import DOORS, outcome_of
from redirecting import Carrier
from services import Api, Identity, Reply, between, connect, engine, oauth, serving
from sockets import Server, hang_after_request

PLAIN = Carrier("plain", {})


def test_every_door_at_once_asks_for_one_token():
    """Threads with httpx and requests, and loops with aiohttp, of one connection: one token request, each answer accepted."""
    with between(Identity(), Api()) as (identity, api):
        connection = connect(oauth(identity), api)
        with ThreadPoolExecutor(9) as pool:
            ends = list(pool.map(lambda number: outcome_of([*DOORS.values()][number % 3], connection, PLAIN, f"{api.url}/{number}"), range(45)))

    assert {(200, "accepted")} == set(ends)
    assert (1, 45) == (identity.count, api.count)


@pytest.mark.parametrize("door", DOORS)
def test_an_api_that_always_refuses_makes_no_storm(door):
    """Eight threads, forty requests, each 401: never more than two sends of one request, and hardly a token request."""
    with between(Identity(), Api(accepts=lambda token: False)) as (identity, api):
        connection = connect(oauth(identity), api)
        with ThreadPoolExecutor(8) as pool:
            ends = list(pool.map(lambda number: outcome_of(DOORS[door], connection, PLAIN, f"{api.url}/{number}"), range(40)))
    sends = [asked.target for asked in api.asked]

    assert {(401, "refused")} == set(ends)
    assert 2 >= max(map(sends.count, sends))
    assert identity.count < 10  # one a second at the most, however busy the machine


@pytest.mark.parametrize("door", DOORS)
def test_a_token_endpoint_that_hangs_ends_with_its_deadline(door):
    """The wait is over by the deadline of the token call, with an error of ours, and nothing was sent to the API."""
    with Server(hang_after_request) as identity, serving(Api()) as api:
        connection = connect(oauth(f"{identity.url}token"), api, run=engine(settings={"deadline": 0.5}))
        end = outcome_of(DOORS[door], connection, PLAIN, api.url)

    assert "DeadlineExceeded" == end
    assert [] == api.asked


@pytest.mark.parametrize("door", DOORS)
def test_a_cookie_that_the_api_sets_anew_stays_at_home(door):
    """An API that answers a placed cookie with Set-Cookie of the same: the client's jar, which knows no ports, has it now. Led elsewhere, it is
    taken out by its name; the API's other cookies are the client's."""
    cookie = Carrier("cookie", {"type": "api_key", "fields": [{"in": "cookie", "key": "sid", "value": "{{ inputs.api_key }}"}]})
    with serving(Api()) as other, serving(Api()) as api:
        api.good = Reply(302, b"", (("Location", f"{other.url}/x"), ("Set-Cookie", "sid=k3y-planted; Path=/"), ("Set-Cookie", "own=1; Path=/")))
        connection = connect(cookie.auth, api, run=engine(inputs={"api_key": "k3y-planted"}))
        assert (200, "inconclusive") == outcome_of(DOORS[door], connection, cookie, api.url)

    assert (["sid=k3y-planted"], ["own=1"]) == (api.asked[0].values("cookie"), other.asked[0].values("cookie"))


def test_two_tenants_in_one_session_of_aiohttp_stay_apart():
    """The same session, task and URL, a key of each tenant in turns: each request has its own, and a URL elsewhere is refused for either."""
    with serving(Api()) as api, serving(Api()) as other:
        blue, red = (ProfileAuth(connect({"type": "api_key"}, api, run=engine(inputs={"api_key": key}))) for key in ("key-of-blue", "key-of-red"))

        async def run():
            async with aiohttp.ClientSession() as session:
                for auth in (blue, red) * 3:
                    async with session.get(f"{api.url}/x", middlewares=(auth,)):
                        pass
                    with pytest.raises(OriginRefused):
                        await session.get(f"{other.url}/x", middlewares=(auth,))

        asyncio.run(run())

    assert [["key-of-blue"], ["key-of-red"]] * 3 == [asked.values("x-api-key") for asked in api.asked]
    assert [] == other.asked


def test_a_request_that_was_cancelled_leaves_nothing_in_the_next():
    """Cancelled while the API is silent, in the same task and session: the next request is a first one, whole, and its URL is judged anew."""
    fields = [{"in": place, "key": "key", "value": "{{ inputs.api_key }}"} for place in ("query", "payload")]
    silent = Reply(200, chunks=(5.0,))
    with serving(Api(good=silent)) as api, serving(Api()) as other:
        auth = ProfileAuth(connect({"type": "api_key", "fields": fields}, api, run=engine(inputs={"api_key": "k3y"})))

        async def run():
            async with aiohttp.ClientSession(middlewares=(auth,)) as session:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(None) as time, session.post(f"{api.url}/a", json={"n": 1}) as response:
                        time.reschedule(0)
                        await response.read()
                with pytest.raises(OriginRefused):
                    await session.post(f"{other.url}/b", json={"n": 2})
                api.good = Reply()
                async with session.post(f"{api.url}/c", json={"n": 3}) as response:
                    return judgement_of(response).verdict

        assert "accepted" == asyncio.run(run())

    assert [("/a?key=k3y", b'{"n": 1,"key":"k3y"}'), ("/c?key=k3y", b'{"n": 3,"key":"k3y"}')] == [(asked.target, asked.body) for asked in api.asked]


def test_what_another_middleware_leads_elsewhere_is_not_judged():
    """A middleware behind this one that chooses another server: its 401 renews no token, and what it asks for (Digest) it does not get."""
    asks = Reply(401, b"{}", (("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256'),))
    with serving(Api(accepts=lambda token: False, refusal=asks)) as other, serving(Api()) as api:
        auth = ProfileAuth(connect({"type": "digest"}, api, run=engine(inputs={"username": "ada", "password": "k3y"})))

        async def elsewhere(request, handler):
            request.url = type(request.url)(f"{other.url}/x")
            return await handler(request)

        async def run():
            async with aiohttp.ClientSession(middlewares=(auth, elsewhere)) as session, session.get(f"{api.url}/x") as response:
                return judgement_of(response).verdict

        assert "inconclusive" == asyncio.run(run())

    assert [[]] == [asked.values("authorization") for asked in other.asked]


def test_what_another_middleware_sends_once_more_is_no_redirect():
    """A middleware that tries again after a 503 sends the same request: placed anew, its path template included, as the first time."""
    fields = [{"in": place, "key": "key", "value": "{{ inputs.api_key }}"} for place in ("path", "payload")]

    async def again(request, handler):
        while (response := await handler(request)).status == 503:
            response.release()
            api.good = Reply()
        return response

    async def run():
        async with aiohttp.ClientSession(middlewares=(again, auth)) as session, session.post(f"{api.url}/?a=1", json={"n": 1}) as response:
            return judgement_of(response).verdict

    with serving(Api(good=Reply(503))) as api:
        auth = ProfileAuth(connect({"type": "api_key", "fields": fields}, f"{api.url}/bot{{key}}", run=engine(inputs={"api_key": "k3y"}))).at("/bot{key}/x")
        assert "accepted" == asyncio.run(run())

    assert [("/botk3y/x?a=1", b'{"n": 1,"key":"k3y"}')] * 2 == [(asked.target, asked.body) for asked in api.asked]
