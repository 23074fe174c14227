"""The sandbox with a refresh token that was handed over: it checks what is presented, and ends what it is told to end."""

from __future__ import annotations

import pytest

from authweave.errors import SignInNeeded, TokenEndpointError
from authweave.sandbox import Sandbox
from authweave.values import TaskRequest
from authweave.wire import Call
from sandbox_client import API_URL, profile

pytestmark = pytest.mark.thorough

BASE = "servers: ['https://api.example.com']\nauth: {{type: oauth2, grant_type: {grant}, token_url: 'https://idp.example.com/t', {more}}}\n"
ENDS = "revoke_request: {url: 'https://idp.example.com/revoke'}"
WAYS = {
    "plain": "",
    "own url": "refresh_url: 'https://idp.example.com/refresh'",
    "json": "client_auth: client_secret_post, token_request: {encoding: json, rename: {refresh_token: token}}",
    "other fields": "token_request: {fields: [{key: first, value: 'yes'}]}, refresh_request: {omit: [first], fields: [{key: first, value: 'no'}]}",
}  # fmt: skip
REVOCATIONS = {
    "plain": ENDS,
    "post": f"client_auth: client_secret_post, {ENDS}",
    "own": "revoke_request: {method: DELETE, url: 'https://idp.example.com/tokens', encoding: json, fields: [{key: token, value: '{{ token.access_token }}'}]}",
    "renamed": "revoke_request: {url: 'https://idp.example.com/revoke', rename: {token: access}, omit: [token_type_hint]}",
    "in the url": "revoke_request: {url: 'https://idp.example.com/tokens/{{ token.access_token }}', method: DELETE, encoding: none}",
}  # fmt: skip


def made_of(more, grant="refresh_token"):
    return profile(BASE.format(grant=grant, more=more))


def status_of(connection):
    sent = connection.authorize(TaskRequest("GET", f"{API_URL}/x")).result(10)
    return connection.engine.wire.send(Call(sent.method, sent.url, sent.headers, sent.body), deadline=10).status


@pytest.mark.parametrize("more", WAYS.values(), ids=WAYS)
def test_the_given_one_is_taken_and_then_what_it_gave(more):
    """One grant with the given refresh token, then refreshes with rotated ones, each once."""
    made = made_of(more)
    clock = Ticks()
    with Sandbox([made], clock=clock) as sandbox, sandbox.engine(attempts=1, clock=clock) as engine:
        connection = engine.connect(made)
        statuses = []
        for _ in range(3):
            statuses.append(status_of(connection))
            clock.now += 1000

    assert [200] * 3 == statuses
    assert {"token": 1, "refresh": 2, "api": 3} == sandbox.counts


def test_a_grant_that_is_written_out():
    """The body is the profile's own, and has to be that body."""
    made = made_of("token_request: {encoding: text, content: 'token={{ inputs.refresh_token }}'}")
    with Sandbox([made]) as sandbox, sandbox.engine(attempts=1) as engine:
        assert 200 == status_of(engine.connect(made))


def test_each_run_may_begin_with_the_given_one():
    """Engines without a common store: the sandbox takes what was handed over as often as somebody begins."""
    made = made_of("")
    with Sandbox([made]) as sandbox:
        for _ in range(2):
            with sandbox.engine() as engine:
                assert 200 == status_of(engine.connect(made))

    assert 2 == sandbox.counts["token"]


def test_another_refresh_token_is_refused():
    """What nobody handed over is invalid_grant: a person has to sign in."""
    made = made_of("")
    with Sandbox([made]) as sandbox, sandbox.engine(inputs={**sandbox.inputs(made), "refresh_token": "somebody-elses"}) as engine, pytest.raises(SignInNeeded):
        engine.connect(made).token().result(10)


@pytest.mark.parametrize("grant", ["refresh_token", "client_credentials"])
@pytest.mark.parametrize("more", REVOCATIONS.values(), ids=REVOCATIONS)
def test_a_token_is_ended(more, grant):
    """However the profile says it: the client proves itself, the token dies, and the API does not take it any more."""
    made = made_of(more, grant)
    with Sandbox([made]) as sandbox, sandbox.engine(attempts=1) as engine:
        connection = engine.connect(made)
        sent = connection.authorize(TaskRequest("GET", f"{API_URL}/x")).result(10)
        call = Call(sent.method, sent.url, sent.headers, sent.body)
        before = engine.wire.send(call, deadline=10).status

        assert connection.revoke().result(10) is True

        assert (200, 401) == (before, engine.wire.send(call, deadline=10).status)


def test_a_consent_that_was_ended_has_to_be_given_anew():
    """With the refresh token goes what it rests on."""
    made = made_of(ENDS)
    with Sandbox([made]) as sandbox, sandbox.engine() as engine:
        connection = engine.connect(made)
        status_of(connection)
        connection.revoke().result(10)

        with pytest.raises(SignInNeeded):
            connection.token().result(10)


def test_a_client_that_cannot_prove_itself_ends_nothing():
    """invalid_client; the token lives on."""
    made = made_of(ENDS, "client_credentials")
    with Sandbox([made]) as sandbox, sandbox.engine() as engine:
        connection = engine.connect(made)
        token = connection.token().result(10)
        mistaken = engine.connect(made, inputs={**sandbox.inputs(made), "client_secret": "wr0ng"})
        with pytest.raises(TokenEndpointError, match="invalid_client"):
            mistaken.credential(made.variants[0]).endpoint().revoke(token, end=1e12)

        assert 200 == status_of(connection)


class Ticks:
    """A clock that only moves when it is told to."""

    def __init__(self):
        self.now = 1_800_000_000.0

    def __call__(self):
        return self.now
