"""The inputs that are kept: few, small, each reaching something that no other reaches."""

from __future__ import annotations

import hashlib
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
    """The smallest inputs first; of these, each that reaches a step or an outcome that those before did not.

    Then once more from the back: what the others reach together goes. Inputs that are bugs are left out.
    """
    lines = Lines(target.modules)
    reached: list[tuple[bytes, frozenset[object]]] = []
    known: set[object] = set()
    for data in sorted({one for one in found if len(one) <= LONGEST}, key=lambda one: (len(one), one)):
        try:
            steps, outcome = lines.reached(lambda data=data: target.check(data))  # type: ignore[misc]  # bound at once
        except Exception:  # noqa: BLE001 - a bug is told where it was found
            continue
        new = frozenset({*steps, ("outcome", outcome)})
        if not new <= known:
            known |= new
            reached.append((data, new))
    return _without_the_needless(reached)[:MOST]


def _without_the_needless(reached: list[tuple[bytes, frozenset[object]]]) -> list[bytes]:
    times: dict[object, int] = {}
    for _, steps in reached:
        for step in steps:
            times[step] = times.get(step, 0) + 1
    kept = []
    for data, steps in reached:  # the small ones go first: what they reach, larger ones mostly reach, too
        if all(times[step] > 1 for step in steps):
            for step in steps:
                times[step] -= 1
        else:
            kept.append((len(steps), data))
    return [data for _, data in sorted(kept, key=lambda pair: -pair[0])]


def share(target: Target, files: Iterable[bytes]) -> float:
    """How much of the target's modules these inputs reach, in percent of their lines."""
    lines = Lines(target.modules)
    met: set[tuple[str, int]] = set()
    for data in files:
        steps, _ = lines.reached(lambda data=data: target.check(data))  # type: ignore[misc]  # bound at once
        met |= {(file, line) for file, _, line in steps}  # type: ignore[misc]  # as Lines makes them
    every = lines.all()
    return round(100 * len(met & every) / max(1, len(every)), 1)
