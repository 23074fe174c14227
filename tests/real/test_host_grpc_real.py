"""gRPC in applications of their own, at a service that asks a real identity provider of each token."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from applications import Application, write_profile
from identities import inputs_of
from parts.identity import OPENER, Client
from services import oauth, until
from speech import ORIGIN, Speech, speaking

SYNC = '''
import json, logging, sys
import grpc
from authweave.hosts.grpc import note_of, secure_channel

logging.basicConfig(format="%(name)s %(message)s")

first = json.loads(sys.stdin.readline())
tls = grpc.ssl_channel_credentials(first["pem"].encode())
with secure_channel(first["url"], "acme,tenant=blue", tls, [("grpc.ssl_target_name_override", first["name"])]) as channel:
    print("{}", flush=True)
    for line in sys.stdin:
        try:
            said = channel.unary_unary("/speech.Speech/Say")(json.loads(line)["url"].encode(), timeout=20)
            told = {"said": said.decode()}
        except grpc.RpcError as error:
            told = {"code": error.code().name, "details": error.details(), "note": getattr(note_of(error), "kind", "")}
        print(json.dumps(told), flush=True)
'''

ASYNCIO = '''
import asyncio, json, logging, sys
import grpc
from authweave.hosts.grpc import aio_secure_channel, note_of

logging.basicConfig(format="%(name)s %(message)s")

async def main():
    first = json.loads(sys.stdin.readline())
    tls = grpc.ssl_channel_credentials(first["pem"].encode())
    async with aio_secure_channel(first["url"], "acme,tenant=blue", tls, [("grpc.ssl_target_name_override", first["name"])]) as channel:
        print("{}", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            try:
                said = await channel.unary_unary("/speech.Speech/Say")(json.loads(line)["url"].encode(), timeout=20)
                told = {"said": said.decode()}
            except grpc.RpcError as error:
                told = {"code": error.code().name, "details": error.details(), "note": getattr(note_of(error), "kind", "")}
            print(json.dumps(told), flush=True)

asyncio.run(main())
'''

FORKING = '''
import json, os, sys
import grpc
from authweave.hosts.grpc import secure_channel
from authweave.hosts.named import Named

first = json.loads(sys.stdin.readline())
Named.of("acme,tenant=blue").connection().token().result(20)     # what a parent may do: get a token
for _ in range(3):
    if os.fork() == 0:                                            # every worker makes a channel of its own
        tls = grpc.ssl_channel_credentials(first["pem"].encode())
        with secure_channel(first["url"], "acme,tenant=blue", tls, [("grpc.ssl_target_name_override", first["name"])]) as channel:
            said = channel.unary_unary("/speech.Speech/Say")(b"hello", timeout=20)
        os._exit(0 if said == b"hello" else 1)
print(json.dumps({"ended": [os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(3)]}), flush=True)
'''


@pytest.fixture
def speech(oidc_provider: Any) -> Iterator[Speech]:
    """A service whose tokens the provider is asked about (RFC 7662)."""
    resource = oidc_provider.new_client()
    basic = base64.b64encode(f"{resource.client_id}:{resource.client_secret}".encode()).decode()

    def is_active(token: str) -> bool:
        asked = urllib.request.Request(
            oidc_provider.introspection_url, urlencode({"token": token}).encode(), {"Authorization": f"Basic {basic}"}, method="POST"
        )
        with OPENER.open(asked, timeout=20) as answer:
            return bool(json.load(answer)["active"])

    with speaking(Speech(accepts=is_active)) as speech:
        yield speech


@pytest.fixture
def application(oidc_provider: Any, installed: Path, tmp_path: Path) -> Callable[..., Application]:
    """The profile `acme` and an application, by its script, for a client of the provider."""

    def made(script: str, client: Client, **inputs: str) -> Application:
        write_profile(tmp_path, oauth(oidc_provider.token_url), ORIGIN)
        return Application(script, tmp_path, installed, **inputs_of(client, **inputs))

    return made


def begin(running: Application, speech: Speech) -> Any:
    return running.get(speech.target, pem=speech.pem.decode(), name=speech.names[0])


@pytest.mark.parametrize("script", [SYNC, ASYNCIO], ids=["sync", "asyncio"])
def test_it_outlives_its_tokens(script: str, speech: Speech, oidc_provider: Any, application: Callable[..., Application]):
    """One channel, longer than tokens live, and once the token is ended early: every call is answered, each token asked for once."""
    client = oidc_provider.new_client(ttl=2)
    with application(script, client) as running:
        begin(running, speech)
        answers: list[Any] = []
        until(lambda: answers.append(running.get("hello")) or oidc_provider.counts(client)["granted"] > 2, 60)
        by_time = oidc_provider.counts(client)["granted"]
        oidc_provider.kill(client)
        answers.append(running.get("hello"))

    counts = oidc_provider.counts(client)
    assert [answer for answer in answers if answer != {"said": "hello"}] == []
    assert counts["token"] == counts["granted"] == by_time + 1
    assert "authweave.hosts" not in running.log


@pytest.mark.parametrize("script", [SYNC, ASYNCIO], ids=["sync", "asyncio"])
def test_it_says_what_helps(script: str, speech: Speech, oidc_provider: Any, application: Callable[..., Application]):
    """A service that refuses every token: the server's own status, one attempt more, and a log that names the command."""
    client = oidc_provider.new_client()
    speech.accepts = lambda token: False
    with application(script, client) as running:
        begin(running, speech)
        told = running.get("hello")

    assert told == {"code": "UNAUTHENTICATED", "details": "token is not active", "note": "refused"}
    assert "authweave.hosts acme,tenant=blue: the API does not accept the credential (UNAUTHENTICATED)" in running.log
    assert "authweave test acme --tenant blue" in running.log
    assert len(speech.asked) == 2
    assert client.client_secret not in running.log


def test_it_says_that_the_client_is_refused(speech: Speech, oidc_provider: Any, application: Callable[..., Application]):
    """A wrong secret: the provider's own word in the status of the call, and no call to the service."""
    client = oidc_provider.new_client()
    with application(SYNC, client, client_secret="wr0ng-one") as running:
        begin(running, speech)
        told = running.get("hello")

    assert "invalid_client" in told["details"]
    assert told["note"] == "no_credential"
    assert "wr0ng-one" not in told["details"] + running.log
    assert speech.asked == []


def test_workers_that_fork_before_grpc_begins(speech: Speech, oidc_provider: Any, application: Callable[..., Application]):
    """A parent that has a token, but no channel yet, and three workers with one each: one token request."""
    client = oidc_provider.new_client()
    with application(FORKING, client) as running:
        assert begin(running, speech) == {"ended": [0, 0, 0]}

    assert oidc_provider.counts(client)["token"] == 1
    assert len(set(speech.tokens)) == 1
