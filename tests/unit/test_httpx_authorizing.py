"""Requests of httpx and httpx2 that a platform sends by itself: authorized as from `auth`, judged, sent again, kept at home."""

from __future__ import annotations

import asyncio
import copy
import pickle
from dataclasses import replace

import httpx
import httpx2
import pytest

from authweave import TaskRequest
from authweave.errors import OriginRefused, UsageError
from host_world import API, world
from services import Api, Identity, Reply, between, connect, engine, oauth, says, serving

PACKAGES = pytest.mark.parametrize("package", [httpx, httpx2], ids=["httpx", "httpx2"])
KEY = {"type": "api_key", "fields": [{"in": "header", "key": "X-Key", "value": "{{ inputs.api_key }}"}]}
EVERYWHERE = [
    {"in": "query", "key": "region", "value": "eu"}, {"in": "payload", "key": "/tenant", "value": "blue"},
    {"in": "path", "key": "who", "value": "a/b"}, {"in": "cookie", "key": "channel", "value": "bot"},
]  # fmt: skip


@PACKAGES
def test_a_request_is_made_anew_and_the_answer_is_judged(package):
    """Accepted; early dead, renewed and sent again with a new request; the caller's own is left alone."""
    with between(Identity(), Api()) as (identity, api), package.Client() as client:
        connection = connect(oauth(identity), api)
        own = client.build_request("GET", f"{api.url}/v1/me")
        finished = connection.authorize(own).result(10)
        answer = client.send(finished)
        assert "accepted" == connection.handle_response(finished, answer).result(10).verdict

        api.accepts = lambda token: token == "T2"
        answer = client.send(connection.authorize(own).result(10))
        judgement = connection.handle_response(answer.request, answer).result(10)
        again = client.send(judgement.request)

        assert "send_again" == judgement.verdict
        assert 200 == again.status_code
        assert "accepted" == connection.handle_response(judgement.request, again).result(10).verdict
        assert ["T1", "T1", "T2"] == api.tokens
        assert "authorization" not in own.headers
        assert isinstance(judgement.request, package.Request)


@PACKAGES
def test_a_second_refusal_is_the_last(package):
    """No request is made three times."""
    with between(Identity(), Api(accepts=lambda token: False)) as (identity, api), package.Client() as client:
        connection = connect(oauth(identity), api)
        request = connection.authorize(client.build_request("GET", f"{api.url}/x")).result(10)
        judgement = connection.handle_response(request, client.send(request)).result(10)
        last = connection.handle_response(judgement.request, client.send(judgement.request)).result(10)

        assert ("send_again", "refused") == (judgement.verdict, last.verdict)
        assert 2 == api.count


@PACKAGES
def test_every_placement_goes_into_the_request(package):
    """Query, payload with its length, path and cookie; and a URL relative to the first server."""
    with between(Identity(), Api()) as (identity, api), package.Client() as client:
        connection = connect(oauth(identity), api, fields=EVERYWHERE)
        request = package.Request("POST", "/", json={"a": 1}, extensions={"authweave": {"path": "/v1/{who}/x"}})
        client.send(connection.authorize(package.Request("POST", f"{api.url}/", json={"a": 1}, extensions=request.extensions)).result(10))
        [asked] = api.asked

        assert "/v1/a%2Fb/x?region=eu" == asked.target
        assert b'{"a":1,"tenant":"blue"}' == asked.body.replace(b" ", b"")
        assert ["channel=bot"] == asked.values("cookie")
        assert [f"{len(asked.body)}"] == asked.values("content-length")


@PACKAGES
def test_a_relative_url_gets_host_and_origin(package):
    """As with a TaskRequest: the first server's."""
    with between(Identity(), Api()) as (identity, api), package.Client() as client:
        client.send(connect(oauth(identity), api).authorize(package.Request("GET", "/v1/me")).result(10))

        assert ["T1"] == api.tokens
        assert [api.url.removeprefix("http://")] == api.asked[0].values("host")


