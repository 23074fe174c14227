"""A warm task request goes a quick way through `authorize`; what comes out is what the long way makes."""

from __future__ import annotations

import gc

import httpx
import pytest

from authweave.drafts.draft import Draft
from authweave.errors import OriginRefused
from authweave.values import TaskRequest, TaskResponse
from services import Api, Clock, Identity, between, connect, engine, oauth

REQUESTS = [
    TaskRequest("GET", "/v1/me"),
    TaskRequest("GET", "/v1/me?a=1", (("Accept", "*/*"), ("authorization", "of the caller"), ("Authorization", "twice"))),
    TaskRequest("POST", "/v1", (("Content-Type", "text/plain"),), b"abc"),
    TaskRequest("POST", "/v1", (), b""),
    TaskRequest("PUT", "/v1", (("Transfer-Encoding", "chunked"),), None, streamed=True),
]


@pytest.fixture
def services():
    with between(Identity(), Api()) as made:
        yield made


@pytest.mark.parametrize("request_", REQUESTS, ids=[f"{one.method} {one.url}" for one in REQUESTS])
def test_the_quick_way_makes_what_the_long_way_makes(services, request_):
    """The first call goes the long way, the second the quick one; a relative and an absolute URL."""
    connection = connect(oauth(services[0]), services[1], fields=[{"in": "header", "key": "X-Tenant", "value": "blue"}])
    absolute = TaskRequest(request_.method, f"{services[1].url}{request_.url}", request_.headers, request_.body, request_.streamed)

    for asked in (request_, absolute):
        long, quick = (connection.authorize(asked).result(10) for _ in range(2))

        assert (long.url, sorted(long.headers), long.body, long.streamed) == (quick.url, sorted(quick.headers), quick.body, quick.streamed)
        assert "Bearer T1" == quick.header("authorization")
    assert "accepted" == connection.handle_response(quick, TaskResponse(200)).result(10).verdict


def test_the_quick_way_ends_with_the_token(services):
    """In the refresh window, at the end, after a refusal, and when somebody revokes it."""
    clock = Clock()
    connection = connect(oauth(services[0]), services[1], run=engine(clock=clock))

    def bearer():
        return connection.authorize(REQUESTS[0]).result(10).header("authorization")

    assert ["Bearer T1"] * 3 == [bearer() for _ in range(3)]
    clock.ahead = 601
    assert ["Bearer T2"] * 2 == [bearer() for _ in range(2)]
    again = connection.handle_response(connection.authorize(REQUESTS[0]).result(10), TaskResponse(401)).result(10)
    assert "Bearer T3" == again.request.header("authorization") == bearer()
    connection.revoke().result(10)
    assert "Bearer T4" == bearer()


def test_another_origin_is_refused_when_warm_too(services):
    """The guard stands on the quick way."""
    connection = connect(oauth(services[0]), services[1])
    connection.authorize(REQUESTS[0]).result(10)

    for url in ("https://elsewhere.example/x", services[1].url.replace("127.0.0.1", "localhost"), "https://127.0.0.1/x"):
        with pytest.raises(OriginRefused):
            connection.authorize(TaskRequest("GET", url)).result(10)


def test_a_path_that_has_to_be_filled_goes_the_long_way(services):
    """And is refused there where nothing fills it."""
    connection = connect(oauth(services[0]), services[1])
    connection.authorize(REQUESTS[0]).result(10)

    with pytest.raises(Exception, match="key"):
        connection.authorize(TaskRequest("GET", "/v1/{key}", path_template=True)).result(10)


def test_inputs_that_age_are_asked_again(services):
    """A secret that the host rotates is not kept by the quick way."""
    given = ["one"]
    clock = Clock()
    run = engine(clock=clock, inputs=None)
    run._sources = [Aging(given)]
    auth = {"type": "api_key", "fields": [{"in": "header", "key": "X-Key", "value": "{{ inputs.api_key }}"}]}
    connection = connect(auth, services[1], run=run)

    assert ["one", "one"] == [connection.authorize(REQUESTS[0]).result(10).header("x-key") for _ in range(2)]
    given[0], clock.ahead = "two", 61
    assert "two" == connection.authorize(REQUESTS[0]).result(10).header("x-key")


class Aging:
    """A source whose answers may be used for a minute."""

    name = "aging"
    max_age = 60.0

    def __init__(self, given):
        self.given = given

    def get(self, profile, asked, tenant):
        from authweave.values import Secret

        return Secret(self.given[0], "a test")

    def describe(self, profile, asked, tenant):
        return "a test"


def test_an_answer_is_judged_by_its_own_request(services):
    """A rule that reads the request: what the one before it was does not count, from `auth` and from `authorize`."""
    auth = {"type": "api_key", "rejected_when": [{"status": [200], "when": "{{ request.method == 'POST' }}"}]}
    connection = connect(auth, services[1], run=engine(inputs={"api_key": "k3y"}))
    methods = ("GET", "POST", "GET")
    with httpx.Client(auth=connection.auth, trust_env=False) as client:
        by_auth = [client.request(method, f"{services[1].url}/x").extensions["authweave"].verdict for method in methods]
    finished = [connection.authorize(TaskRequest(method, "/x")).result(10) for method in methods]
    by_host = [connection.handle_response(request, TaskResponse(200)).result(10).verdict for request in finished]

    assert ["accepted", "refused", "accepted"] == by_auth == by_host


def test_the_first_body_is_not_kept(services):
    """A large upload is gone with its request, however long the connection lives."""
    connection = connect(oauth(services[0]), services[1])
    connection.authorize(TaskRequest("POST", "/v1", (("Content-Type", "text/plain"),), b"b" * 100_001)).result(10)
    connection.authorize(REQUESTS[0]).result(10)
    gc.collect()

    assert [] == [kept for kept in gc.get_objects() if type(kept) in (TaskRequest, Draft) and kept.body is not None and len(kept.body) == 100_001]
