"""A tour that can be taken: the files that a page shows, the commands it has people type, and what it says they print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from documentation.markdown import ROOT, Block, Page

SECRET = "s3cr3t-of-the-tour"
_FILE = re.compile(r"# (\S+\.yaml)\n")
_VARYING = (
    (re.compile(r"\b\d+ chars, #[0-9a-f]+"), "N chars"), (re.compile(r"\b\d+-char\b"), "N-char"), (re.compile(r"\b\d+ ms\b"), "N ms"),
    (re.compile(r"\bport \d+"), "port N"), (re.compile(r"\bclock\s+[+-]\d+ s\b"), "clock N s"), (re.compile(r"\s+"), " "),
)  # fmt: skip
"""What differs from run to run and from machine to machine."""


@dataclass
class Step:
    """One command, and the lines that are shown below it."""

    block: Block
    command: str
    shown: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.block} {self.command}"

    def missing(self, output: str) -> str | None:
        """The first line shown that is not printed after those before it. Where lines are wrapped does not matter."""
        left = _settled(output)
        for line in self.shown:
            found = _pattern(line).search(left)
            if found is None:
                return line
            left = left[found.end() :]
        return None


def files(page: Page) -> Iterator[tuple[str, str]]:
    """Name and text of the files that begin with a comment that names them."""
    for block in page.blocks:
        if block.language == "yaml" and (named := _FILE.match(block.text)):
            yield named[1], block.text


def steps(page: Page) -> Iterator[Step]:
    """The commands of its consoles, in order."""
    for block in page.blocks:
        step: Step | None = None
        for line in block.text.splitlines() if block.language == "console" else ():
            if line.startswith("$ "):
                if step:
                    yield step
                step = Step(block, line.removeprefix("$ "))
            elif step:
                step.shown.append(line)
        if step:
            yield step


def environment(home: Path) -> dict[str, str]:
    """That of somebody new: no settings, no terminal, this checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AUTHWEAVE_") and name not in ("COLUMNS", "NO_COLOR")}
    return {**kept, "HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"), "XDG_DATA_HOME": str(home / ".local"), "PYTHONPATH": str(ROOT / "plugin"), "PYTHONUTF8": "1"}


def run(command: str, folder: Path, env: dict[str, str]) -> str:
    """What a command prints."""
    program, _, arguments = command.partition(" ")
    assert program == "authweave", command
    words = [sys.executable, "-m", "authweave", *arguments.split()]
    return subprocess.run(words, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False).stdout


def _settled(text: str) -> str:
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return text.strip()


def _pattern(shown: str) -> re.Pattern[str]:
    """`…` stands for anything."""
    return re.compile(".*?".join(re.escape(part) for part in _settled(shown).split("…")))
