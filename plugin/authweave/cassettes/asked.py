"""A request in lines that two runs can be compared by: nothing secret, nothing of the transport."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from authweave.report import Asked, Exchange, Part

CHANGES: Final = "‹changes by itself›"
_TRANSPORT: Final = frozenset({"host", "user-agent", "accept-encoding", "content-length", "connection"})
_MASK: Final = re.compile(r"‹secret ([^:‹›]+): [^‹›]+›")
_STAND_IN: Final = re.compile(r"replayed-[a-z0-9-]+")


def lines_of(exchange: Exchange) -> tuple[str, ...]:
    """The request of an exchange of a report."""
    return tuple(_plain(line) for line in _lines(exchange.asked))


def differences(recorded: Sequence[str], now: Sequence[str]) -> Iterator[str]:
    """What is otherwise, in words; names that a line begins with tell which belong together."""
    before, after = _by_name(recorded), _by_name(now)
    for name, value in before.items():
        if name not in after:
            yield f"{name} is no longer sent"
        elif value not in (after[name], CHANGES) and after[name] != CHANGES:
            yield f"{name} was {value}, is {after[name]}"
    yield from (f"{name} is new" for name in after if name not in before)


def settled(recorded: Sequence[str], now: Sequence[str]) -> tuple[str, ...]:
    """The recorded lines, with what two runs in one second send differently marked as changing by itself."""
    after = _by_name(now)
    return tuple(
        line if after.get(name, value) == value else f"{name} = {CHANGES}" for line in recorded for name, value in (_parted(line),)
    )  # fmt: skip


def _lines(asked: Asked) -> Iterator[str]:
    yield f"request = {asked.method} {asked.url.partition('?')[0]}"
    for place, parts in (("path", asked.path), ("query", asked.query), ("header", asked.headers), ("body", asked.body.parts)):
        yield from _numbered(place, [part for part in parts if not (place == "header" and part.name.lower() in _TRANSPORT)])
    if asked.body.text or asked.body.note:
        yield f"body = {asked.body.text or asked.body.note}"


def _numbered(place: str, parts: Sequence[Part]) -> Iterator[str]:
    """A line for each; of several of one name all but the first have a number, so that each is compared."""
    seen: dict[str, int] = {}
    for part in parts:
        seen[part.name] = seen.get(part.name, 0) + 1
        again = f" ({seen[part.name]})" if seen[part.name] > 1 else ""
        yield f"{place} {part.name}{again} = {part.value}"


def _plain(line: str) -> str:
    """Without lengths and fingerprints: a stand-in has others."""
    return _STAND_IN.sub("‹secret›", _MASK.sub("‹secret›", line))


def _by_name(lines: Sequence[str]) -> dict[str, str]:
    return dict(_parted(line) for line in lines)


def _parted(line: str) -> tuple[str, str]:
    name, _, value = line.partition(" = ")
    return name, value
