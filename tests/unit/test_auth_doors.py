"""The doors: `auth` in httpx and httpx2 of both colours, `client()`, `authorize`, `headers_for`, over real sockets."""

from __future__ import annotations

import asyncio
import copy
import gzip
import itertools
import json
import logging
import os
import pickle
import sys
import threading
import time

import httpx
import httpx2
import pytest

from authweave.clients import url_logs
from authweave.drafts.draft import Placed
from authweave.errors import (
    ConnectFailure,
    CredentialRejected,
    InsufficientScope,
    MissingInput,
    NoServers,
    NoVariant,
    OriginRefused,
    PlacementError,
    TokenEndpointError,
    UrlRefused,
    UsageError,
)
from authweave.values import Secret, TaskRequest, TaskResponse
from httpx2_instead import needs_httpx
from parts.vectors import load
from services import Api, Clock, Identity, Reply, between, connect, engine, oauth, profile, says, serving, until
from sockets import free_port
from thorough import every, few

KEY = {"type": "api_key"}


class Sync:
    """A synchronous client of one of the two packages."""

    def __init__(self, package):
        self.package = package

    def __repr__(self):
        return f"{self.package.__name__} sync"

    def send(self, auth, method, url, *, client=None, **parts):
        with self.package.Client(auth=auth, trust_env=False, **(client or {})) as made:
            return made.request(method, url, **parts)

    def many(self, auth, url, times):
        with self.package.Client(auth=auth, trust_env=False) as made:
            return [made.get(url) for _ in range(times)]


class Async(Sync):
    """The same of the other colour."""

    def __repr__(self):
        return f"{self.package.__name__} async"

    def send(self, auth, method, url, *, client=None, **parts):
        async def run():
            async with self.package.AsyncClient(auth=auth, trust_env=False, **(client or {})) as made:
                return await made.request(method, url, **parts)

        return asyncio.run(run())

    def many(self, auth, url, times):
        async def run():
            async with self.package.AsyncClient(auth=auth, trust_env=False) as made:
                return [await made.get(url) for _ in range(times)]

        return asyncio.run(run())


DOORS = [Sync(httpx), Async(httpx), Sync(httpx2), Async(httpx2)]


@pytest.fixture(params=few(DOORS, every=3), ids=repr)
def door(request):
    return request.param


def verdict(response):
    return response.extensions["authweave"]


def connected(identity, api, **auth):
    return connect(oauth(identity, **auth), api)


def with_key(api, run=None, **more):
    auth = more.pop("auth", KEY)
    return connect(auth, api, run=run or engine(inputs={"api_key": "k3y"}), **more)


# ---- tokens


def test_token_got_once_and_sent(door):
    """Cold, then warm: one token request, every task request with the token, every answer accepted."""
    with between(Identity(), Api()) as (identity, api):
        responses = door.many(connected(identity, api).auth, f"{api.url}/x", 5)

    assert (1, ["T1"] * 5) == (identity.count, api.tokens)
    assert ["accepted"] * 5 == [verdict(response).verdict for response in responses]
    assert {b'{"ok": true}'} == {response.content for response in responses}


def test_renewed_once_after_401(door):
    """A token that died early: renewed, and the request sent once more; the caller sees the good answer."""
    with between(Identity(), Api()) as (identity, api):
        auth = connected(identity, api).auth
        door.send(auth, "GET", api.url)
        api.accepts = lambda token: token == "T2"
        response = door.send(auth, "POST", f"{api.url}/x?a=1", json={"n": 1})

    assert (200, "accepted", 2) == (response.status_code, verdict(response).verdict, identity.count)
    assert ["T1", "T1", "T2"] == api.tokens
    assert [b'{"n":1}'] * 2 == [request.body.replace(b" ", b"") for request in api.asked[1:]]
    assert ["/x?a=1"] * 2 == [request.target for request in api.asked[1:]]


def test_each_early_end_is_renewed(door):
    """A token that was got after a refusal and ends early in its turn is renewed as the first one was: each request begins anew."""
    with between(Identity(), Api()) as (identity, api):
        auth, statuses = connected(identity, api).auth, []
        for number in range(1, 5):
            api.accepts = lambda token, good=f"T{number}": token == good
            statuses += [door.send(auth, "GET", api.url).status_code for _ in range(2)]

    assert ([200] * 8, 4) == (statuses, identity.count)


def test_401_without_a_challenge_counts(door):
    """Some servers say 401 without `WWW-Authenticate`."""
    with between(Identity(), Api(accepts=lambda token: token == "T2", refusal=Reply(401, b"", ()))) as (identity, api):
        response = door.send(connected(identity, api).auth, "GET", api.url)

    assert (200, 2) == (response.status_code, identity.count)


def test_refused_twice(door):
    """The second refusal is the caller's: unchanged, with the verdict beside it, and nothing is raised."""
    with between(Identity(), Api(accepts=lambda token: False)) as (identity, api):
        responses = door.many(connected(identity, api).auth, api.url, 20)

    assert ({401}, 2) == ({response.status_code for response in responses}, identity.count)
    assert {b'{"error": "invalid_token"}'} == {response.content for response in responses}
    assert {"refused"} == {verdict(response).verdict for response in responses}
    assert all(isinstance(verdict(response).error, CredentialRejected) for response in responses)
    assert 21 == api.count


