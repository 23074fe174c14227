"""The tests believe one authority of nobody's instead of the world's: reading all of those anew costs each client 35 ms."""

from __future__ import annotations

import tempfile
from pathlib import Path

import certifi
import pytest

from certificates import Authority


def pytest_configure(config: pytest.Config) -> None:
    folder = tempfile.TemporaryDirectory(prefix="authweave-authorities-")
    config.add_cleanup(folder.cleanup)
    bundle = Path(folder.name, "bundle.pem")
    bundle.write_text(Authority("an authority of nobody").pem)
    certifi.where = lambda: str(bundle)
    certifi.contents = bundle.read_text
