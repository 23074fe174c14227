"""Digest at Apache's mod_auth_digest and at httpbin: servers that reckon for themselves."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import httpx2
import pytest

from authweave.probe import test_profile
from authweave.values import TaskRequest, TaskResponse
from parts.apache import PASSWORD, USERNAME, Apache
from services import engine, profile

RIGHT = {"username": USERNAME, "password": PASSWORD}
WRONG = {**RIGHT, "password": "wrong"}


def connection(origin: str, given: dict[str, str] = RIGHT, auth: str = "digest", **more: Any) -> Any:
    return engine(inputs={}).connect(profile({"type": auth}, origin, **more), inputs={} if auth == "none" else given)


def client(origin: str, given: dict[str, str] = RIGHT, auth: str = "digest", package: Any = httpx) -> Any:
    return package.Client(auth=connection(origin, given, auth).auth, trust_env=False)


def verdict(response: Any) -> str:
    return str(response.extensions["authweave"].verdict)


@pytest.mark.proves("auth kind: digest")
@pytest.mark.parametrize("package", [httpx, httpx2], ids=lambda package: package.__name__)
def test_apache_opens_for_a_digest(apache: Apache, package: Any) -> None:
    """The password opens, without being sent; another one does not, nor Basic, nor nothing at all."""
    with client(apache.origin, package=package) as http, client(apache.origin, WRONG, package=package) as wrong:
        good, bad = http.get(apache.digest_url), wrong.get(apache.digest_url)
    with client(apache.origin, auth="basic", package=package) as basic, client(apache.origin, auth="none", package=package) as nothing:
        twins = basic.get(apache.digest_url), nothing.get(apache.digest_url)

    assert (good.status_code, good.json(), verdict(good)) == (200, {"user": "me"}, "accepted")
    assert good.request.headers["authorization"].startswith('Digest username="mix-user", realm="parts, digest", nonce=')
    assert (bad.status_code, verdict(bad)) == (401, "refused")
    assert [twin.status_code for twin in twins] == [401, 401]


def test_from_the_second_request_on_the_proof_goes_along(apache: Apache) -> None:
    """One refusal in all; afterwards the nonce is counted up, and Apache's own proof (rspauth) is right."""
    statuses: list[int] = []
    with client(apache.origin) as http:
        http.event_hooks = {"response": [lambda response: statuses.append(response.status_code)]}
        answers = [http.get(f"{apache.digest_url}?page={number}&q=a%20b%2Fc;d=é") for number in range(5)]

    assert statuses == [401, 200, 200, 200, 200, 200]
    assert [answer.request.headers["authorization"].partition("nc=")[2][:8] for answer in answers] == [f"0000000{number}" for number in range(1, 6)]
    assert all('rspauth="' in answer.headers["authentication-info"] for answer in answers)


def test_methods_and_bodies(apache: Apache) -> None:
    """The method is part of the proof; a body at hand is sent again after the challenge."""
    with client(apache.origin) as http:
        answers = [http.request(method, apache.digest_url, content=b"x" * 1000 if method == "POST" else None) for method in ("POST", "HEAD", "GET")]

    assert [answer.status_code for answer in answers] == [200, 200, 200]


def test_a_streamed_body_is_not_sent_twice(apache: Apache) -> None:
    """The first request with a stream is answered with the server's refusal, and says why; after any other call it goes."""
    with client(apache.origin) as http:
        first = http.post(apache.digest_url, content=iter([b"a", b"b"]))
        small = http.get(apache.digest_url)
        second = http.post(apache.digest_url, content=iter([b"a", b"b"]))

    assert (first.status_code, "streamed" in first.extensions["authweave"].reason) == (401, True)
    assert (small.status_code, second.status_code) == (200, 200)


