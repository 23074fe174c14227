"""The command line of every target.

    python tests/fuzz/loader.py --seconds 60            fuzz it (needs the extra `fuzz`); 1 at the end if anything was found, 2 without it
    python tests/fuzz/loader.py --replay                read the corpus once more; needs nothing
    python tests/fuzz/loader.py --planted               plant the target's bug first; ends when it is found, 1 if it is not

`--seed N` repeats a run, `--keep` writes what was found worth keeping to the corpus, `--log FILE` the record of the run.
"""

from __future__ import annotations

import argparse
import base64
import datetime
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
import tracemalloc
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fuzz_corpus import digest, distilled, inputs, keep, share
from fuzz_target import LARGE, SLOW, Target, signature

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MISSING = 2
"""The exit code where there is no fuzzer: nothing was looked for, and nothing found."""
PATIENCE = 600
"""Seconds within which a planted bug has to be found."""


@dataclass
class Run:
    """What one run of the fuzzer gave."""

    seed: int
    seconds: float = 0.0
    executions: int = 0
    edges: int = 0
    features: int = 0
    notes: list[dict[str, Any]] = field(default_factory=list)
    corpus: list[bytes] = field(default_factory=list)
    ending: str = ""

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The notes of one kind."""
        return [note for note in self.notes if note["kind"] == kind]


def command(target: Target) -> int:
    """Do what the command line says, and answer with its exit code."""
    options = _options(target)
    if options.replay:
        return _replay(target)
    if find_spec("atheris") is None:
        print("the fuzzer is not installed here: pip install -e '.[fuzz]' (Linux); --replay needs none", file=sys.stderr)
        return MISSING
    seed = options.seed or int.from_bytes(os.urandom(3), "big") or 1
    if options.planted:
        code, planted = _planted(target, options.seconds or PATIENCE, seed)
        if options.log is not None and not code:
            options.log.write_text(_as_text(json.loads(options.log.read_text("utf-8")) | {"planted": planted}), "utf-8")
        return code
    return _fuzz(target, options.seconds or 60, seed, options.keep, options.log)


def _options(target: Target) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=f"Fuzz {target.name}.")
    parser.add_argument("--seconds", type=int, help="how long (60; --planted: at most, 600)")
    parser.add_argument("--seed", type=int, help="what chance begins with; without it another each time")
    parser.add_argument("--replay", action="store_true", help="only read the corpus")
    parser.add_argument("--planted", action="store_true", help="plant the bug of this target and look for it")
    parser.add_argument("--keep", action="store_true", help="make what was found worth keeping the corpus")
    parser.add_argument("--log", type=Path, help="write the record of the run there (JSON); --planted: only its part")
    return parser.parse_args()


def _replay(target: Target) -> int:
    files, wrong = inputs(target.name), 0
    for name, data in files.items():
        try:
            target.check(data)
        except Exception as error:  # noqa: BLE001 - as the fuzzer does
            wrong += 1
            print(f"{name}: {signature(error)}")
    print(f"{target.name}: {len(files)} inputs, corpus {digest(files)}, {wrong} wrong")
    return 1 if wrong else 0


def _fuzz(target: Target, seconds: int, seed: int, keeps: bool, log: Path | None) -> int:
    run = _run(target, seconds, seed)
    found = _findings(target, run)
    for words, data in found:
        print(f"FOUND {words}\n      input {_saved(target, data)}")
    if keeps:
        keep(target, distilled(target, [*run.corpus, *inputs(target.name).values(), *target.seeds()] if inputs(target.name) else [*run.corpus, *target.seeds()]))
    slowest = _slowest(target, run)
    print(
        f"{target.name}: {run.executions} executions in {run.seconds:.0f} s ({run.executions / max(run.seconds, 1):.0f} per second), "
        f"seed {seed}, {run.edges} edges, {run.features} features, slowest {slowest[0]} s, {len(found)} found"
    )
    if log is not None:
        _, planted = _planted(target, PATIENCE, seed)
        log.write_text(_as_text(_record(target, run, found, slowest, planted)), "utf-8")
    return 1 if found or run.ending else 0


def _as_text(record: dict[str, Any]) -> str:
    return json.dumps(record, indent=1, ensure_ascii=False) + "\n"


def _planted(target: Target, seconds: int, seed: int) -> tuple[int, dict[str, Any]]:
    run = _run(target, seconds, seed, "--planted")
    for note in run.of("bug")[:1]:
        data = base64.b64decode(note["input"])
        print(f"{target.name}: planted: {target.planted}\n  found after {note['executions']} executions, {note['seconds']} s: {note['words']}\n  input {data!r:.300}")
        told = {"seed": seed, "executions": note["executions"], "seconds": note["seconds"], "error": note["words"], "input_base64": note["input"]}
        return 0, {"bug": target.planted, "found": True, **told}
    print(f"{target.name}: the planted bug was not found within {seconds} s ({run.executions} executions): {target.planted}")
    return 1, {"bug": target.planted, "found": False, "seed": seed, "seconds": seconds}


def _run(target: Target, seconds: int, seed: int, *more: str) -> Run:
    """The fuzzer in a process of its own, on a corpus of its own."""
    with tempfile.TemporaryDirectory(prefix="authweave-fuzz-") as place:
        work = Path(place)
        (work / "corpus").mkdir()
        (work / "seeds").mkdir()
        for number, data in enumerate([*inputs(target.name).values(), *target.seeds()]):
            (work / "seeds" / f"{number:05}").write_bytes(data)
        (work / "words").write_text("".join(f'"{_quoted(word)}"\n' for word in target.words))
        env = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "plugin"), os.environ.get("PYTHONPATH", "")]), "PYTHONHASHSEED": "0", "PYTHONWARNINGS": "ignore"}
        arguments = [sys.executable, str(HERE / "fuzz_child.py"), target.name, place, str(seconds), str(seed), *more]
        began = time.monotonic()
        process = subprocess.run(arguments, env=env, cwd=ROOT, capture_output=True, text=True, errors="replace")
        run = Run(seed, time.monotonic() - began)
        _read(run, process.stderr, work)
        if process.returncode and not run.of("crash"):
            run.ending = f"the fuzzer ended with {process.returncode}:\n{process.stderr[-2000:]}"
            print(run.ending)
        return run


def _quoted(word: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\x{byte:02x}" for byte in word)


def _read(run: Run, said: str, work: Path) -> None:
    if notes := (work / "notes.jsonl") if (work / "notes.jsonl").exists() else None:
        run.notes = [json.loads(line) for line in notes.read_text().splitlines()]
    for path in work.glob("*-*"):  # timeout-…, oom-…, crash-…: libFuzzer's own
        run.notes.append({"kind": "crash", "words": path.name.partition("-")[0], "input": base64.b64encode(path.read_bytes()).decode()})
    counts = re.findall(r"^#(\d+)\s.*?cov: (\d+) ft: (\d+)", said, re.MULTILINE)
    if counts:
        run.executions, run.edges, run.features = map(int, counts[-1])
    if total := re.search(r"stat::number_of_executed_units: (\d+)", said):
        run.executions = int(total[1])
    if spent := re.search(r"^Done \d+ runs in (\d+) second", said, re.MULTILINE):
        run.seconds = float(spent[1])
    run.corpus = [path.read_bytes() for path in sorted((work / "corpus").iterdir())]


def _findings(target: Target, run: Run) -> list[tuple[str, bytes]]:
    """Bugs, and what is slow or large also without the fuzzer's instruments."""
    found = [(note["words"], base64.b64decode(note["input"])) for note in (*run.of("bug"), *run.of("crash"))]
    for note in run.of("slow"):
        data = base64.b64decode(note["input"])
        if (took := _seconds(target, data)) > SLOW:
            found.append((f"takes {took:.2f} s", data))
    for note in run.of("large"):
        data = base64.b64decode(note["input"])
        if (most := _bytes(target, data)) > LARGE:
            found.append((f"needs {most // 2**20} MiB", data))
    return found


