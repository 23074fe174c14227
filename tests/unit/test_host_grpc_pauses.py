"""What a gRPC API asked of one call holds for the others with the same credential, in every channel of the process; and for nobody else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from authweave.hosts.grpc import note_of
from authweave.hosts.grpc.pauses import SPREAD, asked_for, left_alone
from services import Identity, connect, engine, oauth, serving
from speech import ORIGIN, Speech, say, speaking

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


@pytest.fixture
def speech() -> Iterator[Speech]:
    with speaking(Speech()) as speech:
        yield speech


@pytest.fixture
def identity() -> Iterator[Identity]:
    with serving(Identity()) as identity:
        yield identity


def limited(speech: Speech, seconds: float) -> Any:
    """The next answer asks for so many seconds."""
    speech.script = [(UNAVAILABLE, "rate limit", (("grpc-retry-pushback-ms", str(int(seconds * 1000))),))]


def refused(connection: Any, speech: Speech) -> None:
    """A call that has no time to wait is told."""
    with speech.channel(connection, patience=0) as channel, pytest.raises(grpc.RpcError) as caught:
        say(channel)
    assert "rate_limited" == note_of(caught.value).kind


@pytest.mark.parametrize("colour", ["sync", "asyncio"])
def test_another_channel_waits_as_well(speech: Speech, identity: Identity, colour: str):
    """Told to one call without patience: one of another channel comes when the time is over, and is not refused itself."""
    connection = connect(oauth(identity), ORIGIN)
    limited(speech, 0.7)
    begun = time.monotonic()
    refused(connection, speech)
    if colour == "sync":
        with speech.channel(connection) as channel:
            answer = say(channel, b"x")
    else:

        async def run() -> bytes:
            async with speech.aio_channel(connection) as channel:
                return await say(channel, b"x")  # type: ignore[no-any-return]  # bytes, as the service sends

        answer = asyncio.run(run())

    assert b"x" == answer
    assert 2 == len(speech.asked)
    assert time.monotonic() - begun > 0.7


def test_who_has_no_time_or_another_credential_does_not_wait(speech: Speech, identity: Identity):
    """A call without patience, one whose deadline comes first, and another tenant's go at once, beside one that waits."""
    run = engine()
    connection, other = (connect({**oauth(identity), "audience": audience}, ORIGIN, run=run) for audience in ("blue", "red"))
    limited(speech, 50)
    refused(connection, speech)
    with speech.channel(connection, patience=60) as channel, speech.channel(connection, patience=0) as hurried, speech.channel(other) as others:
        waiting = channel.unary_unary("/speech.Speech/Say").future(b"w", timeout=300)
        assert [b"h", b"d", b"o"] == [say(hurried, b"h"), say(channel, b"d", timeout=30), say(others, b"o")]
        assert not waiting.done()
        waiting.cancel()

    assert 4 == len(speech.asked)


def test_how_long_a_call_waits(identity: Identity):
    """What is left, and a little more, each another; not at all beyond its patience or its end; a shorter wish takes nothing off a longer one."""
    connection, url = connect(oauth(identity), ORIGIN), f"{ORIGIN}/speech.Speech/Say"
    asked_for(connection, url, 100.0)
    asked_for(connection, url, 1.0)
    waits = [left_alone(connection, url, 200.0, None) for _ in range(20)]

    assert all(90 < wait <= 100 * (1 + SPREAD) for wait in waits)
    assert len(set(waits)) > 1
    assert 0.0 == left_alone(connection, url, 5.0, None)
    assert 0.0 == left_alone(connection, url, 200.0, time.monotonic() + 100)
    assert 0.0 == left_alone(connection, "https://other.acme.example/", 200.0, None)
