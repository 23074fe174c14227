"""Nuance Mix end to end: the shipped profile at a gRPC and a REST service that ask a real identity provider of each token.

The hosts are Nuance's by name, and on loopback by a route (token calls), by `grpc.ssl_target_name_override` (gRPC) and by a
proxy (REST). Tokens live three seconds in the place of fifteen minutes.
"""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import grpc
import pytest

from authweave.engine import Engine
from authweave.errors import RateLimited
from authweave.hosts.grpc import note_of
from authweave.settings import Settings
from certificates import Authority, server_context
from parts.identity import OPENER, SPECIAL_SECRET, Client
from services import Api, Reply, Request, talks, until
from sockets import Peer, Server
from speech import Speech, count, gather, say, speaking, talk

ASR, TTS, AUTHORIZATION = "asr.api.nuance.com", "tts.api.nuance.com", "auth.crt.nuance.com"
VOICES = f"https://{TTS}/api/v1/voices"


@dataclass
class TokenHost:
    """auth.crt.nuance.com: hands `/oauth2/token` to the real provider. `script` is used up before; `asked` counts what came."""

    provider: Any
    script: list[Reply] = field(default_factory=list)
    asked: int = 0

    def __call__(self, request: Request) -> Reply:
        self.asked += 1
        if self.script:
            return self.script.pop(0)
        assert request.target == "/oauth2/token"
        kept = {name: value for name, value in request.headers if name.lower() in ("authorization", "content-type")}
        return Reply(*answer_of(urllib.request.Request(self.provider.token_url, request.body, kept, method="POST")))


@dataclass
class Mix:
    """What a test sees: the services, the connection, and the provider that decides."""

    provider: Any
    client: Client
    tokens: TokenHost
    speech: Speech
    voices: Api
    run: Engine
    proxy: str
    context: ssl.SSLContext
    seen: set[str] = field(default_factory=set)

    def connection(self, **inputs: str) -> Any:
        given = {"client_id": self.client.client_id, "client_secret": self.client.client_secret, **inputs}
        return self.run.connect("nuance-mix-runtime", inputs=given)

    @property
    def granted(self) -> int:
        return self.provider.counts(self.client)["granted"]

    def options(self) -> dict[str, Any]:
        """Of a client for REST."""
        return {"proxy": self.proxy, "verify": self.context, "trust_env": False}


