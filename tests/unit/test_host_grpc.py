"""gRPC channels with the credential of a profile: sync and asyncio, all four kinds of calls."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import grpc
import grpc.aio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from authweave.applying.sent import Sent
from authweave.errors import OriginRefused, PlacementError, TokenEndpointError, UnexpectedFailure, UsageError
from authweave.hosts.grpc import Note, call_credentials, interceptors, note_of, secure_channel
from authweave.hosts.grpc.asynchronous import following as aio_following
from authweave.hosts.grpc.course import Answer, Course
from authweave.hosts.grpc.limits import limit_of
from authweave.hosts.grpc.metadata import metadata_of
from authweave.hosts.grpc.waited import answer_of, following
from authweave.hosts.named import Named
from authweave.hosts.whose import Whose
from authweave.values import Judgement, TaskRequest
from services import CLIENT_SECRET, Identity, connect, engine, oauth, says, serving, until
from speech import DENIED, ORIGIN, UNAUTHENTICATED, Speech, count, gather, say, speaking, talk
from thorough import every

UNAVAILABLE, EXHAUSTED = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED
GONE = (UNAUTHENTICATED, "token is not active", ())
LIMITED = (UNAVAILABLE, "rate limit", (("retry-after", "0"),))


@pytest.fixture(scope="module")
def service() -> Iterator[Speech]:
    with speaking(Speech()) as speech:
        yield speech


@pytest.fixture
def speech(service: Speech) -> Speech:
    """The service as new."""
    service.asked.clear()
    service.script.clear()
    service.accepts, service.late = bool, frozenset()
    return service


@pytest.fixture
def identity() -> Iterator[Identity]:
    with serving(Identity()) as identity:
        yield identity


@contextlib.contextmanager
def channel_of(speech: Speech, identity: Identity, **options: Any) -> Iterator[Any]:
    with speech.channel(connect(oauth(identity), ORIGIN), **options) as channel:
        yield channel


def told(caplog: Any) -> list[str]:
    """What was logged for people."""
    return [record.message for record in caplog.records if record.name == "authweave.hosts"]


def failed(call: Any) -> Any:
    """The error of a call."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value


CALLS = {
    "unary-unary": lambda channel: say(channel, b"0"),
    "with_call": lambda channel: channel.unary_unary("/speech.Speech/Say").with_call(b"0", timeout=20)[0],
    "future": lambda channel: channel.unary_unary("/speech.Speech/Say").future(b"0", timeout=20).result(20),
    "unary-stream": lambda channel: b"".join(count(channel, 1)),
    "stream-unary": lambda channel: gather(channel, iter([b"0"])),
    "stream-unary future": lambda channel: channel.stream_unary("/speech.Speech/Gather").future(iter([b"0"]), timeout=20).result(20),
    "stream-stream": lambda channel: b"".join(talk(channel, iter([b"0"]))),
}
REPLAYABLE = {name: call for name, call in CALLS.items() if not name.startswith("stream")}
STREAMED = {name: call for name, call in CALLS.items() if name.startswith("stream")}


async def _aio_say(channel: Any) -> Any:
    return await say(channel, b"0")


async def _aio_count(channel: Any) -> Any:
    return b"".join([message async for message in count(channel, 1)])


async def _aio_read(channel: Any) -> Any:
    call, read = count(channel, 1), b""
    while (message := await call.read()) is not grpc.aio.EOF:
        read += message
    return read


async def _later() -> AsyncIterator[bytes]:
    """Requests that are written when the server has decided: gRPC calls a write that fails before INTERNAL."""
    await asyncio.sleep(0.3)
    yield b"0"


async def _aio_gather(channel: Any) -> Any:
    return await gather(channel, _later())


async def _aio_write(channel: Any) -> Any:
    call = gather(channel)
    await call.write(b"0")
    await call.done_writing()
    return await call


async def _aio_talk(channel: Any) -> Any:
    return b"".join([message async for message in talk(channel, _later())])


async def _aio_turns(channel: Any) -> Any:
    call = talk(channel)
    await call.write(b"0")
    said = await call.read()
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    return said


AIO_CALLS: dict[str, Any] = {
    "unary-unary": _aio_say, "unary-stream": _aio_count, "unary-stream read": _aio_read, "stream-unary": _aio_gather,
    "stream-unary write": _aio_write, "stream-stream": _aio_talk, "stream-stream turns": _aio_turns,
}  # fmt: skip
AIO_REPLAYABLE = {name: call for name, call in AIO_CALLS.items() if name.startswith("unary")}
AIO_STREAMED = {name: AIO_CALLS[name] for name in ("stream-unary", "stream-stream")}


