"""Bodies that can be read once are sent once: over sockets, for a mock transport would hide what was read."""

from __future__ import annotations

import asyncio
import io
import json
import os

import httpx
import httpx2
import pytest

from authweave.errors import PlacementError
from services import Api, Identity, between, connect, engine, oauth, profile, serving, until
from thorough import few

PACKAGES = [httpx, httpx2]
PIECES = [b"one,", b"two,", b"three"]
WHOLE = b"".join(PIECES)


@pytest.fixture(params=few(PACKAGES, every=2), ids=lambda package: package.__name__)
def package(request):
    return request.param


def refusing_first():
    """An API for which only the second token is good."""
    return Api(accepts=lambda token: token == "T2")


def send(package, auth, **parts):
    with package.Client(auth=auth, trust_env=False) as client:
        return client.request("POST", **parts)


def send_async(package, auth, **parts):
    async def run():
        async with package.AsyncClient(auth=auth, trust_env=False) as client:
            return await client.request("POST", **parts)

    return asyncio.run(run())


def generator(drawn):
    for piece in PIECES:
        drawn.append(piece)
        yield piece


async def async_generator(drawn):
    for piece in PIECES:
        drawn.append(piece)
        yield piece


BODIES = {"generator": (send, generator), "async generator": (send_async, async_generator)}


@pytest.fixture(params=BODIES)
def streaming(request):
    return BODIES[request.param]


def test_a_stream_flows_through(package, streaming):
    """Header fields are added to a streamed request; the stream arrives whole and is drawn once."""
    send, body = streaming
    drawn = []
    with between(Identity(), Api()) as (identity, api):
        response = send(package, connect(oauth(identity), api).auth, url=api.url, content=body(drawn))

    [request] = api.asked
    assert (WHOLE, True, PIECES) == (request.body, request.is_whole, drawn)
    assert ("T1", ["chunked"]) == (request.bearer, request.values("transfer-encoding"))
    assert "accepted" == response.extensions["authweave"].verdict


def test_a_stream_is_never_sent_again(package, streaming):
    """A 401 after a stream was read: the answer is the caller's, with the reason; the next request has a new token."""
    send, body = streaming
    drawn = []
    with between(Identity(), refusing_first()) as (identity, api):
        connection = connect(oauth(identity), api)
        auth = connection.auth
        response = send(package, auth, url=api.url, content=body(drawn))
        until(lambda: identity.count == 2 and not connection.engine.flights.is_under_way)
        again = send(package, auth, url=api.url, content=body([]))

    assert (401, 200) == (response.status_code, again.status_code)
    assert ("refused", True) == (response.extensions["authweave"].verdict, "streamed" in response.extensions["authweave"].reason)
    assert ([WHOLE, WHOLE], PIECES, ["T1", "T2"]) == ([request.body for request in api.asked], drawn, api.tokens)


def test_a_stream_on_the_warm_way_is_never_sent_again(package, streaming):
    """The same when the token was warm: nobody sends an empty body in the stream's name."""
    send, body = streaming
    with between(Identity(), Api()) as (identity, api):
        auth = connect(oauth(identity), api).auth
        send(package, auth, url=api.url)
        api.accepts = lambda token: token == "T2"
        response = send(package, auth, url=api.url, content=body([]))
        until(lambda: identity.count == 2)

    assert (401, [b"", WHOLE]) == (response.status_code, [request.body for request in api.asked])


@pytest.mark.parametrize("kind", ["file", "iterator"])
def test_other_bodies_that_are_read_once(package, kind, tmp_path):
    """An open file, an iterator: sent once."""
    path = tmp_path / "body"
    path.write_bytes(WHOLE)
    with path.open("rb") as file, between(Identity(), refusing_first()) as (identity, api):
        content = {"file": file, "iterator": iter(PIECES)}[kind]
        response = send(package, connect(oauth(identity), api).auth, url=api.url, content=content)
        until(lambda: identity.count == 2)

    assert (401, [WHOLE]) == (response.status_code, [request.body for request in api.asked])


@pytest.mark.parametrize("colour", [send, send_async])
@pytest.mark.parametrize("parts", [{"content": WHOLE}, {"content": "text"}, {"json": {"n": 1}}, {"data": {"n": "1"}}, {}])
def test_bodies_at_hand_are_sent_again(package, colour, parts):
    """Bytes, text, JSON, forms and no body at all: renewed, and sent again, letter for letter."""
    with between(Identity(), refusing_first()) as (identity, api):
        response = colour(package, connect(oauth(identity), api).auth, url=api.url, **parts)

    first, second = api.asked
    assert (200, first.body, first.values("content-length")) == (response.status_code, second.body, second.values("content-length"))
    assert bool(parts) == bool(first.body)


