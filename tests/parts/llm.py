"""PyPI `llm` as a fixture: a host that loads authweave by its own entry points, in an environment of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from parts.catalogue import LLM, PARTS
from parts.installed import environment_of
from parts.not_run import need
from parts.part import HERE

MODELS = HERE / "llm_models"


@dataclass(frozen=True)
class Said:
    """What a run printed, and what the models in it were told, turn by turn."""

    code: int
    out: str
    err: str
    turns: list[dict[str, Any]]

    @property
    def tools(self) -> list[dict[str, Any]]:
        """The tools that the model was offered."""
        return list(self.turns[0]["tools"])

    @property
    def answers(self) -> list[str]:
        """What the tools answered, in order."""
        return [told["output"] for turn in self.turns for told in turn["told"]]


@dataclass(frozen=True)
class Llm:
    """llm with a folder of its own, and with the model `scripted` (see `llm_models`)."""

    installed: Path
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, *words: str) -> Said:
        """The command `llm` with these words."""
        return self._ended([str(LLM.python), "-m", "llm", *words])

    def ask(self, tool: str, *steps: Mapping[str, Any], more: Sequence[str] = ()) -> Said:
        """Prompt the model, which makes these calls of tools one after the other and then says what the last one answered."""
        return self.run("prompt", "-m", "scripted", "-T", tool, *more, json.dumps(steps))

    def script(self, text: str) -> Said:
        """A program that uses llm as a library."""
        return self._ended([str(LLM.python), "-c", text])

    @property
    def logs(self) -> bytes:
        """Everything that llm has written into its folder."""
        return b"".join(path.read_bytes() for path in self.folder.rglob("*") if path.is_file() and path.name != "turns")

    def _ended(self, command: Sequence[str]) -> Said:
        turns = self.folder / "turns"
        turns.unlink(missing_ok=True)
        own = {"LLM_USER_PATH": str(self.folder), "MODEL_LOG": str(turns), **self.environment}
        environment = environment_of(self.installed, **own)
        environment["PYTHONPATH"] += f":{MODELS}"
        ended = subprocess.run(command, env=environment, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
        lines = turns.read_text().splitlines() if turns.exists() else []
        return Said(ended.returncode, ended.stdout, ended.stderr, [json.loads(line) for line in lines])


@pytest.fixture
def llm(installed: Path, tmp_path: Path) -> Llm:
    """llm in a folder of its own; `dataclasses.replace(llm, environment=…)` tells authweave its settings."""
    need(PARTS["llm"])
    folder = tmp_path / "llm"
    folder.mkdir()
    return Llm(installed, folder)
