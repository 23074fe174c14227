"""What git knows of folders at a revision. Git is only read: no shell, no hooks, no pager, no filters, no helpers, no network."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from authweave.errors import UsageError
from authweave.redaction import inert

PATIENCE: Final = 30.0
"""Seconds that one call may take."""
_QUIET: Final = ("--no-pager", "--no-optional-locks", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "protocol.allow=never")
_LONGEST_REVISION: Final = 200


@dataclass(slots=True)
class Revision:
    """The files of folders as they were. `wanted` is what somebody calls it: a commit, a tag, a branch, `HEAD~3`."""

    wanted: str
    _commits: dict[Path, str] = field(default_factory=dict)
    _files: dict[Path, Mapping[str, bytes]] = field(default_factory=dict)

    def files(self, folder: Path, endings: Sequence[str]) -> Mapping[str, bytes]:
        """Name → content of the files directly in a folder; none if the folder was not there. Raises UsageError."""
        folder = folder.resolve()
        if folder not in self._files:
            self._files[folder] = _contents(folder, self._commit(folder), endings)
        return self._files[folder]

    def _commit(self, folder: Path) -> str:
        top = Path(_asked(folder, "rev-parse", "--show-toplevel", wrong=f"{folder} is in no git repository").removesuffix("\n"))
        if top not in self._commits:
            self._commits[top] = self._resolved(top)
        return self._commits[top]

    def _resolved(self, top: Path) -> str:
        wrong = f"git knows no revision {inert(self.wanted[:_LONGEST_REVISION])} in {top}"
        if not self.wanted or self.wanted.startswith("-") or not self.wanted.isprintable() or len(self.wanted) > _LONGEST_REVISION:
            raise UsageError(wrong)
        return _asked(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{self.wanted}^{{commit}}", wrong=wrong).strip()


def is_in_repository(folder: Path) -> bool:
    """Does git know this folder's repository? Raises UsageError where there is no git."""
    return _run(folder, ("rev-parse", "--show-toplevel")).returncode == 0


def _contents(folder: Path, commit: str, endings: Sequence[str]) -> Mapping[str, bytes]:
    listed = _run(folder, ("ls-tree", "-z", commit, "--"))
    if listed.returncode != 0:
        raise UsageError(_because(f"git cannot list {folder} at {commit[:12]}", listed.stderr))
    objects: dict[str, str] = {}
    for line in filter(None, listed.stdout.split(b"\0")):
        facts, _, name = line.partition(b"\t")
        mode, kind, number = facts.decode("ascii").split()
        if kind == "blob" and mode != "120000" and name.endswith(tuple(ending.encode() for ending in endings)):
            objects[os.fsdecode(name)] = number
    return dict(zip(objects, _blobs(folder, list(objects.values())), strict=True))


def _blobs(folder: Path, numbers: Sequence[str]) -> list[bytes]:
    """The contents of blobs, all in one call."""
    if not numbers:
        return []
    said = _run(folder, ("cat-file", "--batch"), "".join(f"{number}\n" for number in numbers).encode())
    found, rest = [], said.stdout
    for number in numbers:
        head, _, rest = rest.partition(b"\n")
        if not (facts := head.split())[1:2] == [b"blob"]:
            raise UsageError(_because(f"git does not have the file {number[:12]} here (a partial clone?)", said.stderr))
        size = int(facts[2])
        found.append(rest[:size])
        rest = rest[size + 1 :]
    return found


def _asked(folder: Path, *words: str, wrong: str) -> str:
    said = _run(folder, words)
    if said.returncode != 0:
        raise UsageError(_because(wrong, said.stderr))
    return os.fsdecode(said.stdout)


def _because(wrong: str, words: bytes) -> str:
    first = words.decode(errors="replace").strip().partition("\n")[0].removeprefix("fatal: ")
    return f"{wrong} (git says: {inert(first[:300])})" if first else wrong


def _run(folder: Path, words: Sequence[str], given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    wrong = ""
    try:
        return subprocess.run(  # noqa: S603 - no shell, and the words are ours; the revision stands behind --end-of-options
            ["git", *_QUIET, *words], cwd=folder, input=given, capture_output=True, timeout=PATIENCE, check=False, env=_environment(),  # noqa: S607 - the user's own git
        )  # fmt: skip
    except FileNotFoundError:
        wrong = "git is not installed, and --changed-since asks it" if folder.is_dir() else f"{folder} is no folder"
    except subprocess.TimeoutExpired:
        wrong = f"git did not answer within {PATIENCE:.0f} s in {folder}"
    except OSError as error:
        wrong = f"git cannot be run in {folder}: {error.strerror}"
    raise UsageError(wrong)


def _environment() -> dict[str, str]:
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "", "GIT_PAGER": "cat", "LC_ALL": "C", "GIT_NO_REPLACE_OBJECTS": "1"}
    return {**{name: value for name, value in os.environ.items() if not name.startswith(("GIT_TRACE", "GIT_EXTERNAL"))}, **quiet}
