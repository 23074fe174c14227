"""Sockets on this machine that do one thing wrong: a port without a listener, a queue that is full, a peer that resets."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Final

from authweave.sandbox.listener import ADDRESS, PATIENCE

_QUEUE: Final = 4

Behaviour = Callable[[socket.socket], None]


@contextmanager
def nobody_listening() -> Iterator[int]:
    """A port that stays closed: it is taken, so that nobody else can listen there."""
    with socket.socket() as taken:
        taken.bind((ADDRESS, 0))
        yield taken.getsockname()[1]


@contextmanager
def never_accepting() -> Iterator[int]:
    """A port whose queue is full: the packets of whoever connects are dropped."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((ADDRESS, 0))
        listener.listen(0)
        for _ in range(_QUEUE):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@contextmanager
def behaving(behaviour: Behaviour) -> Iterator[int]:
    """A port where every connection meets this behaviour, and is closed after it."""
    stopping = threading.Event()
    with socket.create_server((ADDRESS, 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, behaviour, stopping), name="authweave sandbox", daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        try:
            yield port
        finally:
            stopping.set()
            with suppress(OSError):
                socket.create_connection((ADDRESS, port), timeout=PATIENCE).close()  # wakes who waits for the next one
            thread.join()


def says(data: bytes, *, after: bytes = b"") -> Behaviour:
    """Reads until the end of what is asked (`after`; b"" for anything), sends this and ends."""

    def behave(connection: socket.socket) -> None:
        seen = connection.recv(65536)
        while after and after not in seen and (more := connection.recv(65536)):
            seen += more
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):  # else what is unread would reset the connection, and the answer with it
            pass

    return behave


def resets(connection: socket.socket) -> None:
    """Reads something and resets the connection."""
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def alert(description: int) -> bytes:
    """A fatal alert of TLS, as it stands on the wire: RFC 8446 §6."""
    return bytes((21, 3, 1, 0, 2, 2, description))


def _serve(listener: socket.socket, behaviour: Behaviour, stopping: threading.Event) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        if stopping.is_set():
            connection.close()
            return
        with connection, suppress(OSError):
            connection.settimeout(PATIENCE)
            behaviour(connection)