def test_insufficient_scope_is_not_renewed(door):
    """RFC 6750 §3.1: another token would have the same scope. The error names the scope, commas in quotes and all."""
    challenge = next(v for v in load("rfc6750_bearer.json")["vectors"] if v["id"] == "challenge-insufficient-scope")
    refusal = says({}, 403, ("WWW-Authenticate", challenge["www_authenticate"]))
    with between(Identity(), Api(accepts=lambda token: False, refusal=refusal)) as (identity, api):
        response = door.send(connected(identity, api).auth, "GET", api.url)

    assert ("forbidden", 1, 1) == (verdict(response).verdict, identity.count, api.count)
    assert isinstance(verdict(response).error, InsufficientScope)
    assert challenge["parsed"][0][1]["scope"] == verdict(response).error.scope


@every("vector", [v for v in load("rfc6750_bearer.json")["vectors"] if v["id"].startswith("challenge-")], ids=lambda v: v["id"])
def test_challenges_of_rfc6750(vector):
    """What each challenge leads to: one renewal and one retry for 401, nothing for 400 and 403."""
    refusal = says({}, vector["status"], ("WWW-Authenticate", vector["www_authenticate"]))
    with between(Identity(), Api(accepts=lambda token: token == "T2", refusal=refusal)) as (identity, api):
        response = DOORS[0].send(connected(identity, api).auth, "GET", api.url)

    renewed = vector["status"] == 401
    assert (200 if renewed else vector["status"], 2 if renewed else 1) == (response.status_code, identity.count)


@pytest.mark.parametrize(("status", "word"), few([
    (200, "accepted"), (403, "forbidden"), (500, "inconclusive"), (204, "accepted"), (304, "accepted"), (400, "inconclusive"), (404, "inconclusive"),
    (429, "inconclusive"), (503, "inconclusive"),
], every=2))  # fmt: skip
def test_other_answers_come_back_as_they_are(door, status, word):
    """An API's 429 is reported, never slept on; nothing is sent twice."""
    reply = Reply(status, b"" if status in (204, 304) else b"{}", (("Retry-After", "60"),), chunks=() if status in (204, 304) else None)
    with between(Identity(), Api(good=reply)) as (identity, api):
        start = time.monotonic()
        response = door.send(connected(identity, api).auth, "GET", api.url)

    assert (status, word, 1, 1) == (response.status_code, verdict(response).verdict, identity.count, api.count)
    assert time.monotonic() - start < 20


def test_the_api_refuses_and_the_renewal_fails(door):
    """No new token to be had: the API's answer stands, and the verdict says why. Nothing is raised."""
    with between(Identity(), Api()) as (identity, api):
        auth = connected(identity, api).auth
        door.send(auth, "GET", api.url)
        api.accepts = lambda token: False
        identity.script = [says({"error": "invalid_client"}, 401)] * 5
        response = door.send(auth, "GET", api.url)

    assert (401, "refused") == (response.status_code, verdict(response).verdict)
    assert isinstance(verdict(response).error, TokenEndpointError)
    assert "invalid_client" in verdict(response).reason


def test_no_token_to_be_had(door):
    """A token that cannot be got is a typed error before anything is sent to the API."""
    with serving(Api()) as api:
        auth = connect(oauth(f"http://127.0.0.1:{free_port()}/token"), api, run=engine(attempts=1)).auth
        with pytest.raises(ConnectFailure) as caught:
            door.send(auth, "GET", api.url)

    assert (0, None, None) == (api.count, caught.value.__cause__, caught.value.__context__)


def test_missing_secret(door):
    """A missing piece is an error, never a request without it."""
    with between(Identity(), Api()) as (identity, api):
        auth = connect(oauth(identity), api, run=engine(inputs={"client_id": "i"})).auth
        with pytest.raises(MissingInput, match="client_secret"):
            door.send(auth, "GET", api.url)

    assert (0, 0) == (identity.count, api.count)


@pytest.mark.parametrize("expires_in", [0, -5])
def test_a_token_that_has_expired_on_arrival(door, expires_in):
    """It is used for the request it was got for, and not for another; there is no loop."""
    with between(Identity(expires_in=expires_in), Api()) as (identity, api):
        responses = door.many(connected(identity, api).auth, api.url, 3)

    assert ({200}, 3, ["T1", "T2", "T3"]) == ({response.status_code for response in responses}, identity.count, api.tokens)


def test_expired_and_in_the_window(door):
    """Expired: renewed before the request. In the window: the old one is sent, and renewed beside it."""
    with between(Identity(), Api()) as (identity, api):
        run = engine(clock=Clock())
        auth = connect(oauth(identity), api, run=run).auth
        door.send(auth, "GET", api.url)
        run.clock.ahead = 571  # each worker begins somewhere in the first half of the window
        door.send(auth, "GET", api.url)
        until(lambda: identity.count == 2 and not run.flights._threads)
        door.send(auth, "GET", api.url)
        run.clock.ahead = 1200
        door.send(auth, "GET", api.url)

    assert ["T1", "T1", "T2", "T3"] == api.tokens


def test_one_auth_for_both_packages_and_colours():
    """The same object in four clients: one token for all of them."""
    with between(Identity(), Api()) as (identity, api):
        auth = connected(identity, api).auth
        for each in DOORS:
            each.send(auth, "GET", api.url)

    assert (1, ["T1"] * 4) == (identity.count, api.tokens)
    assert isinstance(auth, httpx.Auth)
    assert isinstance(auth, httpx2.Auth)


@needs_httpx
def test_auth_is_made_anew_when_the_other_package_appears(monkeypatch):
    """With httpx alone it is an `httpx.Auth`; once httpx2 is imported it is both."""
    connection = with_key("https://api.example.com")
    with monkeypatch.context() as patched:
        patched.delitem(sys.modules, "httpx2")
        alone = connection.auth
        assert connection.auth is alone
        assert not isinstance(alone, httpx2.Auth)
    assert isinstance(connection.auth, httpx2.Auth)
    assert connection.auth is connection.auth


