"""`allow_loopback_http`: plain http on this machine is the operator's to forbid."""

from __future__ import annotations

import pytest

from authweave import Engine, TaskRequest, loads
from authweave.errors import EgressRefused, OriginRefused
from authweave.settings import Settings

PROFILE = """
format: 1
name: local
identity_provider: Local
servers: ['{server}']
auth: {{type: {auth}}}
"""
TOKEN = "oauth2, grant_type: client_credentials, token_url: 'http://127.0.0.1:9/token'"


@pytest.mark.parametrize(
    ("server", "auth", "refused"),
    [("http://127.0.0.1:9", "bearer", OriginRefused), ("https://api.example", TOKEN, EgressRefused)],
    ids=["task request", "token call"],
)
def test_plain_http_is_refused(server, auth, refused):
    """Neither a task request nor a token call speaks http where the operator forbids it; nothing is sent."""
    engine = Engine(
        settings=Settings.load({"allow_loopback_http": False}),
        inputs={"token": "t0ken", "client_id": "me", "client_secret": "s3cret"},
    )
    connection = engine.connect(loads(PROFILE.format(server=server, auth=auth)))

    with pytest.raises(refused, match="allow_loopback_http"):
        connection.authorize(TaskRequest("GET", "/x")).result(10)


def test_another_origin_is_refused_before_a_token_is_asked_for():
    """A request that may not have the credential costs no token call: the token endpoint here does not even listen."""
    engine = Engine(inputs={"client_id": "me", "client_secret": "s3cret"})
    connection = engine.connect(loads(PROFILE.format(server="https://api.example", auth=TOKEN)))

    with pytest.raises(OriginRefused, match=r"evil\.example"):
        connection.authorize(TaskRequest("GET", "https://evil.example/x")).result(10)
