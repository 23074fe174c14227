"""Call credentials: gRPC asks them for the metadata of every call it makes, so that a channel outlives its tokens."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import grpc

from authweave.errors import AuthweaveError, UnexpectedFailure, UsageError
from authweave.hosts.grpc.metadata import metadata_of, refuse_message_readers
from authweave.hosts.grpc.pauses import after, left_alone
from authweave.hosts.telling import failure
from authweave.hosts.whose import Whose
from authweave.values import TaskRequest

if TYPE_CHECKING:
    from authweave.connections.connection import Connection
    from authweave.engine import Engine
    from authweave.hosts.named import Named
    from authweave.pending import Pending

_LOOPBACK: Final = re.compile(r"://(127\.[0-9.]+|localhost|\[::1\])(:[0-9]+)?/")


def call_credentials(named: Named | str | Mapping[str, Any] | Connection, *, engine: Engine | None = None) -> grpc.CallCredentials:
    """Call credentials for any channel over TLS, sync or asyncio: `grpc.composite_channel_credentials(tls, …)`, or for one call.

    They place the credential and keep it fresh; what a server says of it they never hear. `secure_channel` does: it renews
    a token that was refused. Do not use both for one channel. Raises UsageError.
    """
    return as_call_credentials(CallMetadata(Whose.of(named, engine)))


def as_call_credentials(plugin: CallMetadata) -> grpc.CallCredentials:
    """As gRPC takes them."""
    return grpc.metadata_call_credentials(plugin, "authweave")


class CallMetadata(grpc.AuthMetadataPlugin):
    """The metadata of a call to the URL that gRPC names. Its thread never waits for a token; the callback is called once.

    One made for a single call remembers: was it asked (`is_asked`), what was sent (`connection` and `finished`), or the
    `error` for which nothing was.
    `again` is the request to send instead of a new one, where the URL is still the same. A call of some `patience` (seconds) waits
    while the server wants to be left alone, if it does not have to be over by then (`end`, monotonic seconds).
    """

    def __init__(
        self, whose: Whose, *, again: tuple[Connection, TaskRequest] | None = None, patience: float = 0.0, end: float | None = None
    ) -> None:
        self._whose = whose
        self._again = again
        self._patience = patience
        self._end = end
        self.is_asked = False
        self.connection: Connection | None = None
        self.finished: TaskRequest | None = None
        self.error: AuthweaveError | None = None

    def __call__(self, context: Any, callback: Any) -> None:
        """Begin to get the metadata, and tell them to gRPC when they are there."""
        answer = _Once(callback)
        self.is_asked = True
        try:
            url = url_of(context)
            if self._again is not None and self._again[1].url == url:
                self._place(*self._again, answer)
                return
            connection = self._whose.connection()
            refuse_message_readers(connection)
            if wait := left_alone(connection, url, self._patience, self._end):
                after(wait, lambda: self._authorize(connection, url, answer))
            else:
                self._authorize(connection, url, answer)
        except Exception as error:  # noqa: BLE001 - whatever it is, gRPC has to hear of it, in words without a secret
            self._refuse(error, answer)

    def _authorize(self, connection: Connection, url: str, answer: _Once) -> None:
        try:
            pending = connection.authorize(TaskRequest("POST", url))
            pending.add_done_callback(lambda done: self._placed(connection, done, answer))
        except Exception as error:  # noqa: BLE001 - as above
            self._refuse(error, answer)

    def _placed(self, connection: Connection, done: Pending[TaskRequest], answer: _Once) -> None:
        try:
            self._place(connection, done.result(), answer)
        except Exception as error:  # noqa: BLE001 - as above
            self._refuse(error, answer)

    def _place(self, connection: Connection, finished: TaskRequest, answer: _Once) -> None:
        metadata = metadata_of(finished)
        self.connection, self.finished, self.error = connection, finished, None
        answer(metadata, None)

    def _refuse(self, error: Exception, answer: _Once) -> None:
        self.error = error.fresh() if isinstance(error, AuthweaveError) else UnexpectedFailure.of(error)
        answer(None, AuthweaveError(failure(self._whose.named, self.error)))


class _Once:
    """A callback of gRPC's, which raises at whoever calls it a second time."""

    def __init__(self, callback: Any) -> None:
        self._callback: Any = callback
        self._lock = threading.Lock()

    def __call__(self, metadata: tuple[tuple[str, str], ...] | None, error: Exception | None) -> None:
        with self._lock:
            callback, self._callback = self._callback, None
        if callback is not None:
            callback(metadata, error)


def url_of(context: Any) -> str:
    """The URL of the call. A channel to this machine without TLS has one without a scheme. Raises UsageError."""
    url = f"{context.service_url}/{context.method_name}"
    if url.startswith("://"):
        if not _LOOPBACK.match(url):
            raise UsageError("this channel has no TLS: a credential is sent over grpc.secure_channel with TLS only")
        return f"http{url}"
    return url