def test_many_threads_and_tasks():
    """Sixteen threads and a hundred tasks through the same auth, cold: one token request."""
    with between(Identity(delay=0.05), Api()) as (identity, api):
        auth = connected(identity, api).auth
        threads = [threading.Thread(target=lambda: DOORS[0].send(auth, "GET", api.url)) for _ in range(16)]

        async def tasks():
            limits = httpx.Limits(max_connections=20)
            async with httpx.AsyncClient(auth=auth, trust_env=False, limits=limits) as client:
                return await asyncio.gather(*(client.get(api.url) for _ in range(100)))

        for thread in threads:
            thread.start()
        asyncio.run(tasks())
        for thread in threads:
            thread.join()

    assert (1, {"T1"}, 116) == (identity.count, set(api.tokens), api.count)


def test_a_task_that_is_cancelled_while_it_waits():
    """Cancelled while the token is on its way: the token comes for the others, and nothing is sent for the one that left."""
    gate = threading.Event()
    with between(Identity(gate=gate), Api()) as (identity, api):
        auth = connected(identity, api).auth

        async def run():
            async with httpx.AsyncClient(auth=auth, trust_env=False) as client:
                leaving = asyncio.ensure_future(client.get(f"{api.url}/leaving"))
                staying = asyncio.ensure_future(client.get(f"{api.url}/staying"))
                while identity.count == 0:
                    await asyncio.sleep(0.005)
                leaving.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await leaving
                gate.set()
                return await staying

        response = asyncio.run(run())

    assert (200, 1, ["/staying"]) == (response.status_code, identity.count, [request.target for request in api.asked])


def test_a_transport_that_fails_while_sending(door):
    """The error of the client's own transport comes through as it is, and the auth works on afterwards."""
    with between(Identity(), Api()) as (identity, api):
        connection = connect(oauth(identity), api, f"http://127.0.0.1:{free_port()}")
        auth = connection.auth
        for _ in range(2):
            with pytest.raises(door.package.ConnectError):
                door.send(auth, "GET", str(connection.servers({})[1].url))
        assert 200 == door.send(auth, "GET", api.url).status_code

    assert 1 == identity.count


# ---- rejected_when


REJECTED = [{"status": [200], "when": "{{ response.json.code == 'expired' }}"}]


def test_a_refusal_in_a_200(door):
    """A sized body of a 200 that a rule calls a refusal: renewed and sent once more."""
    api = Api(accepts=lambda token: token == "T2", refusal=says({"code": "expired"}))
    with between(Identity(), api) as (identity, api):
        responses = door.many(connected(identity, api, rejected_when=REJECTED).auth, api.url, 2)

    assert ([b'{"ok": true}'] * 2, 2) == ([response.content for response in responses], identity.count)
    assert ["T1", "T2", "T2"] == api.tokens


def test_a_refusal_in_a_200_of_a_warm_token(door):
    """Also after many good answers the rule is asked."""
    with between(Identity(), Api(refusal=says({"code": "expired"}))) as (identity, api):
        auth = connected(identity, api, rejected_when=REJECTED).auth
        door.many(auth, api.url, 3)
        api.accepts = lambda token: token == "T2"
        response = door.send(auth, "GET", api.url)

    assert (b'{"ok": true}', ["T1"] * 4 + ["T2"]) == (response.content, api.tokens)


@pytest.mark.parametrize("read", few(["read", "raw", "bytes", "lines"], every=3))
@pytest.mark.parametrize("package", [httpx, httpx2])
def test_a_body_that_a_rule_read_can_be_read_by_the_caller(package, read):
    """The response comes back as if nobody had read it: whole, raw, in pieces, in lines."""
    with between(Identity(), Api()) as (identity, api), package.Client(auth=connected(identity, api, rejected_when=REJECTED).auth, trust_env=False) as client:
        with client.stream("GET", api.url) as response:
            how = {"read": lambda: response.read(), "raw": lambda: b"".join(response.iter_raw()), "bytes": lambda: b"".join(response.iter_bytes()),
                   "lines": lambda: "\n".join(response.iter_lines()).encode()}  # fmt: skip
            assert b'{"ok": true}' == how[read]()

        async def run():
            async with package.AsyncClient(auth=connected(identity, api, rejected_when=REJECTED).auth, trust_env=False) as client, client.stream("GET", api.url) as response:
                if read == "read":
                    return await response.aread()
                pieces = {"raw": response.aiter_raw, "bytes": response.aiter_bytes, "lines": response.aiter_lines}[read]
                return b"".join([piece if isinstance(piece, bytes) else piece.encode() async for piece in pieces()])

        assert b'{"ok": true}' == asyncio.run(run())
    assert response.elapsed.total_seconds() > 0


def test_a_compressed_body_and_a_rule(door):
    """The rule reads what was compressed; a bomb is not inflated for it, so it says nothing."""
    packed = gzip.compress(json.dumps({"code": "expired"}).encode())
    bomb = gzip.compress(b'{"code":"expired","x":"' + b" " * 20_000_000 + b'"}', 9)
    assert len(bomb) < 65536
    headers = (("Content-Type", "application/json"), ("Content-Encoding", "gzip"))
    for body, count in ((packed, 2), (bomb, 1)):
        api = Api(accepts=lambda token: token == "T2", refusal=Reply(200, body, headers))
        with between(Identity(), api) as (identity, api):
            response = door.send(connected(identity, api, rejected_when=REJECTED).auth, "GET", api.url)
        assert (200, count) == (response.status_code, identity.count)


