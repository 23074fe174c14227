"""Chromium as a fixture: what a person sees who opens a page, and what a judge of accessibility (axe-core) says of it.

The browser is the system's; npm playwright-core drives it (`chromium/driver.mjs`), in a process of its own, so that no
event loop of it meets those of the tests.
"""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from parts.catalogue import CHROMIUM, CHROMIUM_DRIVER, PARTS
from parts.not_run import need

PATIENCE = 60.0


@dataclass(frozen=True)
class Seen:
    """What a page did since it was opened: lines of its console (violations of its policy among them), errors of its scripts, every URL that it asked for, and how many dialogs it opened."""

    console: list[str]
    errors: list[str]
    requests: list[str]
    dialogs: int


class Browser:
    """One page at a time. Whatever goes wrong in it is a RuntimeError."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.version = str(self._answer()["ready"])

    def visit(self, file: Path, *, width: int = 1200, height: int = 900, scheme: str = "light", javascript: bool = True) -> None:
        """Open a file in a new window. `scheme`: light or dark."""
        self._ask("visit", url=file.resolve().as_uri(), width=width, height=height, scheme=scheme, javascript=javascript)

    def seen(self) -> Seen:
        """What the page did so far."""
        return Seen(**self._ask("seen"))

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        return self._ask("evaluate", expression=expression)

    def press(self, *keys: str) -> None:
        """Press keys, one after another: `Tab`, `ArrowRight`, `Enter`."""
        for key in keys:
            self._ask("press", key=key)

    def click(self, selector: str) -> None:
        """Click on the first element that a selector finds."""
        self._ask("click", selector=selector)

    def is_visible(self, selector: str) -> bool:
        """Is the first element that a selector finds there to be seen?"""
        return bool(self._ask("visible", selector=selector))

    def violations(self) -> list[dict[str, Any]]:
        """What axe-core finds: `id`, `impact` (minor, moderate, serious, critical), `help`, `nodes`."""
        return list(self._ask("judge"))

    def resize(self, width: int, height: int = 900) -> None:
        """Make the window so large."""
        self._ask("resize", width=width, height=height)

    def as_media(self, media: str) -> None:
        """Show the page as on `screen` or in `print`."""
        self._ask("media", media=media)

    def screenshot(self, path: Path, *, whole: bool = True) -> None:
        """A picture (PNG) of the page, or of what of it fits into the window."""
        self._ask("screenshot", path=str(path), whole=whole)

    def pdf(self, path: Path) -> None:
        """The page as it is printed."""
        self._ask("pdf", path=str(path))

    def _ask(self, question: str, **how: Any) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"ask": question, **how}) + "\n")
        self._process.stdin.flush()
        said = self._answer()
        if "error" in said:
            raise RuntimeError(f"{question}: {said['error']}")
        return said["answer"]

    def _answer(self) -> dict[str, Any]:
        """The next line; a browser that hangs is ended, and its end is what is read."""
        assert self._process.stdout is not None
        watch = threading.Timer(PATIENCE, self._process.kill)
        watch.start()
        try:
            line = self._process.stdout.readline()
        finally:
            watch.cancel()
        if not line:
            raise RuntimeError(f"the browser ended, exit code {self._process.poll()}")
        return dict(json.loads(line))


@contextmanager
def opened(folder: Path) -> Iterator[Browser]:
    """A running browser; what it says of itself goes into a file in `folder`."""
    command = ["node", CHROMIUM_DRIVER.folder / "driver.mjs", str(CHROMIUM.path())]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        yield Browser(process)
    finally:
        try:
            process.communicate(timeout=10)  # the end of its input is its end
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A running Chromium: `visit(file)`, then look: see `Browser`."""
    need(PARTS["chromium"])
    with opened(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser
