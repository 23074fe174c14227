"""Which tokens are in a Redis."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from authweave.stores.redis.calls import Calls
from authweave.stores.redis.line import Line

_AT_ONCE: Final = 500
PIECE_PATIENCE: Final = 2.0
"""Seconds for each piece of the list. No request waits for it, and on a busy machine a piece may take a while."""


def names(calls: Calls, prefix: str) -> Iterator[list[bytes]]:
    """The names of our rows, a batch at a time; one may come twice. Raises StoreUnavailable as it goes."""
    cursor: bytes = b"0"
    ours = re.compile(re.escape(f"{prefix}:").encode() + rb"\{[0-9a-f]{64}\}:row")

    def scanned(line: Line, again: bool) -> tuple[bytes, list[bytes]]:
        found = line.ask("SCAN", cursor, "MATCH", f"{prefix}:{{*}}:row", "COUNT", _AT_ONCE, "TYPE", "hash")
        return found[0], [name for name in found[1] if ours.fullmatch(name)]

    while True:
        cursor, found = calls.do(scanned, patience=PIECE_PATIENCE)
        yield found
        if cursor == b"0":
            return


def keys(calls: Calls, prefix: str) -> Iterator[str]:
    """Every key with data, each once."""
    seen: set[bytes] = set()
    for batch in names(calls, prefix):
        fresh = [name for name in dict.fromkeys(batch) if _key(name) not in seen]
        seen.update(map(_key, fresh))
        asked = [("HEXISTS", name, "data") for name in fresh]
        has_data = calls.do(lambda line, again, asked=asked: line.ask_all(asked), patience=PIECE_PATIENCE) if asked else []  # type: ignore[misc]
        for name, has in zip(fresh, has_data, strict=True):
            if has:
                yield _key(name).hex()


def _key(name: bytes) -> bytes:
    return bytes.fromhex(name[-69:-5].decode())