@pytest.mark.parametrize("reply", [
    Reply(200, json.dumps({"code": "expired", "fill": "x" * 70_000}).encode()),
    Reply(200, chunks=(b'{"code": "expired"}',)),
    Reply(200, b'{"code": "expired"}', (("Content-Type", "text/event-stream"),)),
])  # fmt: skip
def test_bodies_that_no_rule_reads(door, reply):
    """Too large, without a length, or an event stream: not read, so not judged by a rule."""
    with between(Identity(), Api(good=reply)) as (identity, api):
        response = door.send(connected(identity, api, rejected_when=REJECTED).auth, "GET", api.url)

    assert ("accepted", 1, 1) == (verdict(response).verdict, identity.count, api.count)


def first_bytes(package, auth, url, *, in_loop):
    """The first bytes of an answer, read as they come. A door that waits for its end runs into the client's timeout."""
    if not in_loop:
        with package.Client(auth=auth, trust_env=False, timeout=20) as client, client.stream("GET", url) as response:
            return next(response.iter_raw())

    async def run():
        async with package.AsyncClient(auth=auth, trust_env=False, timeout=20) as client, client.stream("GET", url) as response:
            return await anext(response.aiter_raw())

    return asyncio.run(run())


@every("in_loop", [False, True], ids=["sync", "async"])
@every("package", [httpx, httpx2], ids=["httpx", "httpx2"])
@every("headers", [(("Content-Type", "text/event-stream; charset=utf-8"),), (("Content-Type", "application/json"),)], ids=["events", "chunks"])
@every("rule", [{"status": [200], "when": "{{ response.json.code == 'expired' }}"}, {"when": "{{ 'expired' in response.text }}"}], ids=["200", "any"])
def test_endless_streams_flow_at_once(package, in_loop, headers, rule):
    """An answer that never ends: its first bytes are with the caller while the server still holds the line."""
    endless = Reply(200, headers=headers, chunks=(b"data: expired\n\n", 600.0, b"data: 2\n\n"))
    with between(Identity(), Api(good=endless)) as (identity, api):
        auth = connected(identity, api, rejected_when=[rule]).auth

        assert b"data: expired\n\n" == first_bytes(package, auth, api.url, in_loop=in_loop)
        assert (1, 1) == (identity.count, api.count)


def test_a_rule_by_status(door):
    """django-oauth-toolkit says 403 without a word for an expired token; a profile can say so."""
    api = Api(accepts=lambda token: token == "T2", refusal=Reply(403, b"", ()))
    with between(Identity(), api) as (identity, api):
        response = door.send(connected(identity, api, rejected_when=[{"status": [403]}]).auth, "GET", api.url)

    assert (200, 2) == (response.status_code, identity.count)


def test_types_that_cannot_renew_report(door):
    """An API key that is refused: one request, the verdict, and that is all."""
    with serving(Api(accepts=lambda token: False)) as api:
        response = door.send(with_key(api).auth, "GET", api.url)

    assert (401, "refused", 1) == (response.status_code, verdict(response).verdict, api.count)


# ---- placing


def test_payload_keeps_the_length_right(door):
    """A field in the body: the body, its length and its type are right on the wire; the rest is untouched."""
    auth = {**KEY, "fields": [{"in": "payload", "key": "key", "value": "{{ inputs.api_key }}"}]}
    with serving(Api()) as api:
        door.send(with_key(api, auth=auth).auth, "POST", f"{api.url}/a", json={"n": "é"})
        door.send(with_key(api, auth=auth).auth, "POST", f"{api.url}/b", data={"n": "1 2"})

    first, second = api.asked
    assert {"n": "é", "key": "k3y"} == json.loads(first.body)
    assert {"n": "1 2", "key": "k3y"} == second.form
    for request in api.asked:
        assert ([str(len(request.body))], []) == (request.values("content-length"), request.values("transfer-encoding"))
        assert 1 == len(request.values("host"))


def test_payload_into_a_multipart_form(door):
    """httpx's own multipart form of files is read to memory and gets the field."""
    auth = {**KEY, "fields": [{"in": "payload", "key": "key", "value": "{{ inputs.api_key }}"}]}
    with serving(Api()) as api:
        door.send(with_key(api, auth=auth).auth, "POST", api.url, files={"f": ("a.txt", b"content")}, data={"n": "1"})

    [request] = api.asked
    for part in (b'name="key"\r\n\r\nk3y', b'name="n"\r\n\r\n1', b"content"):
        assert part in request.body
    assert [str(len(request.body))] == request.values("content-length")


def test_payload_on_a_request_without_a_body(door):
    """A GET has no payload: a typed error, nothing sent."""
    auth = {**KEY, "fields": [{"in": "payload", "key": "key", "value": "{{ inputs.api_key }}"}]}
    with serving(Api()) as api, pytest.raises(PlacementError, match="payload field key"):
        door.send(with_key(api, auth=auth).auth, "GET", api.url)

    assert 0 == api.count


def test_query_cookie_and_header_together(door):
    """Several places at once; what the caller wrote stays."""
    auth = {**KEY, "fields": [
        {"in": "query", "key": "key", "value": "{{ inputs.api_key }} +&"}, {"in": "cookie", "key": "sid", "value": "{{ inputs.api_key }}"},
        {"in": "header", "key": "X-Key", "value": "{{ inputs.api_key }}"},
    ]}  # fmt: skip
    with serving(Api()) as api:
        door.send(with_key(api, auth=auth).auth, "GET", f"{api.url}/x?a=%2F&b=1", headers={"X-Own": "o", "Cookie": "own=1"})

    [request] = api.asked
    assert "/x?a=%2F&b=1&key=k3y%20%2B%26" == request.target
    assert (["own=1; sid=k3y"], ["k3y"], ["o"]) == (request.values("cookie"), request.values("x-key"), request.values("x-own"))