@pytest.mark.parametrize("colour", [send, send_async])
def test_a_form_of_files_is_sent_again(package, colour):
    """Files that can be rewound are: the second time they are whole, too."""
    files = {"f": ("a.txt", io.BytesIO(WHOLE)), "b": ("b.txt", b"bytes")}
    with between(Identity(), refusing_first()) as (identity, api):
        response = colour(package, connect(oauth(identity), api).auth, url=api.url, files=files, data={"n": "1"})

    first, second = api.asked
    assert (200, first.body) == (response.status_code, second.body)
    assert WHOLE in second.body


class OneWay(io.RawIOBase):
    """A file that cannot be rewound."""

    def __init__(self):
        super().__init__()
        self.left = list(PIECES)

    def readable(self):
        return True

    def seekable(self):
        return False

    def read(self, size=-1):
        return self.left.pop(0) if self.left else b""


def test_a_form_with_a_file_that_cannot_be_rewound(package):
    """httpx would send it empty the second time: it is sent once."""
    with between(Identity(), refusing_first()) as (identity, api):
        response = send(package, connect(oauth(identity), api).auth, url=api.url, files={"f": ("a", OneWay())})
        until(lambda: identity.count == 2)

    assert (401, 1) == (response.status_code, api.count)
    assert WHOLE in api.asked[0].body


# ---- into a stream nothing can be put


PAYLOAD = {"type": "api_key", "fields": [{"in": "payload", "key": "key", "value": "{{ inputs.api_key }}"}]}


def test_a_payload_into_a_stream_is_refused_with_a_reason(package, streaming):
    """Nothing is drawn from the stream, nothing is sent, and the error says what would be right."""
    send, body = streaming
    drawn = []
    with serving(Api()) as api:
        auth = connect(PAYLOAD, api, run=engine(inputs={"api_key": "k"})).auth
        with pytest.raises(PlacementError, match=r"payload field key: the body is streamed.*bytes"):
            send(package, auth, url=api.url, content=body(drawn), headers={"Content-Type": "application/json"})

    assert (0, []) == (api.count, drawn)


def test_a_payload_that_does_not_apply_lets_a_stream_pass(package, streaming):
    """Where the field's `when` is false there is nothing to put in."""
    send, body = streaming
    fields = [{"in": "payload", "key": "n", "value": "1", "when": "{{ request.path == '/form' }}"}]
    with serving(Api()) as api:
        auth = connect({"type": "api_key"}, api, fields=fields, run=engine(inputs={"api_key": "k"})).auth
        send(package, auth, url=f"{api.url}/stream", content=body([]))
        send(package, auth, url=f"{api.url}/form", data={"a": "1"})

    assert [WHOLE, b"a=1&n=1"] == [request.body for request in api.asked]


def test_a_payload_is_not_lost_on_the_second_send(package):
    """Renewed and sent again: the body has the field both times, with the token of each send."""
    fields = [{"in": "payload", "key": "t", "value": "{{ token.access_token }}"}, {"in": "header", "key": "Authorization", "value": "Bearer {{ token.access_token }}"}]
    with between(Identity(), refusing_first()) as (identity, api):
        response = send(package, connect(oauth(identity, fields=fields), api).auth, url=api.url, json={"n": 1})

    assert 200 == response.status_code
    assert [{"n": 1, "t": "T1"}, {"n": 1, "t": "T2"}] == [json.loads(request.body) for request in api.asked]


def test_a_large_body_passes_untouched(package):
    """A megabyte under a header credential: not copied into anything else, not re-encoded."""
    body = os.urandom(1_000_000)
    with between(Identity(), Api()) as (identity, api):
        send(package, connect(oauth(identity), api).auth, url=api.url, content=body)

    assert body == api.asked[0].body


@pytest.mark.parametrize("place", ["query", "cookie", "header"])
def test_other_places_on_a_streamed_request(package, streaming, place):
    """URL and headers can be added to whatever the body is."""
    send, body = streaming
    auth = {"type": "api_key", "fields": [{"in": place, "key": "key", "value": "{{ inputs.api_key }}"}]}
    with serving(Api()) as api:
        connection = engine(inputs={"api_key": "k3y"}).connect(profile(auth, api.url))
        send(package, connection.auth, url=api.url, content=body([]))

    [request] = api.asked
    assert WHOLE == request.body
    assert "k3y" in f"{request.target} {request.headers}"