def in_loop(speech: Speech, identity: Identity, call: Any, times: int = 1, **options: Any) -> list[Any]:
    """The results of the call, or its errors, one after the other on one channel."""

    async def run() -> list[Any]:
        found: list[Any] = []
        async with speech.aio_channel(connect(oauth(identity), ORIGIN), **options) as channel:
            for _ in range(times):
                try:
                    found.append(await call(channel))
                except grpc.RpcError as error:
                    found.append(error)
        return found

    return asyncio.run(run())


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_every_kind_of_call_carries_the_token(speech: Speech, identity: Identity, call: Any):
    """One token request, and the credential in the metadata of each call, in lower case."""
    with channel_of(speech, identity) as channel:
        assert [call(channel), call(channel)] == [b"0", b"0"]

    assert speech.tokens == ["T1", "T1"]
    assert identity.count == 1
    assert ("authorization", "Bearer T1") in speech.asked[0].metadata


@pytest.mark.parametrize("call", AIO_CALLS.values(), ids=AIO_CALLS)
def test_every_kind_of_call_carries_the_token_in_asyncio(speech: Speech, identity: Identity, call: Any):
    """The same for asyncio, whether messages are iterated or read and written."""
    assert in_loop(speech, identity, call, 2) == [b"0", b"0"]

    assert speech.tokens == ["T1", "T1"]
    assert identity.count == 1


@pytest.mark.parametrize("call", REPLAYABLE.values(), ids=REPLAYABLE)
def test_a_refused_token_is_renewed_once(speech: Speech, identity: Identity, call: Any):
    """UNAUTHENTICATED: the token that was sent is dropped, another one got, and the call made once more."""
    with channel_of(speech, identity) as channel:
        call(channel)
        speech.accepts = lambda token: token != "T1"

        assert call(channel) == b"0"

    assert speech.tokens == ["T1", "T1", "T2"]
    assert identity.count == 2


@pytest.mark.parametrize("call", AIO_REPLAYABLE.values(), ids=AIO_REPLAYABLE)
def test_a_refused_token_is_renewed_once_in_asyncio(speech: Speech, identity: Identity, call: Any):
    """The same for asyncio."""
    speech.accepts = lambda token: token != "T1"

    assert in_loop(speech, identity, call) == [b"0"]

    assert speech.tokens == ["T1", "T2"]
    assert identity.count == 2


@pytest.mark.parametrize("call", STREAMED.values(), ids=STREAMED)
def test_a_stream_of_requests_is_not_sent_twice(speech: Speech, identity: Identity, call: Any, caplog: Any):
    """Its token is dropped all the same, so that the next call has another one; the error and the log say so."""
    speech.accepts = lambda token: token != "T1"
    with channel_of(speech, identity) as channel:
        error = failed(lambda: call(channel))
        assert call(channel) == b"0"

    assert error.code() is UNAUTHENTICATED
    assert "a stream of requests cannot be sent twice. The next call has a new token" in note_of(error).text
    assert note_of(error).kind == "refused"
    assert told(caplog) == [note_of(error).text]
    assert speech.tokens == ["T1", "T2"]


@pytest.mark.parametrize("call", AIO_STREAMED.values(), ids=AIO_STREAMED)
def test_a_stream_of_requests_is_not_sent_twice_in_asyncio(speech: Speech, identity: Identity, call: Any, caplog: Any):
    """The same for asyncio."""
    speech.accepts = lambda token: token != "T1"

    error, result = in_loop(speech, identity, call, 2)

    assert error.code() is UNAUTHENTICATED
    assert result == b"0"
    assert speech.tokens == ["T1", "T2"]
    assert "The next call has a new token" in note_of(error).text
    assert told(caplog) == [note_of(error).text]


def test_a_write_that_fails_before_the_status_comes_does_not_hide_it(speech: Speech, identity: Identity):
    """gRPC may call it INTERNAL where a server refuses before the first write; the token is dropped all the same."""
    async def run() -> None:
        async with speech.aio_channel(connect(oauth(identity), ORIGIN)) as channel:
            for number in range(1, 6):
                speech.accepts = bool
                await say(channel)
                speech.accepts = lambda token, dead=f"T{number}": token != dead
                with pytest.raises(grpc.RpcError):
                    await gather(channel, iter([b"0"]))
                while speech.asked[-1].bearer != f"T{number + 1}":
                    await say(channel)

    asyncio.run(run())


@pytest.mark.parametrize("call", REPLAYABLE.values(), ids=REPLAYABLE)
def test_a_renewed_token_that_is_refused_is_the_end(speech: Speech, identity: Identity, call: Any):
    """No third attempt: the server's own error, with a note that tells a person what to do."""
    speech.accepts = lambda token: False
    with channel_of(speech, identity) as channel:
        error = failed(lambda: call(channel))

    assert (error.code(), error.details()) == (UNAUTHENTICATED, "token is not active")
    assert "acme: the API does not accept the credential (UNAUTHENTICATED)" in note_of(error).text
    assert "authweave test acme" in note_of(error).text
    assert note_of(error).text in error.__notes__
    assert speech.tokens == ["T1", "T2"]


