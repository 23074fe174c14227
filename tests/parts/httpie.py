"""PyPI `httpie` as a fixture: a host that loads authweave by its own entry point, in an environment of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from parts.catalogue import HTTPIE, PARTS
from parts.installed import environment_of
from parts.not_run import need

_PLUGGY_IN_ITS_FOLDER = """
import sys

class Elsewhere:
    def find_spec(self, name, path=None, target=None):
        if name == "pluggy" and folder not in sys.path:
            raise ModuleNotFoundError("pluggy is in the folder of plugins")

_, folder, *sys.argv[1:] = sys.argv
sys.meta_path.insert(0, Elsewhere())
from httpie.__main__ import main
main()
"""


@dataclass(frozen=True)
class Httpie:
    """The command `http` with folders of its own. `settings` are the AUTHWEAVE_* of its environment."""

    installed: Path
    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`http` with these words; nobody sits at a terminal."""
        return self._ended(self.installed, [str(HTTPIE.folder / "bin" / "http"), *words])

    def run_with_plugins(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The same where `httpie plugins install` has put the package, and with it pluggy: both are only in that folder."""
        place = self.folder / "httpie" / "plugins" / "lib" / f"python{self._version}" / "site-packages"
        if not place.exists():
            shutil.copytree(self.installed, place)
        return self._ended(Path("/nowhere"), [str(HTTPIE.python), "-c", _PLUGGY_IN_ITS_FOLDER, str(place), *words])

    @property
    def _version(self) -> str:
        return ".".join(map(str, sys.version_info[:2]))

    def _ended(self, installed: Path, command: list[str]) -> subprocess.CompletedProcess[str]:
        places = {"HTTPIE_CONFIG_DIR": str(self.folder / "httpie"), "XDG_DATA_HOME": str(self.folder / "data"), "XDG_CONFIG_HOME": str(self.folder / "config")}
        environment = environment_of(installed, **places, NO_PROXY="*", **self.settings)
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # each command would compile everything anew
        command = [*command, "--ignore-stdin"]
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
