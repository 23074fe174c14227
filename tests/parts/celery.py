"""PyPI `celery` as a fixture: a worker whose children are forked, and somebody who gives it tasks, in an environment of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from parts.catalogue import CELERY, PARTS
from parts.installed import environment_of
from parts.not_run import need
from parts.process import started
from parts.redis import NewRedis

RECIPES = Path(__file__).parent.parent / "recipes"
CHILDREN = 3
ASKING = """
import json, sys
import celery_tasks
asked = [celery_tasks.app.send_task("celery_tasks.call", [path]) for path in json.loads(sys.argv[1])]
for each in asked if sys.argv[2] == "wait" else ():
    each.get(timeout=60, propagate=False)
    print(json.dumps(each.result if each.successful() else {"failed": type(each.result).__name__, "message": str(each.result)}))
print(json.dumps([each.id for each in asked]))
"""


@dataclass(frozen=True)
class CeleryWorker:
    """A worker of `recipes/celery_tasks.py`, over a Redis of its own."""

    folder: Path
    environment: dict[str, str]
    pid: int

    @property
    def log(self) -> str:
        """What the worker wrote for people."""
        return (self.folder / "log").read_text()

    def calls(self, *paths: str) -> list[dict[str, Any]]:
        """What the tasks for these paths gave: their result, or `failed` and `message`."""
        *results, _ = self._ask(paths, "wait")
        return results

    def begin(self, *paths: str) -> None:
        """The same, waiting for nothing."""
        self._ask(paths, "go")

    def end(self) -> None:
        """SIGTERM: a warm shutdown. What is under way ends first."""
        os.kill(self.pid, signal.SIGTERM)

    @property
    def has_ended(self) -> bool:
        """In good order: it has removed the file with its pid."""
        return not (self.folder / "pid").exists()

    def _ask(self, paths: tuple[str, ...], how: str) -> list[Any]:
        command = [str(CELERY.python), "-c", ASKING, json.dumps(paths), how]
        ended = subprocess.run(command, env=self.environment, cwd=RECIPES, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
        assert ended.returncode == 0, f"{ended.stderr}\n{self.log}"
        return [json.loads(line) for line in ended.stdout.splitlines()]


@pytest.fixture
def celery_worker(installed: Path, tmp_path: Path, new_redis: NewRedis) -> Iterator[Callable[..., CeleryWorker]]:
    """A function that starts a worker with a prefork pool of three; it is told authweave's settings."""
    need(PARTS["celery"])
    with ExitStack() as running:

        def start(**settings: str) -> CeleryWorker:
            broker = new_redis().url
            environment = environment_of(installed, BROKER=broker, HOME=str(tmp_path), **settings)
            environment["PYTHONPATH"] += f":{RECIPES}"
            command = [str(CELERY.python), "-m", "celery", "-A", "celery_tasks", "worker", "--concurrency", str(CHILDREN), "--pool", "prefork", "--loglevel", "INFO", "--pidfile", "pid"]
            folder = tmp_path / "worker"
            folder.mkdir()
            facts = running.enter_context(started(command, folder, answered=lambda: _ready(folder), environment=environment))
            return CeleryWorker(folder, environment, facts["pid"])

        yield start


def _ready(folder: Path) -> dict[str, Any] | None:
    is_ready = " ready." in (folder / "log").read_text()
    return {"pid": int((folder / "pid").read_text())} if is_ready else None