def test_a_renewed_token_that_is_refused_is_the_end_in_asyncio(speech: Speech, identity: Identity):
    """The same for asyncio."""
    speech.accepts = lambda token: False

    [error] = in_loop(speech, identity, _aio_say)

    assert (error.code(), error.details()) == (UNAUTHENTICATED, "token is not active")
    assert "authweave test acme" in note_of(error).text
    assert speech.tokens == ["T1", "T2"]


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_forbidden_call_is_not_made_again(speech: Speech, identity: Identity, call: Any, caplog: Any):
    """PERMISSION_DENIED: one attempt, no renewal, a plain note."""
    speech.script = [(DENIED, "scope asr is missing", ())]
    with channel_of(speech, identity) as channel:
        error = failed(lambda: call(channel))

    assert (error.code(), error.details()) == (DENIED, "scope asr is missing")
    assert note_of(error).kind == "forbidden"
    assert "forbids this (PERMISSION_DENIED)" in note_of(error).text
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert (speech.tokens, identity.count) == (["T1"], 1)


@pytest.mark.parametrize("code", [grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INTERNAL, UNAVAILABLE, EXHAUSTED], ids=str)
def test_what_is_not_about_the_credential_passes_untouched(speech: Speech, identity: Identity, code: grpc.StatusCode, caplog: Any):
    """Any other failure is the caller's: no attempt of ours, no note, no log."""
    speech.script = [(code, "as it is", (("x-own", "kept"),))]
    with channel_of(speech, identity) as channel:
        error = failed(lambda: say(channel))

    assert (error.code(), error.details(), note_of(error)) == (code, "as it is", None)
    assert ("x-own", "kept") in [tuple(pair) for pair in error.trailing_metadata()]
    assert (len(speech.asked), told(caplog)) == (1, [])


@pytest.mark.parametrize("call", REPLAYABLE.values(), ids=REPLAYABLE)
def test_a_short_rate_limit_is_waited_out(speech: Speech, identity: Identity, call: Any):
    """The named time, then once more, with the same token."""
    speech.script = [LIMITED]
    with channel_of(speech, identity) as channel:
        assert call(channel) == b"0"

    assert speech.tokens == ["T1", "T1"]
    assert identity.count == 1


@pytest.mark.parametrize("call", AIO_REPLAYABLE.values(), ids=AIO_REPLAYABLE)
def test_a_short_rate_limit_is_waited_out_in_asyncio(speech: Speech, identity: Identity, call: Any):
    """The same for asyncio."""
    speech.script = [LIMITED]

    assert in_loop(speech, identity, call) == [b"0"]

    assert speech.tokens == ["T1", "T1"]


def test_a_rate_limit_is_waited_out_once(speech: Speech, identity: Identity):
    """The second time it fails, with everything the server said."""
    speech.script = [LIMITED, LIMITED, LIMITED]
    with channel_of(speech, identity) as channel:
        error = failed(lambda: say(channel))

    assert (error.code(), note_of(error).kind) == (UNAVAILABLE, "rate_limited")
    assert ("retry-after", "0") in [tuple(pair) for pair in error.trailing_metadata()]
    assert len(speech.asked) == 2


@pytest.mark.parametrize(
    ("metadata", "options"),
    [
        ((("retry-after", "30"),), {}),
        ((("retry-after", "2"),), {"timeout": 1.5}),
        ((("grpc-retry-pushback-ms", "1000"),), {"patience": 0.5}),
        ((("x-envoy-ratelimited", "true"),), {"patience": 0}),
    ],
    ids=["long", "deadline", "patience", "unnamed"],
)  # fmt: skip
def test_a_rate_limit_that_is_too_long_fails_at_once(speech: Speech, identity: Identity, metadata: Any, options: dict[str, Any], caplog: Any):
    """Where the wait is longer than the patience or the call's deadline: at once, with the time to come again in note and log."""
    speech.script = [(EXHAUSTED, "slow down", metadata)]
    timeout = options.pop("timeout", 20)
    with channel_of(speech, identity, **options) as channel:
        say(channel) if timeout < 20 and speech.script.insert(0, None) is None else None
        error = failed(lambda: say(channel, timeout=timeout))

    note = note_of(error)
    assert (error.code(), error.details(), note.kind) == (EXHAUSTED, "slow down", "rate_limited")
    assert note.retry_at > 0
    assert "try again in" in told(caplog)[0]
    assert speech.script == []