def _seconds(target: Target, data: bytes) -> float:
    started = time.thread_time()
    target.check(data)
    return time.thread_time() - started


def _bytes(target: Target, data: bytes) -> int:
    tracemalloc.start()
    try:
        target.check(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _slowest(target: Target, run: Run) -> tuple[float, bytes]:
    """The input that took longest, and what it takes without the fuzzer's instruments."""
    notes = run.of("slowest")
    if not notes:
        return 0.0, b""
    data = base64.b64decode(notes[-1]["input"])
    return round(_seconds(target, data), 3), data


def _saved(target: Target, data: bytes) -> str:
    import hashlib

    place = ROOT / "build" / "fuzz" / target.name
    place.mkdir(parents=True, exist_ok=True)
    path = place / hashlib.sha256(data).hexdigest()[:16]
    path.write_bytes(data)
    return str(path.relative_to(ROOT))


def _record(target: Target, run: Run, found: list[tuple[str, bytes]], slowest: tuple[float, bytes], planted: dict[str, Any]) -> dict[str, Any]:
    files = inputs(target.name)
    return {
        "target": target.name,
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": _commit(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("atheris", "jinja2", "PyYAML", "jsonschema")},
        "seed": run.seed,
        "seconds": round(run.seconds),
        "executions": run.executions,
        "executions_per_second": round(run.executions / max(run.seconds, 1)),
        "coverage": {"edges": run.edges, "features": run.features, "lines_percent_by_corpus": share(target, files.values()), "of": list(target.modules)},
        "corpus": {"files": len(files), "bytes": sum(map(len, files.values())), "sha256": digest(files)},
        "slowest": {"seconds": slowest[0], "bytes": len(slowest[1]), "begins": repr(slowest[1][:160])},
        "found": [words for words, _ in found],
        "found_and_mended_before": list(target.found),
        "planted": planted,
    }


def _commit() -> str:
    process = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return process.stdout.strip()
