"""The process that fuzzes: `fuzz_child.py TARGET WORK SECONDS SEED [--planted]`. libFuzzer ends it, so all it learns goes to WORK at once."""

from __future__ import annotations

import base64
import json
import os
import resource
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from random import Random

import atheris
from fuzz_target import SLOW, Target, modules_of, named, signature

HERE = Path(__file__).resolve().parent
_LIKELY_LARGE = 24 * 1024  # KiB by which the peak of the process grew over one input
_BY_GRAMMAR = 0.6


class Watched:
    """The target's check with a clock, and a list of what went wrong."""

    def __init__(self, target: Target, work: Path, is_planted: bool) -> None:
        self.target = target
        self.work = work
        self.is_planted = is_planted
        self.executions = 0
        self.began = time.monotonic()
        self.slowest = 0.0
        self.peak = 1 << 62
        self.seen: set[str] = set()

    def __call__(self, data: bytes) -> None:
        """Read one input."""
        self.executions += 1
        started = time.thread_time()
        try:
            self.target.check(data)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what we look for
            self.note("bug", signature(error), data)
        took = time.thread_time() - started
        if took > max(self.slowest, 0.01):
            self.slowest = took
            self.note("slowest", f"{took:.3f}", data)
        if took > SLOW:
            self.note("slow", f"{took:.3f}", data)
        self._weigh(data)

    def _weigh(self, data: bytes) -> None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if peak > self.peak + _LIKELY_LARGE:
            self.note("large", f"{(peak - self.peak) // 1024} MiB", data)
        self.peak = peak

    def note(self, kind: str, words: str, data: bytes) -> None:
        """Write it down; each bug once."""
        if kind != "slowest" and (kind + words) in self.seen:
            return
        self.seen.add(kind + words)
        line = {
            "kind": kind, "words": words, "input": base64.b64encode(data).decode(), "executions": self.executions,
            "seconds": round(time.monotonic() - self.began, 2),
        }  # fmt: skip
        with (self.work / "notes.jsonl").open("a") as notes:
            notes.write(json.dumps(line) + "\n")
        if kind == "bug" and self.is_planted:
            os._exit(0)


def _others(name: str) -> list[str]:
    """The modules of the product that are not the target's: they run as they are, and faster."""
    root, own = HERE.parents[1] / "plugin", modules_of(name)
    modules = [".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__") for path in (root / "authweave").rglob("*.py")]
    return [module for module in modules if not module.startswith(own)]


def main(name: str, work: Path, seconds: str, seed: str, is_planted: bool) -> None:
    """Fuzz; does not return."""
    with atheris.instrument_imports(include=["authweave"], exclude=_others(name)), ExitStack() as stack:
        target = named(name)
        for data in list(target.seeds())[:20]:
            with suppress(Exception):
                target.check(data)  # what is imported late is instrumented, too
        if is_planted:
            stack.enter_context(target.plant())
        watched = Watched(target, work, is_planted)

        def mutated(data: bytes, longest: int, seed: int) -> bytes:
            chance = Random(seed)
            if chance.random() < _BY_GRAMMAR:
                made = target.mutate(bytes(data), chance)
                if made is not None and len(made) <= longest:
                    return made
            return bytes(atheris.Mutate(data, longest))

        options = [
            f"-max_total_time={seconds}", f"-seed={seed}", f"-max_len={target.longest}", "-rss_limit_mb=1500", "-timeout=30",
            "-print_final_stats=1", "-len_control=0", f"-artifact_prefix={work}/", f"-dict={work / 'words'}", str(work / "corpus"), str(work / "seeds"),
        ]  # fmt: skip
        atheris.Setup([sys.argv[0], *options], watched, custom_mutator=mutated)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4], "--planted" in sys.argv)