def test_a_server_that_says_not_to_come_again_is_left_alone(speech: Speech, identity: Identity):
    """A negative pushback (gRPC A6): no attempt, and no time named."""
    speech.script = [(UNAVAILABLE, "no", (("grpc-retry-pushback-ms", "-1"), ("retry-after", "0")))]
    with channel_of(speech, identity) as channel:
        error = failed(lambda: say(channel))

    assert note_of(error).retry_at is None
    assert "not to be asked again" in note_of(error).text
    assert len(speech.asked) == 1


def test_one_renewal_and_one_wait_and_no_more(speech: Speech, identity: Identity):
    """Refused, limited, refused again: three attempts, two token requests, then the server's answer."""
    speech.script = [GONE, LIMITED, GONE, GONE, GONE]
    with channel_of(speech, identity) as channel:
        error = failed(lambda: say(channel))

    assert error.code() is UNAUTHENTICATED
    assert speech.tokens == ["T1", "T2", "T2"]
    assert identity.count == 2


def test_limited_first_and_refused_then(speech: Speech, identity: Identity):
    """The other way round: each reason once."""
    speech.script = [LIMITED, GONE, GONE, GONE]
    with channel_of(speech, identity) as channel:
        failed(lambda: say(channel))

    assert speech.tokens == ["T1", "T1", "T2"]


def test_a_stream_that_was_begun_is_not_begun_again(speech: Speech, identity: Identity):
    """UNAUTHENTICATED after the first answer: the caller gets the error, the next call a new token."""
    speech.late = frozenset({"T1"})
    with channel_of(speech, identity) as channel:
        call = count(channel, 3)
        first = next(call)
        error = failed(lambda: next(call))

        assert list(count(channel, 3)) == [b"0", b"1", b"2"]

    assert (first, error.code()) == (b"0", UNAUTHENTICATED)
    assert "a part of the answer had been read" in note_of(error).text
    assert speech.tokens == ["T1", "T2"]


def test_a_stream_that_was_begun_is_not_begun_again_in_asyncio(speech: Speech, identity: Identity):
    """The same for asyncio."""
    speech.late = frozenset({"T1"})
    read = []

    async def listen(channel: Any) -> None:
        async for message in count(channel, 3):
            read.append(message)

    error, nothing = in_loop(speech, identity, listen, 2)

    assert (read, error.code(), nothing) == ([b"0", b"0", b"1", b"2"], UNAUTHENTICATED, None)
    assert "a part of the answer had been read" in note_of(error).text
    assert speech.tokens == ["T1", "T2"]


def test_how_a_stream_ended_is_how_its_last_attempt_did(speech: Speech, identity: Identity):
    """Asked for code and metadata before anything is read, a stream is made again as by reading it; callbacks hear the last end."""
    speech.accepts = lambda token: token != "T1"
    ended = threading.Event()
    with channel_of(speech, identity) as channel:
        call = count(channel, 0)
        call.add_callback(ended.set)

        assert call.code() is grpc.StatusCode.OK
        assert ended.wait(10)

    assert speech.tokens == ["T1", "T2"]


def test_another_origin_never_gets_the_credential(speech: Speech, identity: Identity):
    """A channel to a server that the profile does not name: an error for each call, never one without the credential."""
    with channel_of(Speech(port=speech.port, pem=speech.pem, names=("other.example",)), identity) as channel, contextlib.suppress(grpc.RpcError):
        say(channel)
    with speech.channel(connect(oauth(identity), "https://elsewhere.example")) as channel:
        error = failed(lambda: say(channel))

    assert error.code() is UNAVAILABLE
    assert "https://speech.acme.example is not among the servers that may get this credential" in error.details()
    assert isinstance(note_of(error).error, OriginRefused)
    assert (speech.asked, identity.count) == ([], 0)


def test_a_wildcard_and_a_port_are_parts_of_the_origin(speech: Speech, identity: Identity):
    """`https://*.acme.example` takes any of its hosts on 443, and none on another port."""
    with speech.channel(connect(oauth(identity), "https://*.acme.example")) as channel:
        assert say(channel) == b"hello"
    with speech.channel(connect(oauth(identity), "https://*.acme.example:8443")) as channel:
        assert "is not among the servers" in failed(lambda: say(channel)).details()


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ({"in": "query", "key": "key", "value": "v4lue"}, "puts fields into query"),
        ({"in": "payload", "key": "key", "value": "v4lue"}, "reads or changes the body"),
        ({"in": "header", "key": "trace-bin", "value": "v4lue"}, "header trace-bin: metadata that ends in -bin are binary"),
        ({"in": "header", "key": "User-Agent", "value": "v4lue"}, "header User-Agent: gRPC writes this one itself"),
        ({"in": "header", "key": "grpc-timeout", "value": "v4lue"}, "gRPC writes this one itself"),
        ({"in": "header", "key": "x!", "value": "v4lue"}, "header x!: not a name that gRPC metadata can have"),
    ],
    ids=lambda value: value["key"] if isinstance(value, dict) else "",
)  # fmt: skip
def test_what_metadata_cannot_carry_is_refused(speech: Speech, identity: Identity, field: dict[str, str], words: str):
    """A field elsewhere, a binary name, a name of gRPC's own, a value beyond ASCII: an error before anything is sent, without the value."""
    with speech.channel(connect(oauth(identity), ORIGIN, fields=[field])) as channel:
        error = failed(lambda: say(channel))

    assert words in error.details()
    assert isinstance(note_of(error).error, PlacementError)
    assert "v4l" not in error.details() + note_of(error).text
    assert speech.asked == []


