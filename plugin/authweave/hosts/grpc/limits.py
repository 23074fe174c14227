"""How long a gRPC server asks to wait: what it says in metadata beside UNAVAILABLE or RESOURCE_EXHAUSTED.

In this order: `grpc-retry-pushback-ms` (gRPC's retry design, A6: a negative or unreadable number means not to come again),
google.rpc.RetryInfo in `grpc-status-details-bin`, `retry-after` (RFC 9110 §10.2.3), and `x-envoy-ratelimited: true`, which
names no time: Nuance Mix sends it, and recommends one second before the first try again. Never raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import grpc

from authweave.answers.retry_after import retry_after

UNNAMED: Final = 1.0
"""Seconds to wait where the server names none."""
_CODES: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED})
_MILLISECONDS: Final = re.compile(r"[0-9]{1,12}")
_LARGEST: Final = 16384
"""Bytes of status details that are looked at."""

Metadata = Iterable[tuple[str, str | bytes]]


@dataclass(frozen=True, slots=True)
class Limit:
    """A server's wish: `seconds` to wait, None for not to come again. `said` names the metadata that said so."""

    seconds: float | None
    said: str


def limit_of(code: grpc.StatusCode, metadata: Metadata, now: float) -> Limit | None:
    """What the server asks for at `now` (Unix seconds); None where it names no limit."""
    if code not in _CODES:
        return None
    said: dict[str, str | bytes] = {}
    for key, value in metadata:
        said.setdefault(key, value)
    return _pushback(said) or _retry_info(said) or _retry_after(said, now) or _envoy(said)


def _pushback(said: dict[str, str | bytes]) -> Limit | None:
    value = said.get("grpc-retry-pushback-ms")
    if value is None:
        return None
    named = _MILLISECONDS.fullmatch(_text(value))
    return Limit(int(named[0]) / 1000 if named else None, "grpc-retry-pushback-ms")


def _retry_after(said: dict[str, str | bytes], now: float) -> Limit | None:
    value = said.get("retry-after")
    seconds = retry_after(_text(value), now=now) if value is not None else None
    return None if seconds is None else Limit(seconds, "retry-after")


def _envoy(said: dict[str, str | bytes]) -> Limit | None:
    return Limit(UNNAMED, "x-envoy-ratelimited") if _text(said.get("x-envoy-ratelimited", "")).lower() == "true" else None


def _retry_info(said: dict[str, str | bytes]) -> Limit | None:
    details = said.get("grpc-status-details-bin", b"")
    if not isinstance(details, bytes) or len(details) > _LARGEST:
        return None
    try:
        seconds = next(_retry_delays(details), None)
    except ValueError:
        return None
    return None if seconds is None else Limit(max(seconds, 0.0), "google.rpc.RetryInfo")


def _retry_delays(status: bytes) -> Iterator[float]:
    """The delays in a google.rpc.Status: its details (3) are Any messages of type_url (1) and value (2)."""
    for number, packed in _fields(status):
        if number != 3 or not isinstance(packed, bytes):
            continue
        parts = dict(_fields(packed))
        url, value = parts.get(1, b""), parts.get(2, b"")
        if isinstance(url, bytes) and url.endswith(b"/google.rpc.RetryInfo") and isinstance(value, bytes):
            yield _duration(dict(_fields(value)).get(1, b""))


def _duration(message: int | bytes) -> float:
    """A google.protobuf.Duration in seconds: seconds (1) and nanos (2), both signed."""
    parts = dict(_fields(message)) if isinstance(message, bytes) else {}
    seconds, nanos = (_signed(value) if isinstance(value, int) else 0 for value in (parts.get(1, 0), parts.get(2, 0)))
    return seconds + nanos / 1e9


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protobuf message: numbers as they came, everything else as bytes. Raises ValueError."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind == 2:
            size, at = _varint(message, at)
        else:
            size = {1: 8, 5: 4}.get(kind, -1)
        if size < 0 or at + size > len(message):
            raise ValueError("not a protobuf message")
        yield number, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place, byte in enumerate(message[at : at + 10]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value & (2**64 - 1), at + place + 1
    raise ValueError("not a protobuf message")


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value.strip()
