"""Every test has a home of its own: what it stores lies neither among a person's tokens nor among another test's."""

from __future__ import annotations

import itertools
import os

import pytest

_COUNT = itertools.count()


@pytest.fixture(autouse=True, scope="session")
def _homes(tmp_path_factory):
    """The folder of all homes; nothing is made in it before a test needs it."""
    return tmp_path_factory.mktemp("homes")


@pytest.fixture(autouse=True)
def _home_of_its_own(_homes):
    """Where the system keeps data and configuration for this test."""
    home = _homes / str(next(_COUNT))
    before = {name: os.environ.get(name) for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    os.environ["XDG_DATA_HOME"], os.environ["XDG_CONFIG_HOME"] = str(home / "data"), str(home / "config")
    yield
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
