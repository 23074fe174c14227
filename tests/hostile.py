"""Values that want to be more than a value, and values that others have changed on their way; and a socket that keeps every byte.

`MARK` stands in each hostile value, so that an echo of a part of it is found, too.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import h11

MARK = "Zq7x"

CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))]
HOSTILE = [
    *(f"{MARK}{control}y" for control in CONTROLS),
    *(f"{MARK}{odd}" for odd in ("\n", "\r\n", "\x00", "\x85", "\u2028", "\u2029", "\ufeff", "\u202e", "\u200b", "\ufffe", "\uffff", "\U0010ffff")),
    f"{MARK}\r\nX-Injected: 1", f"{MARK}\nX-Injected: 1", f"{MARK}\rX-Injected: 1", f"{MARK}\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    f"{MARK}\r\n folded", f"{MARK}\n\tfolded", f"{MARK}\ud800", f"\udfff{MARK}", f"{MARK}\udc0d\udc0a", f"{MARK}\ud83d", f"{MARK}\u560d\u560a", f"{MARK}%0d%0aX-Injected:%201",
    "..", ".", "", "../../admin", "..%2f..%2fadmin", "%2e%2e", "%2E", "%252e%252e", "%252e", "%2e.", "..;", "..;/admin", "..\\admin", "\\\\evil.example\\x", "//evil.example/x",
    "/", "\\", "a/b", "a%2fb", "a%252fb", "a;b=c", ";jsessionid=1", "@evil.example", ":80", "https://evil.example/", "?admin=1", "#x", "a&admin=1", "a=b", "a;admin=1", "%26admin=1", "+", "%", "%zz", "%c0%ae",
    '","admin":true,"x":"', '"}', "\\", '\\"', "a\\", "</v><admin>1</admin><v>", "]]>", "<!--", "&xxe;", "<!DOCTYPE x>", '" admin="1', "' or ''='", '", realm="evil', '"\r\n', "a,b", "a; admin=1", "a b",
    "x\\", 'x"', "user:pass", ":", "read admin:all", "\r\n--boundary", '"; filename="x', "{key}", "{{ inputs.other }}", "{% raw %}",
]  # fmt: skip
"""More than a value, somewhere."""

EXACT = [
    "0012", "1e5", "None", "'a'", "a{{b}}c", "é", "p:w%+ x", "x" * 8192, "é" * 4096, "true", "null", "~", "1_000", "0x1F", "2024-01-01", " lead", "trail ", "\ttab\t", '"quoted"', "a'b\"c", "back\\slash",
    "{% if %}", "{#", "#}", "}}", "$HOME", "${HOME}", "$(id)", "%s", "%(x)s", "{0}", "😀", "e\u0301", "\u00e9", "\u0627\u0644", '{"a": 1}', "[1, 2]", "NaN", "Infinity", "1.10", "-0", "+1", "no", "on", "=1+1",
    "!tag", "&anchor", "*alias", "- a", "a: b", "a #b", "|", ">", "@at", "`tick`", "line\nend", "crlf\r\nend", "<a>b</a>", "&amp;", "&#13;", "\u00a0", "ß", "\u212a", "ı", "\ufb01", "a\u0000b"[:1],
]  # fmt: skip
"""What parsers, shells, templates and forms like to change."""


@dataclass
class Arrived:
    """A request as h11 reads it, and the bytes it was read from."""

    raw: bytes
    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    rest: bytes

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclass
class Recorder:
    """A server of one answer for each connection, that keeps every byte until the other side has nothing more to say.

    `replies` are whole answers, the first for the first request; afterwards `200` with an empty object.
    """

    replies: list[bytes] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def take(self) -> list[Arrived]:
        """Everything that arrived since the last time, in order."""
        raw, self.raw = self.raw, []
        return [_read(data) for data in raw if data]


@contextlib.contextmanager
def recording() -> Iterator[Recorder]:
    """A Recorder behind a socket on loopback."""
    recorder = Recorder()
    listener = socket.create_server(("127.0.0.1", 0))
    recorder.port = listener.getsockname()[1]
    thread = threading.Thread(target=_accept, args=(listener, recorder), daemon=True)
    thread.start()
    try:
        yield recorder
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def answer(body: bytes = b"{}", status: str = "200 OK", *headers: str) -> bytes:
    """A whole answer that ends its connection."""
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _accept(listener: socket.socket, recorder: Recorder) -> None:
    while True:
        try:
            peer, _ = listener.accept()
        except OSError:
            return
        with peer, contextlib.suppress(OSError):
            peer.settimeout(5)
            _serve(peer, recorder)


def _serve(peer: socket.socket, recorder: Recorder) -> None:
    data, is_answered = b"", False
    recorder.raw.append(data)
    while more := peer.recv(65536):
        data += more
        recorder.raw[-1] = data
        if not is_answered and _is_whole(data):
            peer.sendall(recorder.replies.pop(0) if recorder.replies else answer())
            peer.shutdown(socket.SHUT_WR)
            is_answered = True


def _is_whole(data: bytes) -> bool:
    head, end, body = data.partition(b"\r\n\r\n")
    lengths = [line.partition(b":")[2] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    if b"\r\ntransfer-encoding: chunked" in head.lower():
        return body.endswith(b"0\r\n\r\n")
    return bool(end) and len(body) >= int(lengths[0] if lengths else 0)


def _read(raw: bytes) -> Arrived:
    """What a strict server makes of it. Raises h11.RemoteProtocolError for what is no HTTP."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=2**20)
    connection.receive_data(raw)
    request: Any = connection.next_event()
    body = b""
    while isinstance(event := connection.next_event(), h11.Data):
        body += bytes(event.data)
    assert isinstance(event, h11.EndOfMessage)
    headers = [(name.decode(), value.decode("latin-1")) for name, value in request.headers.raw_items()]
    return Arrived(raw, request.method.decode(), request.target.decode("ascii"), headers, body, connection.trailing_data[0])


def tells_nothing(error: BaseException, *values: str) -> None:
    """No part of what the error says, nor of what hangs on it, is one of the values; short ones stand in any text."""
    said = spoken(error)
    assert MARK not in said
    assert not [value for value in values if len(value) > 3 and value in said]
    assert (error.__cause__, error.__context__) == (None, None)


def spoken(error: BaseException | None) -> str:
    """Everything that an error and what hangs on it says: messages, reprs, arguments."""
    words, seen = [], set()
    waiting = [error]
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        words += [str(current), repr(current), repr(current.args), repr(vars(current)), *getattr(current, "__notes__", ())]
        waiting += [current.__cause__, current.__context__]
    return "\n".join(words)