def answer_of(request: urllib.request.Request) -> tuple[int, bytes]:
    try:
        with OPENER.open(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def asking(provider: Any, path: str, client: Client, token: str) -> Any:
    """What the provider says at one of its endpoints (RFC 7662, RFC 7009), asked by this client."""
    basic = base64.b64encode(f"{quote(client.client_id, safe='')}:{quote(client.client_secret, safe='')}".encode()).decode()
    status, body = answer_of(urllib.request.Request(path, urlencode({"token": token}).encode(), {"Authorization": f"Basic {basic}"}, method="POST"))
    assert status == 200, body
    return json.loads(body or b"null")


def tunnels(ports: dict[str, int]) -> Any:
    """A proxy that reaches these hosts on loopback, and no other."""

    def behave(peer: Peer) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            if not (read := peer.socket.recv(4096)):
                return
            head += read
        host = head.split()[1].decode().partition(":")[0]
        with socket.create_connection(("127.0.0.1", ports[host])) as there:
            peer.socket.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            back = threading.Thread(target=_pump, args=(there, peer.socket), daemon=True)
            back.start()
            _pump(peer.socket, there)
            back.join(5)

    return behave


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while read := source.recv(65536):
            sink.sendall(read)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


@pytest.fixture(params=[3], ids=["3 s"])
def mix(request: pytest.FixtureRequest, oidc_provider: Any, tmp_path: Any) -> Iterator[Mix]:
    """Nuance Mix for one application, whose id has colons."""
    application = f"appID:{request.node.name[:30].upper()}:geo:us:clientName:default"
    client = oidc_provider.new_client(client_id=application, client_secret=SPECIAL_SECRET, ttl=request.param)
    resource = oidc_provider.new_client()
    seen: set[str] = set()

    def is_active(token: str) -> bool:
        told = asking(oidc_provider, oidc_provider.introspection_url, resource, token)
        if told["active"]:
            seen.add(token)
        return bool(told["active"] and "asr" in told["scope"].split())

    authority = Authority()
    context = ssl.create_default_context(cadata=authority.pem)
    tokens, voices = TokenHost(oidc_provider), Api(accepts=is_active)
    with ExitStack() as stack:
        token_port = stack.enter_context(Server(talks(tokens), tls=server_context(authority.issue(AUTHORIZATION)))).port
        voices_port = stack.enter_context(Server(talks(voices), tls=server_context(authority.issue(TTS)))).port
        proxy = stack.enter_context(Server(tunnels({TTS: voices_port}))).url
        speech = stack.enter_context(speaking(Speech(accepts=is_active, names=(ASR,))))
        (tmp_path / "ca.pem").write_text(authority.pem)
        routes = {f"{AUTHORIZATION}:443": f"127.0.0.1:{token_port}"}
        settings = Settings.load({"sources": [], "routes": routes, "ca": tmp_path / "ca.pem", "proxy": ""}, env={})
        run = stack.enter_context(Engine(settings=settings))
        yield Mix(oidc_provider, client, tokens, speech, voices, run, proxy, context, seen)


def is_worth_another_call(error: grpc.RpcError) -> bool:
    """Did the token of a stream of requests expire on its way? That is not sent again by itself, and the next call has another token."""
    note = note_of(error)
    return note is not None and "The next call has a new token" in note.text


def repeated(call: Callable[[], Any]) -> Any:
    """The result of a call whose requests are a stream."""
    try:
        return call()
    except grpc.RpcError as error:
        if not is_worth_another_call(error):
            raise
        return call()


async def repeated_in_loop(call: Callable[[], Any]) -> Any:
    """The same in asyncio."""
    try:
        return await call()
    except grpc.RpcError as error:
        if not is_worth_another_call(error) and error.code() is not grpc.StatusCode.INTERNAL:  # gRPC's own word, where a write fails first
            raise
        return await call()


def spoken(channel: Any) -> bool:
    """Is every kind of call answered?"""
    gathered = repeated(lambda: gather(channel, iter([b"a", b"b"])))
    talked = repeated(lambda: b"".join(talk(channel, iter([b"c"]))))
    return (say(channel), b"".join(count(channel)), gathered, talked) == (b"hello", b"012", b"a b", b"c")


async def spoken_in_loop(channel: Any) -> bool:
    """The same in asyncio."""
    counted = b"".join([message async for message in count(channel)])
    gathered = await repeated_in_loop(lambda: gather(channel, [b"a", b"b"]))
    return (await say(channel), counted, gathered) == (b"hello", b"012", b"a b")


def test_channels_and_clients_outlive_their_tokens(mix: Mix):
    """Sync and asyncio, gRPC and REST, all four kinds of calls, over three expiries: every call is answered, and each token was asked for once."""
    connection, is_over = mix.connection(), threading.Event()

    def blocking() -> list[bool]:
        answered = []
        with mix.speech.channel(connection) as channel, connection.client(**mix.options()) as client:
            while not is_over.wait(0.1):
                answered += [spoken(channel), client.get(VOICES).status_code == 200]
        return answered

    async def looping() -> list[bool]:
        answered = []
        async with mix.speech.aio_channel(connection) as channel, connection.async_client(**mix.options()) as client:
            while not is_over.is_set():
                answered += [await spoken_in_loop(channel), (await client.get(VOICES)).status_code == 200]
                await asyncio.sleep(0.1)
        return answered

    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(blocking), pool.submit(asyncio.run, looping())]
        try:
            until(lambda: mix.granted >= 4 or any(run.done() for run in runs), 60)
        finally:
            is_over.set()
        answered = [answer for run in runs for answer in run.result(60)]

    assert all(answered)
    assert len(answered) > 20
    assert mix.tokens.asked == mix.granted
    assert mix.granted - 1 <= len(mix.seen) <= mix.granted  # the last one may have been got ahead of its use


@pytest.mark.parametrize("mix", [600], indirect=True, ids=["ten minutes"])
def test_a_token_that_is_revoked_early_is_renewed_once(mix: Mix):
    """Revoked at the provider (RFC 7009): sixteen calls at once over gRPC and REST get one new token between them."""
    connection = mix.connection()
    with mix.speech.channel(connection) as channel, connection.client(**mix.options()) as client, ThreadPoolExecutor(16) as pool:
        assert spoken(channel)
        [first] = mix.seen
        asking(mix.provider, mix.provider.revocation_url, mix.client, first)

        said = [pool.submit(say, channel) for _ in range(8)] + [pool.submit(lambda: client.get(VOICES).status_code) for _ in range(8)]

        assert {each.result(60) for each in said} == {b"hello", 200}

    assert (mix.granted, len(mix.seen)) == (2, 2)