def test_a_nonce_that_has_become_stale(apache: Apache) -> None:
    """It is replaced without an error, and the request sent again."""
    with client(apache.origin) as http:
        first = http.get(apache.short_url)
        time.sleep(2.1)  # the server's own clock decides: AuthDigestNonceLifetime 1
        second = http.get(apache.short_url)

    nonces = [answer.request.headers["authorization"].partition('nonce="')[2].partition('"')[0] for answer in (first, second)]
    assert (first.status_code, second.status_code) == (200, 200)
    assert nonces[0] != nonces[1]


def test_many_at_once_share_one_nonce(apache: Apache) -> None:
    """Threads and tasks count together; all are let in."""
    it = connection(apache.origin)

    with httpx.Client(auth=it.auth, trust_env=False) as http, ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda number: http.get(f"{apache.digest_url}?{number}").status_code, range(40)))

    async def tasks() -> list[int]:
        async with httpx.AsyncClient(auth=it.auth, trust_env=False) as http:
            return [answer.status_code for answer in await asyncio.gather(*(http.get(f"{apache.digest_url}?{number}") for number in range(40)))]

    assert [200] * 40 == statuses == asyncio.run(tasks())


def test_a_platform_that_sends_by_itself(apache: Apache) -> None:
    """`authorize`, and `handle_response` with the refusal: what it gives back is let in."""
    it = connection(apache.origin)
    with httpx.Client(trust_env=False) as http:

        def sent(request: TaskRequest) -> TaskResponse:
            answer = http.request(request.method, request.url, headers=dict(request.headers))
            return TaskResponse(answer.status_code, tuple(answer.headers.multi_items()), answer.content)

        first = it.authorize(TaskRequest("GET", apache.digest_url)).result(5)
        step = it.handle_response(first, sent(first)).result(5)
        last = it.handle_response(step.request, sent(step.request)).result(5)
        preemptive = sent(it.authorize(TaskRequest("GET", apache.digest_url)).result(5))

    assert (step.verdict, last.verdict, preemptive.status) == ("send_again", "accepted", 200)


def test_test_auth_says_what_is_wrong(apache: Apache) -> None:
    """The report of the right password and of a wrong one, through the same path."""
    found = profile({"type": "digest"}, apache.origin, test={"request": {"url": "/digest/me.json"}})
    right, wrong = (test_profile(engine(inputs={}), found, inputs=given) for given in (RIGHT, WRONG))

    assert (right.credential.word, wrong.credential.word) == ("accepted", "refused")
    assert PASSWORD not in str(right) + str(wrong)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "SHA-512"])
@pytest.mark.parametrize("qop", ["auth", "auth-int"])
def test_httpbin_opens_for_a_digest(httpbin: str, qop: str, algorithm: str) -> None:
    """MD5 and SHA-256 with both qualities of protection; what is no algorithm of RFC 7616 (plain SHA-512) is not answered."""
    url = f"{httpbin}/digest-auth/{qop}/user/pass/{algorithm}"
    given = {"username": "user", "password": "pass"}
    with client(httpbin, given) as http, client(httpbin, {**given, "password": "no"}) as wrong:
        good, bad = http.get(url), wrong.get(url)

    is_known = algorithm != "SHA-512"
    assert (good.status_code, bad.status_code) == (200 if is_known else 401, 401)
    assert ("authorization" in good.request.headers) == is_known


def test_httpbin_takes_a_nonce_a_few_times_only(httpbin: str) -> None:
    """Each third request finds its nonce stale, and is sent again with another one."""
    url = f"{httpbin}/digest-auth/auth/user/pass/SHA-256/2"
    with client(httpbin, {"username": "user", "password": "pass"}) as http:
        statuses = [http.get(url).status_code for _ in range(7)]

    assert [200] * 7 == statuses


def test_a_server_that_asks_for_basic_does_not_get_the_password(httpbin: str) -> None:
    """Not in any form: the refusal stands, and one request was all."""
    url = f"{httpbin}/basic-auth/user/pass"
    with client(httpbin, {"username": "user", "password": "pass"}) as http:
        answer = http.get(url)

    assert (401, "refused") == (answer.status_code, verdict(answer))
    assert "authorization" not in answer.request.headers
