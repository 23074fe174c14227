"""What fuzzing has kept: every input of the corpora once more, without the fuzzer, and the records of the long runs."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from fuzz_corpus import LONGEST, MOST, digest, inputs
from fuzz_target import NAMES, SLOW, Bug, Target, named

from authweave.errors import AuthweaveError
from parts.not_run import missing
from thorough import every

LOGS = Path(__file__).parent / "fuzz" / "logs"
LONG = 600
"""Seconds of a long run, and within which a planted bug has to be found."""


def log(name: str) -> dict:
    """The record of the last long run of a target."""
    return json.loads((LOGS / f"{name}.json").read_text("utf-8"))


def test_every_target_is_known() -> None:
    """CI runs the targets by this list: a script in the folder is one of them, or machinery."""
    scripts = {path.stem for path in LOGS.parent.glob("*.py") if not path.stem.startswith("fuzz")}

    assert set(NAMES) == scripts == {path.stem for path in LOGS.glob("*.json")}


@pytest.mark.parametrize("name", NAMES)
def test_the_corpus_holds(name: str) -> None:
    """Each input that once showed something new ends as it may: no error of another kind, no secret told, no oracle that differs."""
    target = named(name)

    kinds = {target.check(data) for data in inputs(name).values()}

    assert len(kinds) > 10


@every("name", NAMES)
def test_the_corpus_is_the_one_of_the_log(name: str) -> None:
    """The record speaks of these files; they are few and small."""
    files = inputs(name)

    assert log(name)["corpus"]["sha256"] == digest(files)
    assert len(files) <= MOST
    assert max(map(len, files.values())) <= LONGEST


@every("name", NAMES)
def test_the_long_run(name: str) -> None:
    """Ten minutes at least, from a known seed, over most lines of the target, and nothing left that it found."""
    record = log(name)

    assert record["seconds"] >= LONG
    assert record["executions"] > 10_000
    assert record["seed"] > 0
    assert record["coverage"]["lines_percent_by_corpus"] > 75
    assert set(record["found"]) <= set(record.get("judged", {}))  # what turned out to be the oracle's own mistake, and why
    assert record["slowest"]["seconds"] < SLOW


@every("name", NAMES)
def test_the_planted_bug_was_found(name: str) -> None:
    """What the fuzzer found is a bug with the plant, and none without: the oracles see what they are there for."""
    target, planted = named(name), log(name)["planted"]
    data = base64.b64decode(planted["input_base64"])

    assert planted["found"]
    assert planted["seconds"] <= LONG
    target.check(data)
    with target.plant():
        assert _is_bug(target, data)


def _is_bug(target: Target, data: bytes) -> bool:
    try:
        target.check(data)
    except Exception as error:  # noqa: BLE001 - what must not come out of the product, whatever it is
        return isinstance(error, Bug) or not isinstance(error, AuthweaveError)
    return False


@pytest.mark.real
@pytest.mark.parametrize("name", [name for name in NAMES if log(name)["planted"]["seconds"] < 10])
def test_the_fuzzer_finds_the_planted_bug(name: str) -> None:
    """It runs here, is led by what an input reaches, and finds what is planted, where that takes seconds; of the others the log tells."""
    if find_spec("atheris") is None:
        missing("atheris is not installed", "pip install -e '.[fuzz]'")
    seed = str(log(name)["planted"]["seed"])

    run = subprocess.run(
        [sys.executable, str(LOGS.parent / f"{name}.py"), "--planted", "--seconds", "120", "--seed", seed], capture_output=True, text=True
    )  # fmt: skip

    assert run.returncode == 0, run.stdout + run.stderr
    assert "found after" in run.stdout