@PACKAGES
@pytest.mark.parametrize("colour", ["sync", "async"])
def test_what_was_placed_stays_at_home_when_the_client_follows_a_redirect(package, colour):
    """In either colour, though nobody said which it would be."""
    with serving(Api()) as stranger, serving(Api()) as api:
        api.good = says({}, 302, ("Location", f"{stranger.url}/elsewhere"))
        connection = connect(KEY, api, inputs={"api_key": "k-1"})
        request = connection.authorize(package.Request("GET", f"{api.url}/x")).result(10)

        async def sent():
            async with package.AsyncClient(follow_redirects=True) as client:
                return await client.send(request)

        if colour == "async":
            answer = asyncio.run(sent())
        else:
            with package.Client(follow_redirects=True) as client:
                answer = client.send(request)

        assert 200 == answer.status_code
        assert ["k-1"] == api.asked[0].values("x-key")
        assert [] == stranger.asked[0].values("x-key")
        assert "inconclusive" == connection.handle_response(request, answer).result(10).verdict


@PACKAGES
def test_a_streamed_body_is_sent_once_and_never_again(package):
    """Nobody holds it; the token is renewed for the next request all the same."""
    with between(Identity(), Api(accepts=lambda token: False)) as (identity, api), package.Client() as client:
        connection = connect(oauth(identity), api)
        request = connection.authorize(package.Request("POST", f"{api.url}/x", content=iter([b"a", b"b"]))).result(10)
        judgement = connection.handle_response(request, client.send(request)).result(10)

        assert "refused" == judgement.verdict
        assert "streamed" in judgement.reason
        assert b"ab" == api.asked[0].body


@PACKAGES
def test_a_rule_that_reads_the_body_reads_it_where_it_is_at_hand(package):
    """`rejected_when` on a 200; the answer stays readable."""
    with between(Identity(), Api(good=says({"error": "token"}))) as (identity, api), package.Client() as client:
        connection = connect(oauth(identity, rejected_when=[{"when": "{{ response.json.error == 'token' }}"}]), api)
        request = connection.authorize(package.Request("GET", f"{api.url}/x")).result(10)
        answer = client.send(request)

        assert "send_again" == connection.handle_response(request, answer).result(10).verdict
        assert {"error": "token"} == answer.json()


def test_a_request_names_its_user(tmp_path):
    """The extension that `auth` knows; another engine's request is authorized anew."""
    with world(tmp_path) as here:
        connection = here.engine.connect("acme-crm")
        request = connection.authorize(httpx.Request("GET", f"{API}/x", extensions={"authweave": {"subject": "anna"}})).result(10)
        judgement = here.engine.connect("acme-crm", tenant="other").handle_response(request, httpx.Response(401)).result(10)

        assert request.headers["authorization"].startswith("Bearer T")
        assert "send_again" == judgement.verdict


@pytest.mark.parametrize("nonsense", [None, "GET /", {"url": "/"}, httpx])
def test_what_is_no_request_is_a_plain_error(tmp_path, nonsense):
    """Named by its type; nothing of it is repeated."""
    with world(tmp_path) as here, pytest.raises(UsageError, match="a request is a TaskRequest"):
        here.engine.connect("acme-crm").authorize(nonsense).result(10)


def test_another_origin_is_refused_before_any_token_call(tmp_path):
    """As from `auth`."""
    with world(tmp_path) as here:
        with pytest.raises(OriginRefused):
            here.engine.connect("acme-crm").authorize(httpx.Request("GET", "https://elsewhere.example/x")).result(10)

        assert 0 == here.identity.count


def two_profiles(first, second):
    """A key in X-A for the first API, one in X-B for the second."""
    run = engine(inputs={"api_key": "k3y-planted-4711"})
    kinds = ({"type": "api_key", "fields": [{"in": "header", "key": name, "value": "{{ inputs.api_key }}"}]} for name in ("X-A", "X-B"))
    return [connect(kind, api, run=run) for kind, api in zip(kinds, (first, second), strict=True)]


