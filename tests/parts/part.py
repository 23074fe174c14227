"""A foreign part: what it is for, whether it is here, and how it comes here.

Standard library only, so that `install.py` runs under any Python.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

HERE = Path(__file__).parent
NODE = 20
_APT = threading.Lock()
"""apt lets nobody else work at the same time."""


@functools.cache
def node_version() -> int | None:
    """The major version of node, or None."""
    if (node := shutil.which("node")) is None:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    digits = said.strip().removeprefix("v").split(".")[0]
    return int(digits) if digits.isdigit() else None


class Installation(Protocol):
    """One way a part gets onto a machine."""

    def missing(self) -> str | None:
        """Why the part cannot run, or None."""

    def install(self) -> None:
        """Bring it here; raises `OSError` or `subprocess.CalledProcessError`."""


@dataclass(frozen=True)
class Part:
    """A server or program that is not ours, and the fixtures that need it."""

    name: str
    purpose: str
    installation: Installation
    fixtures: tuple[str, ...]

    def missing(self) -> str | None:
        return self.installation.missing()

    @property
    def how(self) -> str:
        return f"python tests/parts/install.py {self.name}"


@dataclass(frozen=True)
class NpmFolder:
    """A folder with package.json and package-lock.json; installed into its own node_modules."""

    folder: Path
    node: Callable[[], int | None] = node_version

    def missing(self) -> str | None:
        if (version := self.node()) is None:
            return "node is not installed"
        if version < NODE:
            return f"node is version {version}, {NODE} or later is needed"
        wanted: dict[str, str] = json.loads((self.folder / "package.json").read_text())["dependencies"]
        wrong = [name for name, version in wanted.items() if self._installed(name) != version]
        return f"npm {', '.join(wrong)} not installed as pinned" if wrong else None

    def install(self) -> None:
        quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
        subprocess.run(["npm", "ci", *quiet], cwd=self.folder, check=True, stdin=subprocess.DEVNULL)

    def _installed(self, name: str) -> str | None:
        file = self.folder / "node_modules" / name / "package.json"
        return json.loads(file.read_text())["version"] if file.exists() else None


@dataclass(frozen=True)
class Venv:
    """A virtual environment of its own, for packages that must not meet ours."""

    folder: Path
    requirements: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def _stamp(self) -> Path:
        return self.folder / "installed.txt"

    def missing(self) -> str | None:
        if not self._stamp.exists() or not self.python.exists():
            return f"the virtual environment for {self.requirements.name} is not there"
        if self._stamp.read_text() != self.requirements.read_text():
            return f"the virtual environment was made for another {self.requirements.name}"
        return None

    def install(self) -> None:
        quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
        make = [sys.executable, "-m", "venv", "--clear", str(self.folder)]
        fill = [str(self.python), "-m", "pip", "install", *quiet, "-r", str(self.requirements)]
        for command in (make, fill):
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        self._stamp.write_text(self.requirements.read_text())


@dataclass(frozen=True)
class DebianPackage:
    """Programs and files of the system; installed by apt where there is one and we are root, else named.

    `package` may be several, separated by spaces; `also` are programs and files that must be there beside `program`.
    """

    program: str
    package: str
    also: tuple[str, ...] = ()

    def path(self, program: str = "") -> str | None:
        places = [os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]
        return shutil.which(program or self.program, path=os.pathsep.join(places))

    def missing(self) -> str | None:
        wanted = (self.program, *self.also)
        gone = [name for name in wanted if not (Path(name).exists() if name.startswith("/") else self.path(name))]
        return f"{', '.join(gone)}: not installed" if gone else None

    def install(self) -> None:
        if shutil.which("apt-get") is None or os.geteuid() != 0:
            raise OSError(f"needs an administrator: install {self.package} with the system's package manager")
        # RUNLEVEL=1 keeps the package from starting its own service.
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        with _APT:
            for command in (["update", "-qq"], ["install", "-qq", "-y", "--no-install-recommends", *self.package.split()]):
                subprocess.run(["apt-get", *command], check=True, env=environment, stdin=subprocess.DEVNULL)


@dataclass(frozen=True)
class Together:
    """A part that needs several things, installed one after another."""

    installations: tuple[Installation, ...]

    def missing(self) -> str | None:
        reasons = [reason for one in self.installations if (reason := one.missing()) is not None]
        return "; ".join(reasons) or None

    def install(self) -> None:
        for one in self.installations:
            if one.missing() is not None:
                one.install()
