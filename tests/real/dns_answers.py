"""A name server for tests: real answers over UDP port 53, so that the C library's own resolver is what is asked (RFC 1035)."""

from __future__ import annotations

import ipaddress
import socket
import struct
import threading
from collections import Counter
from collections.abc import Mapping, Sequence

A, CNAME, AAAA = 1, 5, 28
ALIAS = "-> "
_NO_SUCH_NAME = 3


class NameServer:
    """Answers from `names`: what each leads to, addresses or `-> another.name`; a list of lists is one answer after the other, the last one stays.

    `asked` counts the questions for IPv4 addresses. A turn goes on with such a question alone: the C library asks for both kinds at once.
    """

    def __init__(self, names: Mapping[str, Sequence[Sequence[str]]], host: str = "127.0.0.1", port: int = 53) -> None:
        self._names = {name: [list(turn) for turn in turns] for name, turns in names.items()}
        self.asked: Counter[str] = Counter()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, port))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            question, client = self._socket.recvfrom(4096)
            self._socket.sendto(self._answer(question), client)

    def _answer(self, question: bytes) -> bytes:
        name, kind, end = _asked(question)
        found = self._found(name, kind)
        records = [record for owner, answer in found or () if (record := _record(owner, answer, kind))]
        flags = 0x8580 | (_NO_SUCH_NAME if found is None else 0)
        return question[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0) + question[12:end] + b"".join(records)

    def _found(self, name: str, kind: int) -> list[tuple[str, str]] | None:
        """Whose answer each is, and the answer; what an alias leads to behind it. None for a name that there is not."""
        if (turns := self._names.get(name)) is None:
            return None
        answers = turns[min(self.asked[name], len(turns) - 1)]
        self.asked[name] += kind == A
        behind = [one for answer in answers if answer.startswith(ALIAS) for one in self._found(answer.removeprefix(ALIAS), kind) or ()]
        return [*((name, answer) for answer in answers), *behind]


def _asked(question: bytes) -> tuple[str, int, int]:
    """The name and the kind that are asked for, and where the question ends."""
    labels, at = [], 12
    while question[at]:
        labels.append(question[at + 1 : at + 1 + question[at]].decode("ascii").lower())
        at += 1 + question[at]
    return ".".join(labels), struct.unpack("!H", question[at + 1 : at + 3])[0], at + 5


def _kind(answer: str) -> int:
    return CNAME if answer.startswith(ALIAS) else AAAA if ":" in answer else A


def _record(owner: str, answer: str, kind: int) -> bytes:
    """One record that is good for no second; b'' for one of the other kind."""
    if _kind(answer) not in (kind, CNAME):
        return b""
    data = _written(answer.removeprefix(ALIAS)) if _kind(answer) == CNAME else ipaddress.ip_address(answer).packed
    return _written(owner) + struct.pack("!HHIH", _kind(answer), 1, 0, len(data)) + data


def _written(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode("ascii") for label in name.split(".")) + b"\0"
