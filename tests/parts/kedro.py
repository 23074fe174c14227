"""PyPI `kedro` as a fixture: a host that loads authweave by its own entry point, in an environment of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from parts.catalogue import KEDRO, PARTS
from parts.installed import environment_of
from parts.not_run import need

_PROJECT = """
[project]
name = "orders"
version = "0.1"

[tool.kedro]
package_name = "orders"
project_name = "Orders"
kedro_init_version = "1.7.0"
source_dir = "src"
"""


@dataclass(frozen=True)
class Project:
    """A Kedro project in a folder of its own."""

    installed: Path
    folder: Path

    def write(self, catalog: Mapping[str, Any], pipeline: str, credentials: Mapping[str, Any] | None = None) -> None:
        """`catalog` and `credentials` as in their files; `pipeline` is the module that defines `nodes`, a list."""
        files = {
            "pyproject.toml": _PROJECT,
            "conf/base/catalog.yml": json.dumps(catalog),
            "conf/local/credentials.yml": json.dumps(credentials or {}),
            "src/orders/__init__.py": "",
            "src/orders/settings.py": "",
            "src/orders/nodes.py": pipeline,
            "src/orders/pipeline_registry.py": "from kedro.pipeline import Pipeline\nfrom orders.nodes import nodes\n\n\ndef register_pipelines():\n    return {'__default__': Pipeline(nodes)}\n",
        }
        for name, text in files.items():
            place = self.folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)

    def run(self, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """`kedro run` with these words; `settings` are the AUTHWEAVE_* of its environment."""
        return self._ended([str(KEDRO.folder / "bin" / "kedro"), "run", *words], settings)

    def script(self, text: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """A program in the project's environment, as a notebook runs it."""
        return self._ended([str(KEDRO.python), "-c", text], settings)

    def _ended(self, command: list[str], settings: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        homes = {"XDG_DATA_HOME": str(self.folder / "data"), "XDG_CONFIG_HOME": str(self.folder / "config"), "COLUMNS": "300"}
        environment = environment_of(self.installed, **homes, NO_PROXY="*", DO_NOT_TRACK="1", KEDRO_DISABLE_TELEMETRY="1", **settings)
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # each command would compile everything anew
        return subprocess.run(command, env=environment, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def kedro(installed: Path, tmp_path: Path) -> Project:
    """An empty project: `write` it, `run` it."""
    need(PARTS["kedro"])
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(installed, folder)