@PACKAGES
def test_a_finished_request_takes_no_credential_to_the_origin_of_another_profile(package):
    """Changed to go elsewhere and authorized anew: by `authorize` in both shapes, and by `auth` of a request that was sent before."""
    with serving(Api()) as here, serving(Api()) as there:
        first, second = two_profiles(here, there)
        changed = first.authorize(package.Request("GET", f"{here.url}/x")).result(10)
        changed.url = package.URL(f"{there.url}/x")
        with pytest.raises(OriginRefused, match="the Host header"):
            second.authorize(changed).result(10)
        changed.headers["Host"] = changed.url.netloc.decode()
        with pytest.raises(OriginRefused, match="make a new one"):
            second.authorize(changed).result(10)
        with pytest.raises(OriginRefused, match="for another origin"):
            second.authorize(replace(first.authorize(TaskRequest("GET", f"{here.url}/x")).result(10), url=f"{there.url}/x")).result(10)
        with package.Client(trust_env=False) as client:
            used = package.Request("GET", f"{here.url}/x")
            client.send(used, auth=first.auth)
            used.url = package.URL(f"{there.url}/x")
            used.headers["Host"] = used.url.netloc.decode()
            with pytest.raises(OriginRefused, match="make a new one"):
                client.send(used, auth=second.auth)

    assert (1, 0) == (here.count, there.count)


@PACKAGES
def test_two_profiles_for_one_request_are_both_guarded(package):
    """A key of the gateway and one of the API behind it, one after the other: both arrive, and both stay behind on a redirect elsewhere."""
    with serving(Api()) as other, serving(Api()) as api:
        api.good = Reply(302, b"", (("Location", f"{other.url}/x"),))
        first, second = two_profiles(api, api)
        with package.Client(trust_env=False, follow_redirects=True) as client:
            client.send(second.authorize(first.authorize(package.Request("GET", f"{api.url}/x")).result(10)).result(10))
            client.send(first.authorize(package.Request("GET", f"{api.url}/x")).result(10), auth=second.auth)
        task = second.authorize(first.authorize(TaskRequest("GET", f"{api.url}/x")).result(10)).result(10)

    assert [(1, 1)] * 2 == [(len(asked.values("x-a")), len(asked.values("x-b"))) for asked in api.asked]
    assert [(0, 0)] * 2 == [(len(asked.values("x-a")), len(asked.values("x-b"))) for asked in other.asked]
    assert {"X-A", "X-B"} == {name for name, _ in task.headers}


@PACKAGES
def test_pickled_it_is_the_plain_request(package):
    """Caches and queues get the request as it was before, also inside of its answer and where two profiles finished it; never a credential."""
    with serving(Api()) as api:
        first, second = two_profiles(api, api)
        plain = package.Request("POST", f"{api.url}/x", headers={"X-Own": "1"}, json={"n": 1})
        sent = second.authorize(first.authorize(plain).result(10)).result(10)
        with package.Client(trust_env=False) as client:
            response = client.send(sent)
        again = [pickle.loads(pickle.dumps(sent, protocol)) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)]
        again.append(pickle.loads(pickle.dumps(response)).request)
        sent.extensions = {}
        again.append(pickle.loads(pickle.dumps(sent)))

    assert ["k3y-planted-4711"] * 2 == [*api.asked[0].values("x-a"), *api.asked[0].values("x-b")]
    assert [(type(plain), plain.headers, plain.url, plain.content)] * len(again) == [(type(one), one.headers, one.url, one.content) for one in again]


@PACKAGES
def test_a_copy_is_guarded_as_well(package):
    """Copied by hand, a finished request still takes nothing to another origin."""
    with serving(Api()) as other, serving(Api()) as api:
        api.good = Reply(302, b"", (("Location", f"{other.url}/x"),))
        connection = connect({"type": "api_key"}, api, run=engine(inputs={"api_key": "the-key"}))
        sent = connection.authorize(package.Request("GET", f"{api.url}/x")).result(10)
        with package.Client(trust_env=False, follow_redirects=True) as client:
            for copied in (copy.copy(sent), copy.deepcopy(sent)):
                client.send(copied)

    assert 2 == sum("the-key" in str(asked.headers) for asked in api.asked)
    assert 2 == len(other.asked)
    assert "the-key" not in str([asked.headers for asked in other.asked])