def test_bytes_of_the_caller_pass_through(door):
    """Headers that are not ASCII go out byte for byte."""
    auth = {**KEY, "fields": [{"in": "query", "key": "key", "value": "{{ inputs.api_key }}"}]}
    with serving(Api()) as api:
        door.send(with_key(api, auth=auth).auth, "GET", api.url, headers=[(b"X-Name", "é".encode())])

    assert ["é".encode().decode("latin-1")] == api.asked[0].values("x-name")


def test_path_by_extension(door):
    """`extensions={'authweave': {'path': …}}` is the template; braces that a user typed into the URL are not."""
    fields = [{"in": "path", "key": "key", "value": "{{ inputs.api_key }}/&", "optional": True}]
    with serving(Api()) as api:
        connection = with_key(api, fields=fields)
        door.send(connection.auth, "GET", f"{api.url}/ignored?a=1", extensions={"authweave": {"path": "/v1/{key}/x"}})
        door.send(connection.auth, "GET", f"{api.url}/%7Bkey%7D/x")

    assert ["/v1/k3y%2F%26/x?a=1", "/%7Bkey%7D/x"] == [request.target for request in api.asked]


def test_a_path_that_nothing_fills(door):
    """A placeholder without a field is an error, not a request with braces in it."""
    with serving(Api()) as api, pytest.raises(PlacementError, match="other"):
        door.send(with_key(api).auth, "GET", api.url, extensions={"authweave": {"path": "/{other}"}})

    assert 0 == api.count


@pytest.mark.parametrize("extension", [{"path": "x/{key}"}, {"path": 1}, {"path": "/x?y"}, {"path": "/x#y"}, {"paht": "/x"}, "path", ["path"]])
def test_extensions_that_say_nothing_right(door, extension):
    """A slip in the extension is said, not passed over."""
    with serving(Api()) as api, pytest.raises(UsageError, match="path"):
        door.send(with_key(api).auth, "GET", api.url, extensions={"authweave": extension})

    assert 0 == api.count


@pytest.mark.parametrize("url", ["https://evil.example/x", "http://127.0.0.1:1/x", "http://localhost:{port}/x", "https://127.0.0.1:{port}/x"])
def test_only_servers_get_the_credential(door, url):
    """An absolute URL to another origin is refused before the network: another host, port, scheme or name."""
    with serving(Api()) as api:
        target = url.format(port=api.url.rpartition(":")[2])
        with pytest.raises(OriginRefused) as caught:
            door.send(with_key(api).auth, "GET", target)

    assert (0, False) == (api.count, "k3y" in str(caught.value))


def test_a_user_name_in_the_url(door):
    """Credentials in the URL are refused."""
    with serving(Api()) as api, pytest.raises(UrlRefused):
        door.send(with_key(api).auth, "GET", api.url.replace("://", "://user:pass@"))


def test_no_servers(door):
    """Nobody said who may have it: nobody gets it."""
    auth = engine(inputs={"api_key": "k"}).connect(profile(KEY)).auth
    with serving(Api()) as api, pytest.raises(NoServers):
        door.send(auth, "GET", api.url)


def test_variants(door):
    """The first variant whose `when` is true; none is an error."""
    auth = [
        {**KEY, "name": "a", "when": "{{ request.path == '/a' }}", "fields": [{"in": "header", "key": "X-A", "value": "{{ inputs.api_key }}"}]},
        {**KEY, "name": "b", "when": "{{ request.method == 'POST' }}", "fields": [{"in": "header", "key": "X-B", "value": "{{ inputs.api_key }}"}]},
    ]  # fmt: skip
    with serving(Api()) as api:
        connection = with_key(api, auth=auth)
        door.send(connection.auth, "GET", f"{api.url}/a")
        door.send(connection.auth, "POST", f"{api.url}/c")
        with pytest.raises(NoVariant):
            door.send(connection.auth, "GET", f"{api.url}/c")

    assert [["k3y"], []] == [request.values("x-a") for request in api.asked]
    assert [[], ["k3y"]] == [request.values("x-b") for request in api.asked]


def test_values_that_change_go_the_long_way(door):
    """`now()`, `uuid()` and what reads the request are made anew for each request; the quick way is for the rest."""
    fields = [{"in": "header", "key": "X-Id", "value": "{{ uuid() }}"}, {"in": "header", "key": "X-Path", "value": "{{ request.path }}"}]
    with serving(Api()) as api:
        connection = with_key(api, fields=fields)
        door.many(connection.auth, f"{api.url}/a", 2)
        door.send(connection.auth, "GET", f"{api.url}/b")

    assert 3 == len({request.values("x-id")[0] for request in api.asked})
    assert [["/a"], ["/a"], ["/b"]] == [request.values("x-path") for request in api.asked]


def test_sources_never_block_the_loop():
    """A vault that takes its time is asked in a worker; the loop goes on meanwhile."""

    def vault(profile, name, tenant):
        time.sleep(1.0)
        return "k3y"

    with serving(Api()) as api:
        connection = connect(KEY, api, run=engine(inputs=vault))

        async def run():
            beats = []

            async def beat():
                while True:
                    beats.append(time.monotonic())
                    await asyncio.sleep(0.01)

            beating = asyncio.ensure_future(beat())
            async with httpx.AsyncClient(auth=connection.auth, trust_env=False) as client:
                await client.get(api.url)
            beating.cancel()
            return max(second - first for first, second in itertools.pairwise(beats))

        assert asyncio.run(run()) < 0.7


