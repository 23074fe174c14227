"""The end of a run is honest: what was not run is in the table, and a failure where everything is required."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from parts.part import HERE, NpmFolder, Venv

pytestmark = pytest.mark.thorough

SUITE = """
import pytest
from parts.not_run import missing

def test_that_runs():
    pass

@pytest.mark.skip(reason="not today")
def test_left_out():
    pass

def test_without_its_part():
    missing("frob is not installed", "apt install frob")

@pytest.mark.heavy
def test_heavy():
    pass

@pytest.mark.real
def test_real():
    pass

@pytest.mark.xfail(reason="known", strict=True)
def test_known_to_fail():
    raise AssertionError
"""


def run(folder: Path, *words: str, suite: str = SUITE, **environment: str) -> tuple[int, str]:
    """Run `suite` in a process of its own, with the plugins of this one; its exit code and output."""
    (folder / "conftest.py").write_text('pytest_plugins = ("parts.not_run", "parts.parallel", "parts.tiers", "parts.vectors")\n')
    (folder / "pytest.ini").write_text(f"[pytest]\npythonpath = {HERE.parent}\nmarkers =\n    real: foreign\n")
    (folder / "test_suite.py").write_text(suite)
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("AUTHWEAVE_", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--strict-markers", *words], cwd=folder,
        env=clean | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | environment,
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def table(output: str) -> list[list[str]]:
    """The rows of the table, without its head."""
    lines = output.split("not run: what, why, how to get it")[1].splitlines()[2:]
    return [[cell for cell in line.split("  ") if cell] for line in lines if line and not line.startswith("=")]


def test_what_was_not_run_is_in_the_table(tmp_path: Path) -> None:
    """A missing part, a plain skip and the tier left out: each a row with reason and way out; the run is green."""
    code, output = run(tmp_path, "-rx")

    rows = [[cell.strip() for cell in row] for row in table(output)]
    assert code == 0
    assert output.index("known") < output.index("not run: what")
    assert ["test_suite.py::test_heavy", "tier heavy is not chosen", "AUTHWEAVE_TIER=heavy"] in rows
    assert ["test_suite.py::test_real", "tier real is not chosen", "AUTHWEAVE_TIER=real"] in rows
    assert ["test_suite.py::test_left_out", "not today", "–"] in rows
    assert ["test_suite.py::test_without_its_part", "frob is not installed", "apt install frob"] in rows
    assert len(rows) == 4


def test_everything_required_makes_each_skip_a_failure(tmp_path: Path) -> None:
    """With AUTHWEAVE_REQUIRE=all skips fail, the heavy tier is run, and an expected failure stays one."""
    code, output = run(tmp_path, AUTHWEAVE_REQUIRE="all")

    assert code == 1
    assert "1 failed, 3 passed, 1 xfailed, 1 error" in output
    assert "frob is not installed" in output


def test_a_module_that_skips_itself_is_a_failure_too(tmp_path: Path) -> None:
    """Skips while tests are collected (absent vectors, importorskip) count like any other."""
    suite = 'from parts.vectors import load\nload("nowhere.json")\n'

    green, output = run(tmp_path, suite=suite)
    red, _ = run(tmp_path, suite=suite, AUTHWEAVE_REQUIRE="all")

    assert green == 5
    assert [row[:2] for row in table(output)] == [
        ["test_suite.py", "nowhere.json is not in tests/vectors nor in the shared vectors"]
    ]
    assert red == 2


@pytest.mark.parametrize(
    ("words", "tier", "passed"),
    [
        ((), "core", 1),
        ((), "real", 2),
        ((), "heavy", 3),
        (("-m", "heavy"), "", 1),
        (("test_suite.py::test_heavy",), "", 1),
    ],
)
def test_tiers(tmp_path: Path, words: tuple[str, ...], tier: str, passed: int) -> None:
    """Each tier runs what stands before it; naming a test or its marker is choosing it."""
    code, output = run(tmp_path, *words, AUTHWEAVE_TIER=tier)

    assert code == 0
    assert f"{passed} passed" in output


@pytest.mark.parametrize("name", ["AUTHWEAVE_TIER", "AUTHWEAVE_REQUIRE"])
def test_a_misspelt_wish_is_an_error(tmp_path: Path, name: str) -> None:
    """An unknown value is refused, not ignored: it could make the run look greener than it is."""
    code, output = run(tmp_path, **{name: "evrything"})

    assert code == 4
    assert name in output


def test_vectors_come_from_where_the_environment_says(tmp_path: Path) -> None:
    """AUTHWEAVE_VECTORS names the folder of those that are not ours."""
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "some.json").write_text('{"a": 1}')
    suite = 'def test_it(vectors):\n    assert vectors("some.json") == {"a": 1}\n'

    code, output = run(tmp_path, suite=suite, AUTHWEAVE_VECTORS=str(tmp_path / "given"), AUTHWEAVE_REQUIRE="all")

    assert code == 0, output
    assert "nothing: all that was asked for ran" in output


def test_a_part_of_another_version_is_missing(tmp_path: Path) -> None:
    """What is installed has to be what is pinned: else the proof would be about another server."""
    (tmp_path / "package.json").write_text('{"dependencies": {"thing": "1.2.3"}}')
    (tmp_path / "node_modules" / "thing").mkdir(parents=True)
    installed = tmp_path / "node_modules" / "thing" / "package.json"
    part = NpmFolder(tmp_path, node=lambda: 22)

    answers = []
    for version in ("1.2.2", "1.2.3"):
        installed.write_text(f'{{"version": "{version}"}}')
        answers.append(part.missing())

    assert answers == ["npm thing not installed as pinned", None]
    assert NpmFolder(tmp_path, node=lambda: 18).missing() == "node is version 18, 20 or later is needed"
    assert NpmFolder(tmp_path, node=lambda: None).missing() == "node is not installed"


def test_a_virtual_environment_of_other_requirements_is_missing(tmp_path: Path) -> None:
    """A half-made or outdated environment does not count as installed."""
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("thing==1\n")
    part = Venv(tmp_path / "venv", requirements)
    part.python.parent.mkdir(parents=True)
    part.python.touch()
    half_made = part.missing()

    (tmp_path / "venv" / "installed.txt").write_text("thing==1\n")
    whole = part.missing()
    requirements.write_text("thing==2\n")

    assert half_made == "the virtual environment for requirements.txt is not there"
    assert whole is None
    assert part.missing() == "the virtual environment was made for another requirements.txt"


def test_the_core_tier_does_not_read_the_folder_of_foreign_parts(tmp_path: Path) -> None:
    """A row says so, with and without workers; who names it, or a tier above, reads it."""
    there = tmp_path / "tests" / "real"
    there.mkdir(parents=True)
    (there / "test_there.py").write_text("def test_there(): pass")
    row = ["tests/real, 1 files", "tier real is not chosen, and the folder not read", "AUTHWEAVE_TIER=real"]

    for words in ((), ("-p", "xdist", "-n", "2")):
        code, output = run(tmp_path, *words)
        assert code == 0
        assert "1 passed" in output
        assert row in [[cell.strip() for cell in each] for each in table(output)]
    assert "1 passed" in run(tmp_path, "tests/real")[1]
    assert "2 passed" in run(tmp_path, AUTHWEAVE_TIER="real", suite="def test_that_runs(): pass")[1]