@pytest.mark.parametrize("mix", [600], indirect=True, ids=["ten minutes"])
@pytest.mark.parametrize("form", ["colons", "escaped"])
def test_an_id_with_colons_is_encoded_once(mix: Mix, form: str):
    """Written with colons or with `%3A`, as Nuance's own examples have it: the provider knows the same client."""
    client_id = mix.client.client_id if form == "colons" else mix.client.client_id.replace(":", "%3A")
    with mix.speech.channel(mix.connection(client_id=client_id)) as channel:
        assert say(channel) == b"hello"


@pytest.mark.parametrize("mix", [600], indirect=True, ids=["ten minutes"])
def test_a_short_rate_limit_of_the_authorization_service_is_waited_out(mix: Mix):
    """429 and `Retry-After: 1` at the token endpoint: the call waits for its token, and everybody for the same."""
    mix.tokens.script = [Reply(429, b"{}", (("Retry-After", "1"),))]
    begun = time.monotonic()
    with mix.speech.channel(mix.connection()) as channel, ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: say(channel), range(8))) == {b"hello"}

    assert time.monotonic() - begun >= 1
    assert (mix.tokens.asked, mix.granted) == (2, 1)


@pytest.mark.parametrize("mix", [600], indirect=True, ids=["ten minutes"])
def test_a_long_rate_limit_of_the_authorization_service_fails_at_once(mix: Mix):
    """429 and `Retry-After: 600`: gRPC and REST say when to come again, and nobody asks before."""
    mix.tokens.script = [Reply(429, b"{}", (("Retry-After", "600"),))]
    connection = mix.connection()
    with mix.speech.channel(connection) as channel, connection.client(**mix.options()) as client:
        with pytest.raises(grpc.RpcError) as caught:
            say(channel)
        with pytest.raises(RateLimited):
            client.get(VOICES)

    note = note_of(caught.value)
    assert note is not None
    assert isinstance(note.error, RateLimited)
    assert time.time() + 500 < note.retry_at < time.time() + 601
    assert "asked to wait (429)" in caught.value.details()
    assert mix.tokens.asked == 1
    assert mix.speech.asked == mix.voices.asked == []


@pytest.mark.parametrize("mix", [600], indirect=True, ids=["ten minutes"])
def test_the_rate_limit_of_a_runtime_service_is_waited_out(mix: Mix):
    """UNAVAILABLE with `x-envoy-ratelimited: true`, as Mix documents it: a second later once more, in both colours; without patience at once."""
    limited = (grpc.StatusCode.UNAVAILABLE, "rate limited", (("x-envoy-ratelimited", "true"),))
    connection = mix.connection()

    async def looping() -> Any:
        async with mix.speech.aio_channel(connection) as channel:
            return await say(channel)

    for call in (lambda: say(channel), lambda: asyncio.run(looping())):
        mix.speech.script = [limited]
        begun = time.monotonic()
        with mix.speech.channel(connection) as channel:
            assert call() == b"hello"
        assert time.monotonic() - begun >= 1
    mix.speech.script = [limited]
    with mix.speech.channel(connection, patience=0) as channel, pytest.raises(grpc.RpcError) as caught:
        say(channel)

    assert "try again in 1.0 s" in note_of(caught.value).text
    assert mix.granted == 1


@pytest.mark.parametrize("mix", [600], indirect=True, ids=["ten minutes"])
def test_a_wrong_secret_is_told_in_the_status(mix: Mix):
    """The provider's own word and the command that says more; nothing reaches a service."""
    with mix.speech.channel(mix.connection(client_secret="wr0ng-one")) as channel, pytest.raises(grpc.RpcError) as caught:
        say(channel)

    said = caught.value.details()
    assert "invalid_client" in said
    assert "authweave test nuance-mix-runtime" in said
    assert "wr0ng-one" not in said
    assert mix.speech.asked == []


def test_a_service_elsewhere_gets_nothing(mix: Mix):
    """A server with a sound certificate of another name, which the profile does not name."""
    with speaking(Speech(names=("asr.api.nuance.example",))) as other, other.channel(mix.connection()) as channel, pytest.raises(grpc.RpcError) as caught:
        say(channel)

    assert "https://asr.api.nuance.example is not among the servers" in caught.value.details()
    assert (other.asked, mix.tokens.asked) == ([], 0)