@pytest.mark.parametrize("value", ["v4luë", "v4l\nue", "v4l\x7f"], ids=["latin", "line", "delete"])
def test_a_value_beyond_visible_ascii_is_no_metadata(value: str):
    """gRPC would log it and fail the call with "Illegal metadata"; here the field is named, and its value is not."""
    plain = TaskRequest("POST", ORIGIN)
    connection = connect({"type": "none"}, ORIGIN)
    sent = Sent(plain, None, connection.credential(connection.profile.variants[0]), (), {})
    finished = replace(plain, headers=(("X-Own", value),), made_from=SimpleNamespace(sent=sent))

    with pytest.raises(PlacementError, match=r"^header X-Own: its value has characters") as caught:
        metadata_of(finished)

    assert "v4l" not in str(caught.value)


def test_fields_of_the_profile_become_metadata(speech: Speech, identity: Identity):
    """Names in lower case, beside the caller's own metadata."""
    with speech.channel(connect(oauth(identity), ORIGIN, fields=[{"in": "header", "key": "X-Tenant", "value": "blue"}])) as channel:
        say(channel, metadata=(("x-own", "mine"),))

    assert {("x-tenant", "blue"), ("x-own", "mine")} <= set(speech.asked[0].metadata)


def test_no_token_no_call(speech: Speech, identity: Identity, caplog: Any):
    """The token endpoint's refusal stands in the status details, in words, and no secret in anything."""
    identity.script = [says({"error": "invalid_client", "error_description": f"not {CLIENT_SECRET}"}, 401)]
    with channel_of(speech, identity) as channel:
        error = failed(lambda: say(channel))

    said = f"{error!r} {error.details()} {note_of(error)!r} {caplog.text} {error.__notes__}"
    assert error.code() is UNAVAILABLE
    assert "invalid_client" in error.details()
    assert "authweave test acme" in error.details()
    assert isinstance(note_of(error).error, TokenEndpointError)
    assert CLIENT_SECRET not in said
    assert speech.asked == []


def test_no_token_no_call_in_asyncio(speech: Speech, identity: Identity):
    """The same for asyncio, for every kind of call that tells it by an error."""
    identity.script = [says({"error": "invalid_client"}, 401) for _ in range(9)]
    for call in AIO_CALLS.values():
        with contextlib.suppress(asyncio.InvalidStateError):  # of one who writes to a call that has ended
            [error] = in_loop(speech, identity, call)
            assert "invalid_client" in error.details()

    assert speech.asked == []


def test_a_failure_inside_the_engine_reaches_the_call_once(speech: Speech):
    """Whatever a plugin of the engine raises: one answer to gRPC, of an error that names neither words nor values."""

    class Broken:
        def connect(self, *_: Any, **__: Any) -> Any:
            raise ValueError("s3cr3t-in-the-words")

    with speech.channel("acme", engine=Broken()) as channel:
        error = failed(lambda: say(channel))

    assert "s3cr3t" not in f"{error!r}{error.details()}{note_of(error)!r}"
    assert isinstance(note_of(error).error, UnexpectedFailure)
    assert speech.asked == []


def test_a_name_that_is_no_profile_fails_the_call(speech: Speech):
    """The profile is looked for with each call, so its name is checked there; how it is written is checked at once."""
    with speech.channel("no-such-profile", engine=engine()) as channel:
        error = failed(lambda: say(channel))

    assert "no-such-profile" in error.details()
    with pytest.raises(UsageError, match="names no profile"):
        secure_channel(speech.target, "acme,color=blue")


def test_many_channels_and_threads_ask_for_one_token(speech: Speech, identity: Identity):
    """Eight channels with four threads each: one token request; and one for the next token."""
    identity.delay = 0.2
    connection = connect(oauth(identity), ORIGIN)
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(32) as pool:
        channels = [stack.enter_context(speech.channel(connection)) for _ in range(8)]

        assert set(pool.map(say, channels * 4)) == {b"hello"}
        assert identity.count == 1
        speech.accepts = lambda token: token != "T1"
        assert set(pool.map(say, channels * 4)) == {b"hello"}

    assert identity.count == 2
    assert set(speech.tokens) == {"T1", "T2"}


