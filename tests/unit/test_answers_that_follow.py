"""Bytes that follow an answer are nobody's answer: `client()` uses no connection again over which some came."""

from __future__ import annotations

import asyncio
import time

import pytest

from authweave.net.unasked_answers import is_followed, wary
from services import Identity, connect, engine, oauth, serving
from sockets import Peer, Server, http

EVIL = http(body=b"EVIL")


def follows(after: bytes):
    """Answers every request with ONE, and then with more that nobody asked for."""

    def behave(peer: Peer) -> None:
        while True:
            peer.request()
            peer.send(http(body=b"ONE") + after)

    return behave


def asked(server: Server, identity: Identity, colour: str, **options) -> list[bytes]:
    """What three requests of one client came to."""
    connection = connect(oauth(identity), server.url.rstrip("/"), run=engine(**options))
    if colour == "sync":
        with connection.client(trust_env=False) as client:
            return [client.get(f"{server.url}x").content for _ in range(3)]

    async def main() -> list[bytes]:
        async with connection.async_client(trust_env=False) as client:
            return [(await client.get(f"{server.url}x")).content for _ in range(3)]

    return asyncio.run(main())


@pytest.mark.parametrize("colour", ["sync", "async"])
@pytest.mark.parametrize("after", [EVIL, b"x", b"\0" * 5000, b"HTTP/1.1 100 Continue\r\n\r\n"], ids=["an answer", "a letter", "zeros", "100"])
def test_what_follows_is_nobodys_answer(after, colour):
    """Each request has a connection of its own then."""
    with Server(follows(after)) as server, serving(Identity()) as identity:
        assert [b"ONE"] * 3 == asked(server, identity, colour)

    assert 3 == server.connections


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_what_ends_as_it_should_is_used_again(colour):
    """The negative twin: a quiet server's connection serves all three."""
    with Server(follows(b"")) as server, serving(Identity()) as identity:
        assert [b"ONE"] * 3 == asked(server, identity, colour)

    assert 1 == server.connections


def test_a_connection_that_the_server_has_closed_is_not_used_again():
    """What httpx finds out by itself stays found out."""
    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(http(body=b"ONE"))

    with Server(behave) as server, serving(Identity()) as identity, connect(oauth(identity), server.url.rstrip("/"), run=engine()).client(trust_env=False) as client:
        for _ in range(3):
            assert b"ONE" == client.get(f"{server.url}x").content
            time.sleep(0.1)

    assert 3 == server.connections


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_nor_where_an_egress_policy_pins_the_address(colour):
    """The transports that are held to a policy are as wary."""
    class Open:
        """Lets everything pass."""

        def refusal(self, departure):
            return None

    with Server(follows(EVIL)) as server, serving(Identity()) as identity:
        assert [b"ONE"] * 3 == asked(server, identity, colour, egress=Open())

    assert 3 == server.connections


def test_a_transport_of_the_callers_stays_as_it_is():
    """One that keeps connections in its own way is neither wrapped nor broken."""
    own = object()

    assert own is wary(own)
    assert not is_followed(own)