def test_inputs_that_grow_old(door):
    """After a source's max_age a rotated key is sent, on the quick way, too."""
    from authweave.sources.mapping import MappingSource

    key = ["old"]
    run = engine(clock=Clock())
    run._sources = [MappingSource(lambda profile, name, tenant: key[0], max_age=60)]
    with serving(Api()) as api:
        auth = connect(KEY, api, run=run).auth
        door.many(auth, api.url, 2)
        key[0] = "new"
        run.clock.ahead = 59
        door.send(auth, "GET", api.url)
        run.clock.ahead = 61
        door.many(auth, api.url, 2)

    assert [["old"]] * 3 + [["new"]] * 2 == [request.values("x-api-key") for request in api.asked]


# ---- client()


def test_own_clients():
    """`client()` and `async_client()` resolve against the first server and carry the credential."""
    with serving(Api()) as api:
        connection = connect(KEY, f"{api.url}/base", run=engine(inputs={"api_key": "k3y"}))
        with connection.client() as client:
            assert 200 == client.get("x?a=1").status_code
            assert type(client) is type(connection.client())

        async def run():
            async with connection.async_client(timeout=5) as client:
                return await client.get("/y")

        assert "accepted" == verdict(asyncio.run(run())).verdict

    assert ["/base/x?a=1", "/base/y"] == [request.target for request in api.asked]
    assert [["k3y"]] * 2 == [request.values("x-api-key") for request in api.asked]


def test_a_server_whose_path_waits_for_the_credential():
    """`https://api.telegram.org/bot{token}`: relative URLs keep the placeholder; the caller's braces are text."""
    auth = {"type": "custom", "fields": [{"in": "path", "key": "token", "value": "{{ inputs.bot }}"}]}
    with serving(Api()) as api:
        made = profile(auth, f"{api.url}/bot{{token}}", inputs={"bot": {"secret": True}})
        connection = engine(inputs={"bot": "12:ab/c"}).connect(made)
        with connection.client() as client:
            client.get("/getMe")
            client.post("send/{token}?x={token}", json={})
            client.get("/v", extensions={"timeout": {}})

        async def run():
            async with connection.async_client() as client:
                await client.get("getMe")

        asyncio.run(run())

    assert ["/bot12%3Aab%2Fc/getMe", "/bot12%3Aab%2Fc/send/%7Btoken%7D?x={token}", "/bot12%3Aab%2Fc/v", "/bot12%3Aab%2Fc/getMe"] == [
        request.target for request in api.asked
    ]


def test_a_wildcard_server_has_no_base():
    """Relative URLs cannot be resolved against `*`: there URLs are absolute."""
    with with_key("https://*.api.example.com").client() as client, pytest.raises(UrlRefused):
        client.get("/x")


# ---- authorize and its kin


def sent_by_hand(request):
    """Send a TaskRequest by other means than ours."""
    with httpx.Client(trust_env=False) as client:
        response = client.request(request.method, request.url, headers=list(request.headers), content=request.body)
    return TaskResponse(response.status_code, tuple(response.headers.multi_items()), response.content)


def test_authorize():
    """The finished request; done at once when the token is at hand. Absolute and relative URLs."""
    with between(Identity(), Api()) as (identity, api):
        connection = connected(identity, api)
        first = connection.authorize(TaskRequest("GET", "/v1/me")).result(10)
        pending = connection.authorize(TaskRequest("POST", f"{api.url}/x", (("Content-Type", "application/json"),), b"{}"))
        assert pending.done()

        assert (f"{api.url}/v1/me", "Bearer T1") == (first.url, first.header("authorization"))
        assert 200 == sent_by_hand(pending.result(0)).status
    assert (1, ["T1"]) == (identity.count, api.tokens)


def test_authorize_in_a_loop():
    """`await` it."""
    with between(Identity(), Api()) as (identity, api):
        connection = connected(identity, api)

        async def run():
            return await connection.authorize(TaskRequest("GET", "/x"))

        assert "Bearer T1" == asyncio.run(run()).header("authorization")


def test_handle_response_knows_which_token_was_sent():
    """401: the judgement holds the request with a new token; a second refusal ends it. 200: use it."""
    with between(Identity(), Api()) as (identity, api):
        connection = connected(identity, api)
        sent = connection.authorize(TaskRequest("GET", "/x")).result(10)
        assert "accepted" == connection.handle_response(sent, TaskResponse(200)).result(1).verdict

        judgement = connection.handle_response(sent, TaskResponse(401)).result(10)
        assert ("send_again", "Bearer T2") == (judgement.verdict, judgement.request.header("authorization"))
        final = connection.handle_response(judgement.request, TaskResponse(401)).result(10)
        assert ("refused", None, 2) == (final.verdict, final.request, identity.count)
        assert isinstance(final.error, CredentialRejected)


def test_handle_response_after_a_renewal_that_helped():
    """The renewed token was accepted: when it dies early, too, it is renewed at once, without a pause."""
    with between(Identity(), Api()) as (identity, api):
        connection = connected(identity, api)
        request = connection.authorize(TaskRequest("GET", "/x")).result(10)
        for number in range(2, 6):
            judgement = connection.handle_response(request, TaskResponse(401)).result(10)
            assert ("send_again", f"Bearer T{number}") == (judgement.verdict, judgement.request.header("authorization"))
            assert "accepted" == connection.handle_response(judgement.request, TaskResponse(200)).result(10).verdict
            request = connection.authorize(TaskRequest("GET", "/x")).result(10)

    assert 5 == identity.count