def test_a_deadline_shorter_than_the_token_call(speech: Speech, identity: Identity):
    """DEADLINE_EXCEEDED for the call; the token is got all the same, for the next one."""
    identity.gate = threading.Event()
    with channel_of(speech, identity) as channel:
        error = failed(lambda: say(channel, timeout=0.3))
        identity.gate.set()

        assert say(channel) == b"hello"

    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "before there was a token" in note_of(error).text
    assert (identity.count, speech.tokens) == (1, ["T1"])


@pytest.mark.parametrize("call", ["say", "future", "count"])
def test_a_deadline_shorter_than_the_renewal(speech: Speech, identity: Identity, call: str):
    """The server's own answer when the time of the call is over, while the renewal goes on."""
    calls = {
        "say": lambda channel: say(channel, timeout=0.5),
        "future": lambda channel: channel.unary_unary("/speech.Speech/Say").future(b"0", timeout=0.5).result(20),
        "count": lambda channel: list(count(channel, timeout=0.5)),
    }
    with channel_of(speech, identity) as channel:
        say(channel)
        speech.accepts = lambda token: token != "T1"
        identity.gate = threading.Event()
        error = failed(lambda: calls[call](channel))
        identity.gate.set()

        assert say(channel) == b"hello"

    assert error.code() is UNAUTHENTICATED
    assert "the time of this call was over before there was another one" in note_of(error).text
    assert (identity.count, speech.tokens[:2], speech.tokens[-1]) == (2, ["T1", "T1"], "T2")


def test_a_cancelled_call_leaves_the_token_call_alone(speech: Speech, identity: Identity):
    """Cancelled while the token is being got: the token comes for everybody else."""
    identity.gate = threading.Event()
    with channel_of(speech, identity) as channel:
        call = channel.unary_unary("/speech.Speech/Say").future(b"0", timeout=20)
        until(lambda: identity.count == 1)
        assert call.cancel()
        with pytest.raises(grpc.FutureCancelledError):
            call.result(20)
        identity.gate.set()

        assert say(channel) == b"hello"

    assert identity.count == 1


def test_a_call_cancelled_between_its_attempts_is_over(speech: Speech, identity: Identity):
    """Cancelled while the token is being renewed: no second attempt."""
    with channel_of(speech, identity) as channel:
        say(channel)
        speech.accepts = lambda token: token != "T1"
        identity.gate = threading.Event()
        call = channel.unary_unary("/speech.Speech/Say").future(b"0", timeout=20)
        until(lambda: identity.count == 2)
        assert call.cancel()
        identity.gate.set()
        say(channel)

    assert call.cancelled()
    assert [asked.bearer for asked in speech.asked if asked.requests == [b"0"]] == ["T1"]


class Ended(grpc.UnaryUnaryClientInterceptor):
    """Between us and the wire: hands a call on once it has ended, as a quick server and a busy machine do."""

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        call = continuation(client_call_details, request)
        call.exception()
        return call


def test_a_future_waits_for_no_renewal(speech: Speech, identity: Identity):
    """Also where its first attempt has ended before it is at hand: it comes at once, and has the answer once there is another token."""
    connection = connect(oauth(identity), ORIGIN)
    with grpc.secure_channel(speech.target, speech.tls(), speech.options("")) as plain:
        channel = grpc.intercept_channel(plain, *interceptors(connection), Ended())
        say(channel)
        speech.accepts = lambda token: token != "T1"
        identity.gate = threading.Event()
        call = channel.unary_unary("/speech.Speech/Say").future(b"0", timeout=20)

        assert not call.done()
        identity.gate.set()
        assert call.result(20) == b"0"

    assert (identity.count, speech.tokens) == (2, ["T1", "T1", "T2"])


def test_a_cancelled_task_leaves_the_token_call_alone(speech: Speech, identity: Identity):
    """In asyncio, too: before the first attempt and between two."""
    identity.gate = threading.Event()

    async def run() -> Any:
        async with speech.aio_channel(connect(oauth(identity), ORIGIN)) as channel:
            for number in (1, 2):
                task = asyncio.ensure_future(_aio_say(channel))
                while identity.count < number:
                    await asyncio.sleep(0.01)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                identity.gate.set()
                assert await say(channel) == b"hello"
                identity.gate.clear()
                speech.accepts = lambda token: token != "T1"
            identity.gate.set()

    asyncio.run(run())

    assert (identity.count, speech.tokens[-1]) == (2, "T2")


