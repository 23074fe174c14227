"""Applications in a process of their own, which a test tells line by line what to send.

    with Application(SCRIPT, folder, installed, client_id="…", client_secret="…") as application:
        answer = application.get(url)

The script reads JSON lines (`method`, `url`, and what else it knows) and answers each with one. Its environment is all
that it gets: the installed package (the fixture `installed`), a folder of profiles, and inputs as `AUTHWEAVE_ACME_…`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


class Application:
    """A running application. `log` is what it wrote for people, once it has ended."""

    def __init__(self, script: str, folder: Path, installed: Path, **inputs: str) -> None:
        self._script = folder / "application.py"
        self._script.write_text(script)
        given = {f"AUTHWEAVE_ACME_{name.upper()}": value for name, value in inputs.items()}
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "PYTHONDONTWRITEBYTECODE")}
        self._environment = {**kept, **given, "AUTHWEAVE_PROFILES": str(folder), "PYTHONPATH": str(installed), "PYTHONWARNINGS": "error"}
        self.log = ""

    def __enter__(self) -> Application:
        self._process = subprocess.Popen(
            [sys.executable, str(self._script)], env=self._environment, cwd=self._script.parent, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        try:
            _, self.log = self._process.communicate(timeout=30)
        finally:
            self._process.kill()
            self._process.wait()

    def get(self, url: str, **more: Any) -> dict[str, Any]:
        """What the application says of the answer to this request."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"method": "GET", "url": url, **more}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(self._process.communicate(timeout=30)[1])
        told: dict[str, Any] = json.loads(line)
        return told


def write_profile(folder: Path, auth: dict[str, Any], *servers: str, **more: Any) -> None:
    """The profile `acme` in this folder."""
    document = {"format": 1, "name": "acme", "version": "1.0.0", "identity_provider": "Acme", "servers": list(servers), "auth": auth, **more}
    (folder / "acme.json").write_text(json.dumps(document))
