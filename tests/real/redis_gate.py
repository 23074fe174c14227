"""A door before a Redis that misbehaves on purpose: it cuts answers off, or lets them through drop by drop."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from types import TracebackType
from typing import Self

from parts.redis import RedisServer


class Gate:
    """Passes bytes on. `cut(n)`: the next n answers never arrive, and their connections are closed. `drip` seconds
    lie between any two bytes of an answer. `opened` counts connections."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._cut = 0
        self.drip = 0.0
        self.opened = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self, answers: int) -> None:
        self._cut = answers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for each in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                server = socket.create_connection(("127.0.0.1", self._server.port))
                self._open += [client, server]
                self.opened += 1
                threading.Thread(target=self._pass, args=(client, server, False), daemon=True).start()
                threading.Thread(target=self._pass, args=(server, client, True), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, is_answer: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if is_answer and self._cut:
                    self._cut -= 1
                    break
                self._give(sink, data, is_answer)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _give(self, sink: socket.socket, data: bytes, is_answer: bool) -> None:
        if not (is_answer and self.drip):
            sink.sendall(data)
            return
        for number in range(len(data)):
            time.sleep(self.drip)
            sink.sendall(data[number : number + 1])