@pytest.mark.parametrize("kind", ["insecure", "insecure_credentials"])
def test_a_channel_without_tls_gets_no_credential(identity: Identity, kind: str):
    """gRPC refuses to send one there, and the note says why; no token is renewed for that."""
    with speaking(Speech(), credentials="none") as plain:
        connection = connect(oauth(identity), f"http://{plain.target}")
        if kind == "insecure":
            channel = grpc.intercept_channel(grpc.insecure_channel(plain.target), *interceptors(connection))
        else:
            channel = secure_channel(plain.target, connection, grpc.experimental.insecure_channel_credentials())
        with channel:
            error = failed(lambda: say(channel))

        assert error.code() is UNAUTHENTICATED
        assert (note_of(error).kind, identity.count, plain.asked) == ("no_tls", 0, [])
        assert "channels over TLS only" in note_of(error).text


def test_a_local_channel_is_plain_http_on_loopback(identity: Identity):
    """gRPC's local credentials have no TLS: the profile has to name that server as http."""
    with speaking(Speech(), credentials=grpc.local_server_credentials()) as local:
        for servers, works in ((f"http://{local.target}", True), (f"https://{local.target}", False)):
            with secure_channel(local.target, connect(oauth(identity), servers), grpc.local_channel_credentials()) as channel:
                if works:
                    assert say(channel) == b"hello"
                else:
                    assert "is not among the servers" in failed(lambda: say(channel)).details()


def test_call_credentials_alone(speech: Speech, identity: Identity):
    """For channels that somebody else makes: the credential on every call, fresh; the rest is gRPC's."""
    connection = connect(oauth(identity), ORIGIN)
    tls = grpc.composite_channel_credentials(speech.tls(), call_credentials(connection))
    with grpc.secure_channel(speech.target, tls, speech.options()) as channel:
        assert say(channel) == b"hello"
    with grpc.secure_channel(speech.target, speech.tls(), speech.options()) as channel:
        assert say(channel, credentials=call_credentials(connection)) == b"hello"

    assert (speech.tokens, identity.count) == (["T1", "T1"], 1)


def test_credentials_of_the_call_are_kept(speech: Speech, identity: Identity):
    """What the caller gives for one call goes with the profile's."""

    def plugin(context: Any, callback: Any) -> None:
        callback((("x-user", "anna"),), None)

    with channel_of(speech, identity) as channel:
        say(channel, credentials=grpc.metadata_call_credentials(plugin))

    assert {("x-user", "anna"), ("authorization", "Bearer T1")} <= set(speech.asked[0].metadata)


@pytest.mark.parametrize("call", REPLAYABLE.values(), ids=REPLAYABLE)
def test_an_engine_that_is_closed_meanwhile_takes_no_answer_away(speech: Speech, identity: Identity, call: Any):
    """Closed while a call is under way: what failed has the server's status, and the note says why there was no other attempt."""
    connection = connect(oauth(identity), ORIGIN)
    with speech.channel(connection) as channel:
        speech.accepts = lambda token: connection.engine.close() is not None
        error = failed(lambda: call(channel))
        assert "closed" in note_of(error).text
        speech.accepts = bool
        assert call(channel) == b"0"

    assert (error.code(), error.details()) == (UNAUTHENTICATED, "token is not active")


def test_an_edited_profile_counts_on_open_channels(speech: Speech, identity: Identity, tmp_path: Any):
    """A channel made from a name outlives the profile's edits, too."""
    path = tmp_path / "edited.yaml"
    text = "format: 1\nname: edited\nidentity_provider: Acme\nservers: ['{}']\nauth: {{type: bearer}}\nfields: [{{in: header, key: x-edition, value: '{}'}}]\n"
    path.write_text(text.format(ORIGIN, "first"))
    run = engine(profiles=tmp_path, inputs={"token": "t0k3n"})
    with speech.channel({"profile": "edited"}, engine=run) as channel:
        say(channel)
        path.write_text(text.format(ORIGIN, "second one"))
        until(lambda: say(channel) and dict(speech.asked[-1].metadata)["x-edition"] == "second one")

    assert dict(speech.asked[0].metadata)["x-edition"] == "first"


def test_a_judge_that_fails_takes_no_answer_away():
    """Whatever goes wrong while an answer is judged: it stands as it came, and the note holds no words of what failed."""

    class Broken:
        def handle_response(self, *_: Any) -> Any:
            raise ValueError("s3cr3t-in-the-words")

    async def in_asyncio(course: Course, call: Any) -> Any:
        return await aio_following(course, answer_of(call))

    for judge in (following, lambda course, call: asyncio.run(in_asyncio(course, call))):
        for code in (grpc.StatusCode.OK, UNAUTHENTICATED):
            course = Course(Whose(Named("acme")), True, None, 5.0)
            course.attempt.connection, course.attempt.finished = Broken(), TaskRequest("POST", ORIGIN)  # type: ignore[assignment]  # it only fails
            call = SimpleNamespace(code=lambda code=code: code, trailing_metadata=tuple, initial_metadata=tuple)

            note = judge(course, call)

            assert (note is None) == (code is grpc.StatusCode.OK)
            if note is not None:
                assert isinstance(note.error, UnexpectedFailure)
                assert "s3cr3t" not in repr(note)


