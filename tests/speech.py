"""A gRPC service behind TLS on loopback that decides by a bearer token, and that a test tells what to answer.

    with speaking(Speech()) as speech, speech.channel("acme", engine=run) as channel:
        assert say(channel, b"hello") == b"hello"

The name in its certificate is `speech.acme.example`; a channel is sent to loopback by `grpc.ssl_target_name_override`.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio

from authweave.hosts.grpc import aio_secure_channel, secure_channel
from certificates import Authority

NAME = "speech.acme.example"
ORIGIN = f"https://{NAME}"
UNAUTHENTICATED, DENIED = grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED
Failure = tuple[grpc.StatusCode, str, tuple[tuple[str, str | bytes], ...]]


@dataclass
class Asked:
    """A call as it arrived."""

    method: str
    metadata: list[tuple[str, str | bytes]]
    requests: list[bytes] = field(default_factory=list)

    @property
    def bearer(self) -> str:
        """The bearer token, or ''."""
        return next((str(value).removeprefix("Bearer ") for key, value in self.metadata if key == "authorization"), "")


@dataclass
class Speech:
    """`accepts` says of a bearer token whether it is good. `script` is used up first: None lets the token decide.

    Of `late` tokens a stream of answers gives one, and is then UNAUTHENTICATED.
    """

    accepts: Callable[[str], bool] = bool
    script: list[Failure | None] = field(default_factory=list)
    late: frozenset[str] = frozenset()
    names: tuple[str, ...] = (NAME,)
    asked: list[Asked] = field(default_factory=list)
    port: int = 0
    pem: bytes = b""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    @property
    def tokens(self) -> list[str]:
        """The bearer tokens of the calls."""
        return [asked.bearer for asked in self.asked]

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    def tls(self) -> grpc.ChannelCredentials:
        """Credentials that believe its certificate."""
        return grpc.ssl_channel_credentials(self.pem)

    def options(self, name: str = "") -> list[tuple[str, str]]:
        return [("grpc.ssl_target_name_override", name or self.names[0])]

    def channel(self, named: Any, **options: Any) -> Any:
        """A channel with the profile's credential."""
        return secure_channel(self.target, named, self.tls(), self.options(options.pop("name", "")), **options)

    def aio_channel(self, named: Any, **options: Any) -> Any:
        """The same for asyncio."""
        return aio_secure_channel(self.target, named, self.tls(), self.options(options.pop("name", "")), **options)

    def judge(self, context: Any, asked: Asked) -> None:
        """End the call here, unless it is good."""
        with self._lock:
            self.asked.append(asked)
            failure = self.script.pop(0) if self.script else None
        if failure is None and not self.accepts(asked.bearer):
            failure = (UNAUTHENTICATED, "token is not active", ())
        if failure is not None:
            context.set_trailing_metadata(failure[2])
            context.abort(failure[0], failure[1])

    def say(self, request: bytes, context: Any) -> bytes:
        self.judge(context, Asked("Say", list(context.invocation_metadata()), [request]))
        return request

    def count(self, request: bytes, context: Any) -> Iterator[bytes]:
        asked = Asked("Count", list(context.invocation_metadata()), [request])
        self.judge(context, asked)
        for number in range(int(request)):
            yield str(number).encode()
            if asked.bearer in self.late:
                context.abort(UNAUTHENTICATED, "token is not active any more")

    def gather(self, requests: Iterable[bytes], context: Any) -> bytes:
        asked = Asked("Gather", list(context.invocation_metadata()))
        self.judge(context, asked)
        asked.requests.extend(requests)
        return b" ".join(asked.requests)

    def talk(self, requests: Iterable[bytes], context: Any) -> Iterator[bytes]:
        asked = Asked("Talk", list(context.invocation_metadata()))
        self.judge(context, asked)
        for request in requests:
            asked.requests.append(request)
            yield request


@contextlib.contextmanager
def speaking(speech: Speech, *, credentials: Any = None) -> Iterator[Speech]:
    """The service on a port. `credentials`: of another kind than TLS; 'none' for none."""
    authority = Authority()
    issued = authority.issue(*speech.names)
    handlers = {
        "Say": grpc.unary_unary_rpc_method_handler(speech.say), "Count": grpc.unary_stream_rpc_method_handler(speech.count),
        "Gather": grpc.stream_unary_rpc_method_handler(speech.gather), "Talk": grpc.stream_stream_rpc_method_handler(speech.talk),
    }  # fmt: skip
    with futures.ThreadPoolExecutor(32) as pool:
        server = grpc.server(pool)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("speech.Speech", handlers),))
        if credentials == "none":
            speech.port = server.add_insecure_port("127.0.0.1:0")
        else:
            tls = grpc.ssl_server_credentials([(issued.key.encode(), issued.certificate.encode())])
            speech.port = server.add_secure_port("127.0.0.1:0", credentials or tls)
        speech.pem = authority.pem.encode()
        server.start()
        try:
            yield speech
        finally:
            server.stop(None).wait()


def say(channel: Any, request: bytes = b"hello", **how: Any) -> Any:
    """unary-unary"""
    return channel.unary_unary("/speech.Speech/Say")(request, timeout=how.pop("timeout", 20), **how)


def count(channel: Any, to: int = 3, **how: Any) -> Any:
    """unary-stream"""
    return channel.unary_stream("/speech.Speech/Count")(str(to).encode(), timeout=how.pop("timeout", 20), **how)


def gather(channel: Any, requests: Any = None, **how: Any) -> Any:
    """stream-unary"""
    return channel.stream_unary("/speech.Speech/Gather")(requests, timeout=how.pop("timeout", 20), **how)


def talk(channel: Any, requests: Any = None, **how: Any) -> Any:
    """stream-stream"""
    return channel.stream_stream("/speech.Speech/Talk")(requests, timeout=how.pop("timeout", 20), **how)