def test_handle_response_drops_no_token_that_was_not_sent():
    """Somebody else renewed meanwhile: the request is repeated with that token, and nobody asks for another."""
    with between(Identity(), Api()) as (identity, api):
        connection = connected(identity, api)
        one, two = (connection.authorize(TaskRequest("GET", f"/{n}")).result(10) for n in (1, 2))
        connection.handle_response(one, TaskResponse(401)).result(10)
        judgement = connection.handle_response(two, TaskResponse(401)).result(10)

    assert ("send_again", "Bearer T2", 2) == (judgement.verdict, judgement.request.header("authorization"), identity.count)


def test_handle_response_with_the_request_before_it_was_authorized():
    """A platform that kept only its own request: good enough, and no storm."""
    with between(Identity(), Api()) as (identity, api):
        connection = connected(identity, api)
        request = TaskRequest("GET", "/x")
        connection.authorize(request).result(10)
        assert "send_again" == connection.handle_response(request, TaskResponse(401)).result(10).verdict
        verdicts = {connection.handle_response(request, TaskResponse(401)).result(10).verdict for _ in range(100)}

    assert ({"refused"}, 2) == (verdicts, identity.count)


def test_handle_response_of_a_streamed_body():
    """It cannot be sent twice; the token is renewed for whoever comes next."""
    with between(Identity(), Api()) as (identity, api):
        connection = connected(identity, api)
        sent = connection.authorize(TaskRequest("PUT", "/x", streamed=True)).result(10)
        judgement = connection.handle_response(sent, TaskResponse(401)).result(10)
        until(lambda: identity.count == 2)

    assert "refused" == judgement.verdict
    assert "streamed" in judgement.reason


def test_an_authorized_request_is_shown_without_its_secret_and_never_pickled():
    """Queues and caches get the plain request; a copy of the finished one is the thing itself."""
    plain = TaskRequest("GET", "/x", headers={"A": "b"})
    sent = with_key("https://api.example.com").authorize(plain).result(10)

    assert plain == pickle.loads(pickle.dumps(plain))
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="authorize it in the other process") as refused:
            pickle.dumps(sent, protocol)
        assert "k3y" not in str(refused.value)
    assert sent is copy.copy(sent) is copy.deepcopy(sent)
    assert "k3y" not in repr(sent)


def test_headers_for():
    """The header fields for a URL, of a WebSocket, say; a profile that puts something elsewhere is refused."""
    connection = with_key("https://api.example.com")
    assert {"X-API-Key": "k3y"} == dict(connection.headers_for("wss://api.example.com/socket").result(10))

    query = with_key("https://api.example.com", auth={**KEY, "fields": [{"in": "query", "key": "k", "value": "{{ inputs.api_key }}"}]})
    with pytest.raises(PlacementError, match="query"):
        query.headers_for("/socket").result(10)
    with pytest.raises(OriginRefused):
        connection.headers_for("wss://other.example/socket").result(10)


def test_token():
    """The token in force, for whoever places it himself; None where there is none."""
    with between(Identity(), Api()) as (identity, api):
        connection = connected(identity, api)
        assert {"T1"} == {connection.token().result(10).access_token.reveal() for _ in range(3)}
    assert with_key("https://api.example.com").token().result(10) is None


# ---- connections


def test_connecting_twice_is_the_same_connection():
    """By value, whatever objects the values are; another value is another connection."""
    from authweave.values import Secret

    run, made = engine(), profile(KEY, "https://api.example.com")
    first = run.connect(made, tenant="t", inputs={"api_key": Secret("k", "here")})

    assert first is run.connect(made, tenant="t", inputs={"api_key": Secret("k", "there")})
    assert first is not run.connect(made, tenant="t", inputs={"api_key": Secret("other", "here")})
    assert first is not run.connect(made, tenant="u", inputs={"api_key": Secret("k", "here")})
    assert "'k'" not in repr(list(run.connections.by_key))


@every("odd", [0, 1, False, b"blue", ("blue",), "\ud800"])
def test_a_tenant_that_is_no_text_is_nobody(odd):
    """A tenant 0 is not the tenant '': it is refused, as is everything else that would be taken for another."""
    from authweave.errors import UsageError

    run, made = engine(), profile(KEY, "https://api.example.com")
    for whose in ("tenant", "subject"):
        with pytest.raises(UsageError, match=f"{whose} is a text"):
            run.connect(made, **{whose: odd})


def test_what_the_host_changes_afterwards_was_not_connected():
    """A list that the host goes on using changes nothing in a connection, nor what is found for its former value."""
    scopes = ["read"]
    with serving(Identity()) as identity:
        made = profile(oauth(identity, scopes="{{ inputs.s | join(' ') }}"), "https://api.example.com", inputs={"s": {"type": "list"}})
        run = engine()
        connection = run.connect(made, inputs={"s": scopes})
        scopes[:] = ["admin"]
        connection.token().result(10)

        assert connection is run.connect(made, inputs={"s": ["read"]})
        assert connection is not run.connect(made, inputs={"s": scopes})
    assert ["read"] == [request.form["scope"] for request in identity.asked]


def test_connections_are_bounded(monkeypatch):
    """Hosts with very many tenants do not fill the memory; a connection in use goes on."""
    import authweave.connections.cache

    monkeypatch.setattr(authweave.connections.cache, "MOST_CONNECTIONS", 10)
    run, made = engine(inputs={"api_key": "k"}), profile(KEY, "https://api.example.com")
    first = run.connect(made, tenant="0")
    for number in range(50):
        run.connect(made, tenant=str(number))
        often = run.connect(made, tenant="often")

    assert 10 == len(run.connections.by_key)
    assert often is run.connect(made, tenant="often")
    assert first is not run.connect(made, tenant="0")
    assert "k" == first.authorize(TaskRequest("GET", "/x")).result(10).header("x-api-key")


