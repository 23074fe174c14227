"""Bytes over a socket and over TLS, every operation within what is left of the call's time."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import httpcore

from authweave.errors import ProtocolFailure
from authweave.net.journey import Journey

_PIECE = 64 * 1024
_READ = 16 * 1024
"""Bytes of an answer that are worked through between two looks at the time: thousands of interim answers fit into 64 KiB."""
_REMEMBERED = 32 * 1024
Result = TypeVar("Result")


class PeerClosed(Exception):
    """The peer ended the connection during the handshake; `reset`: by force, as firewalls do."""

    def __init__(self, *, reset: bool = False) -> None:
        super().__init__()
        self.reset = reset


class SocketStream(httpcore.NetworkStream):
    """A connected socket. The timeouts that httpcore passes are not used: the journey knows the time."""

    def __init__(self, connected: socket.socket, journey: Journey) -> None:
        self._socket = connected
        self._journey = journey

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """At least one byte, or none at the end."""
        self._socket.settimeout(self._journey.remaining())
        try:
            return self._socket.recv(max_bytes)
        except TimeoutError:
            raise self._journey.overdue() from None
        except OSError:
            raise _reset(self._journey) from None

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """All of it. httpcore.WriteError if the peer is gone: it may have answered before, so reading goes on."""
        left = memoryview(buffer)
        while left:
            self._socket.settimeout(self._journey.remaining())
            try:
                left = left[self._socket.send(left) :]
            except TimeoutError:
                raise self._journey.overdue() from None
            except OSError:
                raise httpcore.WriteError("the peer is gone") from None

    def get_extra_info(self, info: str) -> Any:
        """`is_readable`: would reading give something, or the end, at once?"""
        if info != "is_readable":
            return None
        self._socket.settimeout(0)
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except OSError as error:
            return not isinstance(error, BlockingIOError)
        return True

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


class TlsStream(httpcore.NetworkStream):
    """TLS over any other stream, so that it goes through a TLS proxy, too; `session` knows version and certificate."""

    def __init__(self, lower: httpcore.NetworkStream, context: ssl.SSLContext, name: str) -> None:
        self._lower = lower
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._seen = bytearray()
        self.session = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)

    @property
    def seen(self) -> bytes:
        """The first bytes that the peer sent, still encrypted: they tell why a handshake failed."""
        return bytes(self._seen)

    def handshake(self) -> None:
        """Agree on a session. Raises ssl.SSLError, or PeerClosed if the peer hung up."""
        try:
            self._carry(self.session.do_handshake)
        except (httpcore.WriteError, ProtocolFailure):
            raise PeerClosed(reset=True) from None
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError):
            raise PeerClosed from None

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """At least one byte, or none at the end; many servers end without saying so first."""
        try:
            return self._carry(lambda: self.session.read(max_bytes))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """All of it."""
        for start in range(0, len(buffer), _PIECE):
            piece = buffer[start : start + _PIECE]
            self._carry(lambda piece=piece: self.session.write(piece))  # type: ignore[misc]  # binds the piece now

    def get_extra_info(self, info: str) -> Any:
        """`is_readable`: would reading give something, or the end, at once? Records without data (tickets) are none."""
        if info != "is_readable":
            return None
        while True:
            try:
                self.session.read(1)
            except ssl.SSLWantReadError:
                if not self._lower.get_extra_info(info):
                    return False
                self._fill()
            except (ssl.SSLError, ProtocolFailure):
                return True
            else:
                return True

    def close(self) -> None:
        """Close the connection below."""
        self._lower.close()

    def _carry(self, step: Callable[[], Result]) -> Result:
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                self._flush()
                self._fill()
            except ssl.SSLError:
                self._say_why()
                raise
            else:
                self._flush()
                return result

    def _flush(self) -> None:
        if waiting := self._outgoing.read():
            self._lower.write(waiting)

    def _fill(self) -> None:
        if received := self._lower.read(_PIECE):
            self._seen += received[: max(_REMEMBERED - len(self._seen), 0)]
            self._incoming.write(received)
        else:
            self._incoming.write_eof()

    def _say_why(self) -> None:
        """Send the alert that the TLS library prepared, if anybody is still there."""
        with suppress(httpcore.WriteError):
            self._flush()


class Tap(httpcore.NetworkStream):
    """The stream that HTTP is spoken over: counts what passes, and remembers how an answer began.

    `bear` is called with the number of bytes that have come, after each read: it raises where they are too many.
    """

    def __init__(self, lower: httpcore.NetworkStream, now: Callable[[], float], bear: Callable[[int], None]) -> None:
        self._lower = lower
        self._now = now
        self._bear = bear
        self.sent = 0
        self.received = 0
        self.head = b""
        self.first_at: float | None = None
        self.ended = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read from below."""
        data = self._lower.read(min(max_bytes, _READ))
        if not data:
            self.ended = True
        elif self.first_at is None:
            self.first_at = self._now()
        self.head = (self.head + data[:8])[:8]
        self.received += len(data)
        self._bear(self.received)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write to below."""
        self._lower.write(buffer)
        self.sent += len(buffer)

    def close(self) -> None:
        """Close below."""
        self._lower.close()

    def get_extra_info(self, info: str) -> Any:
        """Nothing is told: whoever opened the connection knows it all."""
        return None


def _reset(journey: Journey) -> ProtocolFailure:
    return ProtocolFailure(
        f"{journey.host} reset the connection before its answer was complete",
        stage=journey.stage, host=journey.host, detail="reset",
    )  # fmt: skip