def in_protobuf(number: int, value: bytes | int) -> bytes:
    """A field of a protobuf message."""
    if isinstance(value, bytes):
        return bytes([number << 3 | 2, len(value)]) + value
    return bytes([number << 3]) + varint(value % 2**64)


def varint(value: int) -> bytes:
    return bytes([value & 0x7F | 0x80]) + varint(value >> 7) if value > 0x7F else bytes([value])


def retry_info(seconds: int, nanos: int = 0, kind: str = "google.rpc.RetryInfo") -> tuple[tuple[str, bytes], ...]:
    """The metadata in which google.rpc.Status carries a RetryInfo, after a detail of another kind."""
    info = in_protobuf(1, in_protobuf(1, seconds) + in_protobuf(2, nanos))
    other = in_protobuf(3, in_protobuf(1, b"type.googleapis.com/google.rpc.Help") + in_protobuf(2, b""))
    detail = in_protobuf(3, in_protobuf(1, f"type.googleapis.com/{kind}".encode()) + in_protobuf(2, info))
    return (("grpc-status-details-bin", in_protobuf(1, 14) + in_protobuf(2, b"slow down") + other + detail),)


@every(
    "metadata, seconds",
    [
        ((("grpc-retry-pushback-ms", "1500"), ("retry-after", "9")), 1.5),
        ((("grpc-retry-pushback-ms", "soon"), ("retry-after", "9")), None),
        ((*retry_info(2, 500_000_000), ("retry-after", "9")), 2.5),
        (retry_info(0), 0.0),
        (retry_info(-5), 0.0),
        ((*retry_info(2, kind="google.rpc.Other"), ("retry-after", "9")), 9.0),
        ((("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT"),), 10.0),
        ((("retry-after", "soon"), ("x-envoy-ratelimited", "true")), 1.0),
        ((("x-envoy-ratelimited", "TRUE"),), 1.0),
    ],
    ids=["pushback", "unreadable pushback", "RetryInfo", "no delay", "negative delay", "another detail", "date", "unreadable", "envoy"],
)  # fmt: skip
def test_what_a_server_asks_for(metadata: Any, seconds: float | None):
    """Each way to say it, in its order."""
    for code in (UNAVAILABLE, EXHAUSTED):
        limit = limit_of(code, metadata, 784111777.0)
        assert limit is not None
        assert limit.seconds == seconds


def test_what_asks_for_nothing():
    """No limit without its code and its words."""
    assert limit_of(UNAUTHENTICATED, [("retry-after", "1")], 0) is None
    assert limit_of(UNAVAILABLE, [("x-envoy-ratelimited", "false"), ("x-own", "1")], 0) is None
    assert limit_of(EXHAUSTED, [("grpc-status-details-bin", "as text")], 0) is None


@given(st.binary(max_size=60), st.text(max_size=20))
@pytest.mark.thorough
def test_any_metadata_are_survived(details: bytes, text: str):
    """Whatever a server sends: a limit or none, never an error."""
    for cut in (details, retry_info(2)[0][1][: len(details)] + details):
        limit = limit_of(UNAVAILABLE, [("grpc-status-details-bin", cut), ("retry-after", text)], 0)
        assert limit is None or limit.seconds is None or limit.seconds >= 0


def test_a_limit_in_status_details_is_waited_out(speech: Speech, identity: Identity):
    """google.rpc.RetryInfo over the wire."""
    speech.script = [(EXHAUSTED, "slow down", retry_info(0, 50_000_000))]
    with channel_of(speech, identity) as channel:
        assert say(channel) == b"hello"

    assert len(speech.asked) == 2


def test_nothing_is_left_of_calls(speech: Speech, identity: Identity):
    """A thousand calls leave no course of a call behind."""
    with channel_of(speech, identity) as channel:
        for _ in range(50):
            say(channel)
            list(count(channel, 1))
        gc.collect()
        left = [thing for thing in gc.get_objects() if isinstance(thing, Course)]

    assert len(left) < 5


def test_a_person_who_has_to_sign_in_is_told_by_the_note():
    """Where the token was a person's and nobody can renew it: the kind says so, and the text names the command."""
    course = Course(Whose(Named("acme", "blue", "anna")), True, None, 5.0)
    note = course.following(Answer(UNAUTHENTICATED), Judgement("sign_in_needed", "anna has to sign in again (401)"))

    assert isinstance(note, Note)
    assert note.kind == "sign_in_needed"
    assert note.text.startswith("acme,tenant=blue,subject=anna: anna has to sign in again (UNAUTHENTICATED).")
    assert "authweave test acme --tenant blue --subject anna" in note.text
