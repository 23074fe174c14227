"""What hosts that show an API's answers know to be secret in what was sent."""

from __future__ import annotations

import base64

from authweave.hosts.secrets_sent import learn_sent
from authweave.probe.known import Known
from authweave.sending import over_wire
from authweave.values import TaskRequest
from services import Api, Identity, between, connect, engine, oauth, says, serving

KEY = "k3y-planted-4711"


def shown(connection, api):
    """What is shown of an answer that says back everything that was sent."""
    known = Known()
    over_wire(connection, TaskRequest("POST", "/x", (("Content-Type", "application/json"),), b"{}"), seconds=5, cap=65536, hear=lambda sent: learn_sent(known, connection, sent))
    asked = api.asked[-1]
    return known.text(f"{asked.target} {asked.headers} {asked.body.decode()} {connection.token().result()}")


def test_inputs_are_known_wherever_they_were_placed():
    """In header, query, cookie and payload, and in Basic's base64."""
    fields = [{"in": place, "key": "key", "value": "{{ inputs.api_key }}"} for place in ("header", "query", "cookie", "payload")]
    with serving(Api()) as api:
        keyed = shown(connect({"type": "api_key", "fields": fields}, api, run=engine(inputs={"api_key": KEY})), api)
        basic = shown(connect({"type": "basic"}, api, run=engine(inputs={"username": "robot", "password": KEY})), api)

    assert 4 == keyed.count("‹secret")
    assert KEY not in f"{keyed}{basic}"
    assert base64.b64encode(f"robot:{KEY}".encode()).decode() not in basic


def test_a_token_is_known_and_so_is_the_one_that_followed_it():
    """A renewal within the call: both tokens are hidden, in whichever answer they come back."""
    with between(Identity(), Api()) as (identity, api):
        first, second = "first-token-of-this-test", "second-token-of-this-test"
        identity.script = [says({"access_token": token, "token_type": "Bearer"}) for token in (first, second)]
        api.accepts = lambda token: token == second
        connection, known = connect(oauth(identity), api), Known()
        over_wire(connection, TaskRequest("GET", "/x"), seconds=5, cap=65536, hear=lambda sent: learn_sent(known, connection, sent))

    assert [first, second] == api.tokens
    assert "‹secret" in known.text(first)
    assert "‹secret" in known.text(second)
    assert first not in known.text(f"a {first} b {second}")