def test_one_connection_for_many_threads():
    """Connecting at once from many threads gives one connection."""
    run, made = engine(), profile(KEY, "https://api.example.com")
    start, found = threading.Barrier(16), []

    def connect_():
        start.wait()
        found.append(run.connect(made, tenant="t"))

    threads = [threading.Thread(target=connect_) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 1 == len(set(map(id, found)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_child_goes_on():
    """After use in the parent a child renews by itself, with workers, locks and leases of its own."""
    run = engine(clock=Clock())
    with between(Identity(), Api()) as (identity, api):
        connection = connect(oauth(identity), api, run=run)
        assert 200 == DOORS[0].send(connection.auth, "GET", api.url).status_code
        run.clock.ahead = 601
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                response = DOORS[0].send(connection.auth, "GET", api.url)
                os.write(writing, f"{response.status_code} {verdict(response).verdict}".encode())
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as answer:
            said = answer.read()
        os.waitpid(child, 0)
        assert 200 == DOORS[0].send(connection.auth, "GET", api.url).status_code

    assert ("200 accepted", ["T1", "T2", "T3"]) == (said, api.tokens)


# ---- secrets


def test_no_secret_in_logs_and_errors(door, caplog):
    """Through the whole way, at DEBUG: no secret and no token in what authweave and the clients log of headers."""
    caplog.set_level(logging.DEBUG)
    with between(Identity(more={"id_token": "planted.id.token"}), Api(accepts=lambda token: False)) as (identity, api):
        door.many(connected(identity, api).auth, api.url, 2)

    for secret in ("s3cr3t-of-the-client", "planted.id.token", "Bearer T1"):
        assert secret not in caplog.text


def test_secrets_in_urls_are_not_logged(door, caplog):
    """httpx logs the URL of each request: a key in query or path is hidden there, everything else is shown."""
    caplog.set_level(logging.INFO)
    auth = {**KEY, "fields": [{"in": "query", "key": "api key", "value": "{{ inputs.api_key }}"}]}
    with serving(Api()) as api:
        run = engine(inputs={"api_key": "planted/4711"})
        connection = with_key(api, run=run, auth=auth)
        door.many(connection.auth, f"{api.url}/x?own=1", 2)
        in_path = run.connect(profile({**KEY, "fields": [{"in": "path", "key": "k", "value": "{{ inputs.api_key }}"}]}, f"{api.url}/bot{{k}}"))
        door.send(in_path.auth, "GET", f"{api.url}/", extensions={"authweave": {"path": "/bot{k}/me"}})

    logged = [record.getMessage() for record in caplog.records if record.name in ("httpx", "httpx2")]
    assert 3 == len(logged)
    assert not [message for message in logged if "planted" in message or "4711" in message]
    assert "/x?own=1&api%20key=‹secret› " in logged[0]
    assert "/‹secret› " in logged[2]
    assert ["planted/4711"] * 2 == [request.target.partition("api%20key=")[2].replace("%2F", "/") for request in api.asked[:2]]


def test_secrets_that_a_redirect_repeats_are_not_logged(door, caplog):
    """A server that adds a slash keeps the query as it came, or writes it its own way."""
    caplog.set_level(logging.INFO)
    auth = {**KEY, "fields": [{"in": "query", "key": "api key", "value": "{{ inputs.api_key }}"}]}
    with serving(Api()) as other, serving(Api()) as api:
        api.good = Reply(301, b"", (("Location", f"{other.url}/x/?own=1&api+key=planted/4711"),))
        door.send(with_key(api, run=engine(inputs={"api_key": "planted/4711"}), auth=auth).auth, "GET", f"{api.url}/x?own=1", client={"follow_redirects": True})

    first, second = (record.getMessage() for record in caplog.records if record.name in ("httpx", "httpx2"))
    assert ("/x?own=1&api%20key=‹secret› " in first, "/x/?own=1&api+key=‹secret› " in second) == (True, True)
    assert "planted" not in first + second


def test_the_url_of_a_request_under_way_is_known_however_many_others_there_are(caplog):
    """A URL that is used again is as new as one that was never seen."""
    caplog.set_level(logging.INFO)
    placed = [Placed("path", "key", "auth", secret=True)]
    again = "https://api.example/planted/me"
    for number in range(url_logs.MOST):
        url_logs.hide_in_logs(again, placed)
        url_logs.hide_in_logs(f"https://api.example/{number}/me", placed)
        logging.getLogger("httpx").info("%s", again)

    assert {"https://api.example/‹secret›"} == set(caplog.messages)


def test_values_stay_hidden_while_those_long_gone_are_forgotten(monkeypatch):
    """A thread that logs meanwhile meets one who knows all values, never one who has yet to be taught."""
    monkeypatch.setattr(url_logs, "MOST_VALUES", 10)
    hider, meanwhile = url_logs._Hider(), []

    class Watching(bytes):
        def hex(self, *_):
            meanwhile.append(hider._young._redactor.redact("a server repeats value-20-of-many"))
            return super().hex()

    for number in range(21):
        hider.learn_values([Secret(f"value-{number}-of-many", "a test")])
        hider._without_values("looked at")
    hider.learn_values([Secret(Watching(b"watched-while-taught"), "a test")])
    hider.learn_values([Secret("value-20-of-many", "a test")])
    hider._without_values("looked at")

    assert meanwhile
    assert not [text for text in meanwhile if "value-20" in text]
