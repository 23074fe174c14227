"""Hold the lower bounds of pyproject.toml, and what is installed in this environment, to advisories.toml.

Ends with 1 and a line for each version that an advisory names. Needs no network: `pip-audit` asks the services, where
they can be reached.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HOSTS = {"airflow", "httpie", "kedro", "llm", "bench"}
"""Extras for what is there already: a platform, or peers to measure against, with bounds of their own."""

here = Path(__file__).parent
ADVISORIES = {re.sub(r"[-_.]+", "-", name).lower(): fixed for name, fixed in tomllib.loads((here / "advisories.toml").read_text(encoding="utf-8")).items()}


def bounds() -> Iterator[tuple[str, str]]:
    """(package, lower bound) of each dependency, and of each extra that brings a library of ours."""
    project = tomllib.loads((here.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    for wanted in [*project["dependencies"], *(each for extra in extras if extra not in HOSTS | {"dev"} for each in extras[extra])]:
        if bound := re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?>=([0-9][0-9.]*)", wanted):
            yield bound[1].lower(), bound[2]


def named_in(package: str, found: str) -> list[str]:
    """The advisories that name this version."""
    return [f"{advisory} (mended in {fixed})" for advisory, fixed in ADVISORIES[package].items() if numbers(found) < numbers(fixed)]


def numbers(text: str) -> tuple[int, ...]:
    """`3.14.0` as numbers that compare; `3.14` is the same version."""
    found = [int(number) for number in re.match(r"[0-9.]+", text)[0].strip(".").split(".")]
    while found and found[-1] == 0:
        found.pop()
    return tuple(found)


def problems() -> Iterator[str]:
    """What is to be mended: a bound or an installed version that an advisory names, or a package that nobody looked up."""
    for package, lowest in bounds():
        if package not in ADVISORIES:
            yield f"{package} has no table in advisories.toml: look its advisories up, and write them down"
        elif wrong := named_in(package, lowest):
            yield f"pyproject.toml allows {package} {lowest}: {', '.join(wrong)}"
    for package in ADVISORIES:
        try:
            installed = version(package)
        except PackageNotFoundError:
            continue
        if wrong := named_in(package, installed):
            yield f"{package} {installed} is installed: {', '.join(wrong)}"


if __name__ == "__main__":
    found = list(problems())
    print("\n".join(found) or f"{len(ADVISORIES)} packages: no version that a known advisory names")
    sys.exit(bool(found))
