"""What is otherwise than in the run before: verdicts, diagnoses, and times only where they differ much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from authweave.redaction import inert
from authweave.report import FORMAT, Report

MUCH: Final = 3.0
"""How many times as long a stage has to take to be mentioned …"""
LONG: Final = 500.0
"""… and by how many milliseconds at least."""


def essence(report: Report) -> dict[str, Any]:
    """What has to be kept of a run to compare the next one with it: nothing that was sent or answered."""
    return {
        "format": FORMAT,
        "started": report.started,
        "version": report.version,
        "token": report.token.word,
        "credential": report.credential.word,
        "codes": sorted({found.code for found in report.diagnoses}),
        "stages": [[stage.name, stage.about, stage.title, stage.ms] for stage in report.stages if stage.ms is not None],
    }


def differences(before: Mapping[str, Any], now: Report) -> tuple[str, ...]:
    """A line each. `before` is the essence of a run; raises KeyError, TypeError, ValueError for what is none."""
    if before["format"] != FORMAT:
        raise ValueError("the essence of another format")
    return tuple(inert(line) for line in _lines(before, essence(now)))


def _lines(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    if before["version"] != now["version"]:
        yield f"profile: {before['version'] or 'not valid'} → {now['version'] or 'not valid'}"
    for name in ("token", "credential"):
        if before[name] != now[name]:
            yield f"{name}: {_worded(before[name])} → {_worded(now[name])}"
    yield from (f"{code} is gone" for code in before["codes"] if code not in now["codes"])
    yield from (f"new: {code}" for code in now["codes"] if code not in before["codes"])
    earlier = {(name, about): ms for name, about, _, ms in before["stages"]}
    for name, about, title, ms in now["stages"]:
        was = earlier.get((name, about))
        if was is not None and abs(ms - was) >= LONG and max(ms, was) >= MUCH * min(ms, was):
            yield f"{title} {was:.0f} ms → {ms:.0f} ms"


def _worded(word: str) -> str:
    return str(word).replace("_", " ")
