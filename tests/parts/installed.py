"""This checkout, installed as from its wheel, for hosts that run in a process and an environment of their own."""

from __future__ import annotations

import compileall
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
_OURS = ("PYTHONPATH", "PYTEST_CURRENT_TEST", "PYTEST_XDIST_WORKER")


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the package with its entry points, as pip leaves it in site-packages; for a host's PYTHONPATH.

    The environments of hosts are shared among test processes and stay as they are: each session has its own folder.
    """
    wheels, folder = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(wheels), str(ROOT)]
    subprocess.run(build, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    [wheel] = wheels.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    compileall.compile_dir(folder, quiet=2)
    return folder


def environment_of(installed: Path, **more: str) -> dict[str, str]:
    """The environment of a host's process: the installed package, and nothing of this test process's own settings."""
    kept = {name: value for name, value in os.environ.items() if name not in _OURS and not name.startswith("AUTHWEAVE_")}
    return {**kept, "PYTHONPATH": str(installed), **more}
