"""The inputs that are kept: few, small, each reaching something that no other reaches."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable
from pathlib import Path

from fuzz_lines import Lines
from fuzz_target import Target

HERE = Path(__file__).resolve().parent
MOST = 250
"""Files of one corpus."""
LONGEST = 16 * 1024
"""Bytes of one file that is kept."""


def folder(name: str) -> Path:
    """Where the corpus of a target stands."""
    return HERE / "corpus" / name


def inputs(name: str) -> dict[str, bytes]:
    """The corpus: names of files and what is in them, sorted."""
    return {path.name: path.read_bytes() for path in sorted(folder(name).glob("*")) if path.is_file()}


def digest(files: dict[str, bytes]) -> str:
    """One hash over all files, names and lengths included."""
    whole = hashlib.sha256()
    for name, data in sorted(files.items()):
        whole.update(f"{name} {len(data)}\n".encode() + data)
    return whole.hexdigest()


def keep(target: Target, kept: Iterable[bytes]) -> None:
    """Make these the corpus."""
    place = folder(target.name)
    place.mkdir(parents=True, exist_ok=True)
    for old in place.iterdir():
        old.unlink()
    for data in kept:
        (place / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


def distilled(target: Target, found: Iterable[bytes]) -> list[bytes]:
    """Few inputs that reach all the steps and outcomes that these reach, or most: each adds the most that was left, small ones first.

    Inputs that are bugs are left out.
    """
    lines = Lines(target.modules)
    reached: dict[bytes, frozenset[object]] = {}
    known: set[object] = set()
    for data in sorted({one for one in found if len(one) <= LONGEST}, key=lambda one: (len(one), one)):
        try:
            steps, outcome = lines.reached(lambda data=data: target.check(data))  # type: ignore[misc]  # bound at once
        except Exception:  # noqa: BLE001 - a bug is told where it was found
            continue
        new = frozenset({*steps, ("outcome", outcome)})
        if not new <= known:
            known |= new
            reached[data] = new
    return _covering(reached)


def _covering(reached: dict[bytes, frozenset[object]]) -> list[bytes]:
    covered: set[object] = set()
    waiting = [(-len(steps), len(data), data) for data, steps in reached.items()]
    heapq.heapify(waiting)
    kept: list[bytes] = []
    while waiting and len(kept) < MOST:
        promised, length, data = heapq.heappop(waiting)
        adds = len(reached[data] - covered)
        if adds < -promised:  # others have reached a part of it meanwhile
            if adds:
                heapq.heappush(waiting, (-adds, length, data))
            continue
        kept.append(data)
        covered |= reached[data]
    return kept


def share(target: Target, files: Iterable[bytes]) -> float:
    """How much of the target's modules these inputs reach, in percent of their lines."""
    lines = Lines(target.modules)
    met: set[tuple[str, int]] = set()
    for data in files:
        steps, _ = lines.reached(lambda data=data: target.check(data))  # type: ignore[misc]  # bound at once
        met |= {(file, line) for file, _, line in steps}  # type: ignore[misc]  # as Lines makes them
    every = lines.all()
    return round(100 * len(met & every) / max(1, len(every)), 1)
