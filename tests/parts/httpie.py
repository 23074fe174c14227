"""PyPI `httpie` as a fixture: a host that loads authweave by its own entry point, in an environment of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from parts.catalogue import HTTPIE, PARTS
from parts.installed import environment_of
from parts.not_run import need


@dataclass(frozen=True)
class Httpie:
    """The command `http` with folders of its own. `settings` are the AUTHWEAVE_* of its environment."""

    installed: Path
    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`http` with these words; nobody sits at a terminal."""
        places = {"HTTPIE_CONFIG_DIR": str(self.folder / "httpie"), "XDG_DATA_HOME": str(self.folder / "data"), "XDG_CONFIG_HOME": str(self.folder / "config")}
        environment = environment_of(self.installed, **places, NO_PROXY="*", **self.settings)
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # each command would compile everything anew
        command = [str(HTTPIE.folder / "bin" / "http"), "--ignore-stdin", *words]
        return subprocess.run(command, env=environment, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)

    @property
    def files(self) -> bytes:
        """Everything that HTTPie has written into its own folder."""
        return b"".join(path.read_bytes() for path in (self.folder / "httpie").rglob("*") if path.is_file())


@pytest.fixture
def httpie(installed: Path, tmp_path: Path) -> Httpie:
    """HTTPie in folders of its own; `dataclasses.replace(httpie, settings=…)` tells authweave its settings."""
    need(PARTS["httpie"])
    return Httpie(installed, tmp_path)
