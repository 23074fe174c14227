"""A suite that cannot fail proves nothing: each catches extensions that are sound but for one thing, by the test that is about it."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter

import pytest

import authweave.testing
import broken_extensions
from commands import SOURCE, environment

pytestmark = pytest.mark.thorough

CASES = {name: suite for name, suite in vars(broken_extensions).items() if name.startswith("TestBroken")}
SOUND = [name for name in vars(broken_extensions) if name.startswith("Test") and name not in CASES]


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """What pytest says of that file in a process of its own: class → the tests that failed."""
    folder = tmp_path_factory.mktemp("broken")
    (folder / "pytest.ini").write_text("[pytest]\npython_files = broken_extensions.py\n")
    file = broken_extensions.__file__
    wanted = [*(f"{file}::{name}" for name in SOUND), *(f"{file}::{name}::{suite.caught_by}" for name, suite in CASES.items())]
    words = [sys.executable, "-m", "pytest", "-q", "-c", str(folder / "pytest.ini"), f"--rootdir={folder}", "-p", "no:cacheprovider", "--noconftest"]
    done = subprocess.run(
        [*words, f"--junitxml={folder / 'results.xml'}", *wanted], env=environment(PYTHONPATH=SOURCE, PYTHONWARNINGS="default"), capture_output=True,
        text=True, timeout=300, check=False, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout[-3000:] + done.stderr[-3000:]
    found: dict[str, list[str]] = {}
    for case in ET.parse(folder / "results.xml").iter("testcase"):
        found.setdefault(case.get("classname").rpartition(".")[2], [])
        if case.find("failure") is not None or case.find("error") is not None:
            found[case.get("classname").rpartition(".")[2]].append(case.get("name").partition("[")[0])
    return found


def test_every_suite_has_broken_ones():
    """Several of each kind."""
    counted = Counter(next(base.__name__ for base in suite.__mro__ if base.__name__ in authweave.testing.__all__) for suite in CASES.values())

    assert set(counted) == set(authweave.testing.__all__)
    assert min(counted.values()) >= 5


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_extension_passes(name, failed):
    """So that what fails, fails by what was changed."""
    assert failed[name] == []


@pytest.mark.parametrize("name", CASES)
def test_a_broken_extension_is_caught(name, failed):
    """By the test that is about what is broken."""
    assert CASES[name].caught_by in failed[name]
