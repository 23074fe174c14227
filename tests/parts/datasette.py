"""PyPI `datasette` as a fixture: a web host with a plugin manager of its own, in an environment of its own."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from parts.catalogue import DATASETTE, PARTS
from parts.installed import environment_of
from parts.not_run import need
from parts.process import started

RECIPES = Path(__file__).parent.parent / "recipes"


@dataclass(frozen=True)
class Datasette:
    """A running Datasette with the plugin `recipes/datasette_crm.py`."""

    url: str
    folder: Path

    def get(self, path: str) -> httpx.Response:
        """What it answers."""
        return httpx.get(self.url + path, trust_env=False, timeout=60)

    @property
    def log(self) -> str:
        """What it wrote for people."""
        return (self.folder / "log").read_text()


@pytest.fixture
def datasette(installed: Path, tmp_path: Path) -> Iterator[Callable[..., Datasette]]:
    """A function that starts Datasette; it is told authweave's settings."""
    need(PARTS["datasette"])
    plugins, folder = tmp_path / "plugins", tmp_path / "datasette"
    plugins.mkdir()
    folder.mkdir()
    shutil.copy(RECIPES / "datasette_crm.py", plugins)
    with ExitStack() as running:

        def start(**settings: str) -> Datasette:
            environment = environment_of(installed, **settings)
            environment["PYTHONPATH"] += f":{RECIPES}"
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            command = [str(DATASETTE.python), "-m", "datasette", "serve", "--memory", "--host", "127.0.0.1", "--port", str(port), "--plugins-dir", str(plugins)]
            url = f"http://127.0.0.1:{port}"
            running.enter_context(started(command, folder, answered=lambda: _answer(url), environment=environment))
            return Datasette(url, folder)

        yield start


def _answer(url: str) -> dict[str, Any] | None:
    with suppress(httpx.TransportError):
        return {"status": httpx.get(f"{url}/-/versions.json", trust_env=False, timeout=5).status_code}
    return None
