"""What authweave is built of: lower bounds that no known advisory names."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "advisories.py"


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT))


def test_no_bound_and_no_installed_version_is_named_by_an_advisory(script):
    """Whoever installs the lowest versions that are allowed gets none that is known to be unsafe."""
    assert [] == list(script["problems"]())


def test_every_dependency_was_looked_up(script):
    """A new dependency comes with a look at its advisories."""
    looked_up = {name for name, _ in script["bounds"]()}

    assert {"httpx", "jinja2", "pluggy", "jsonschema", "cryptography", "aiohttp"} < looked_up
    assert looked_up <= script["ADVISORIES"].keys()


@pytest.mark.parametrize(
    ("package", "found", "named"),
    [("jinja2", "3.1.5", ["CVE-2025-27516"]), ("jinja2", "3.1.6", []), ("jinja2", "3.2", []), ("oauthlib", "3.3.1", ["CVE-2026-49264", "CVE-2026-118669"]), ("idna", "3.9", ["CVE-2026-45409"])],
)
def test_an_older_version_is_named(script, package, found, named):
    """Versions compare as numbers: 3.9 comes before 3.15."""
    assert named == [each.partition(" ")[0] for each in script["named_in"](package, found)]
