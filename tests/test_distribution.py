"""What is shipped: the files of wheel and source distribution, as the build backend counts them. `.ci/run` builds and installs both."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MADE = ("__pycache__", "node_modules", ".venvs")


@functools.cache
def wheel() -> dict[str, Path]:
    """Where each file of the wheel comes from."""
    return {file.distribution_path: Path(file.path) for file in WheelBuilder(str(ROOT)).recurse_included_files()}


@functools.cache
def sdist() -> dict[str, Path]:
    """The same of the source distribution."""
    return {file.distribution_path: Path(file.path) for file in SdistBuilder(str(ROOT)).recurse_included_files()}


def of(folder: str, pattern: str = "**/*") -> set[str]:
    """The files of a folder of this checkout, but for what tools make in it."""
    found = {path.relative_to(ROOT) for path in (ROOT / folder).glob(pattern) if path.is_file()}
    return {str(path) for path in found if not set(path.parts) & set(MADE)}


def test_the_wheel_is_the_package_with_its_data() -> None:
    """Every file of the package, `py.typed` among them, and profiles and schemas below it; nothing else at all."""
    package = {path.removeprefix("plugin/") for path in of("plugin/authweave")}
    data = {f"authweave/_data/{path}" for path in of("profiles") | of("schemas")}

    assert package | data == set(wheel())
    assert "authweave/py.typed" in package
    assert {".py", ".typed", ".jinja", ".js", ".css", ".yaml", ".json"} == {path.suffix for path in wheel().values()}


@pytest.mark.thorough
def test_the_source_distribution_is_the_repository() -> None:
    """What builds the wheel and what proves it: code, profiles, schemas, tests, documentation, the licence, the check itself."""
    folders = set().union(*(of(folder) for folder in ("plugin", "profiles", "schemas", "docs", ".ci")))
    tests = set().union(*(of(folder, "*.py") for folder in ("tests", "tests/unit", "tests/real", "tests/benchmarks", "tests/parts", "tests/documentation")))
    tests |= of("tests/recipes") | of("tests/example_plugin")
    top = {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE", ".pre-commit-hooks.yaml"}

    assert folders | tests | top <= set(sdist())


@pytest.mark.thorough
@pytest.mark.parametrize("files", [wheel, sdist], ids=lambda files: files.__name__)
def test_nothing_is_shipped_that_tools_made(files) -> None:
    """No caches, no packages of foreign parts, whatever was run in this checkout before."""
    assert [path for path in files() if set(Path(path).parts) & set(MADE) or path.endswith((".pyc", ".so", ".db", ".pem", ".key"))] == []


def test_an_extra_for_each_host() -> None:
    """`pip install 'authweave[requests]'`: an adapter that imports a package has an extra of its name, with a lowest version."""
    extras = PROJECT["project"]["optional-dependencies"]
    packages = {"grpc": "grpcio", "airflow": "apache-airflow"}
    hosts = {path.stem for path in (ROOT / "plugin/authweave/hosts").iterdir()} & {"aiohttp", "requests", "grpc", "llm", "kedro", "httpie", "airflow"}

    assert {host for host in hosts if not any(wanted.startswith(packages.get(host, host)) for wanted in extras.get(host, []))} == set()


def test_the_classifiers_are_what_is_checked() -> None:
    """Each Python that is promised is looked for by `.ci/run`, and no other system than the one it runs on."""
    promised = {line.rpartition(" ")[2] for line in PROJECT["project"]["classifiers"] if "Python :: 3." in line}

    assert promised == {"3.11", "3.12", "3.13"}
    assert [line for line in PROJECT["project"]["classifiers"] if "Operating System" in line] == ["Operating System :: POSIX :: Linux"]
    assert all(version in (ROOT / ".ci/run").read_text() for version in promised - {"3.11"})
