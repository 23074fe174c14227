"""Validating again what changes: a look at the times of files every third of a second, without any dependency."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import click

from authweave.cli.exits import Exit

if TYPE_CHECKING:
    from authweave.checking.document import Checked

INTERVAL: Final = 0.3

Tell = Callable[[Sequence["Checked"]], Any]
Stamp = tuple[tuple[int, int] | None, ...]


def watch(files: Callable[[], list[str]], check: Callable[[str], Checked], tell: Tell) -> Exit:
    """Check every file now, and again each that changes, itself or a parent of it; until Ctrl-C. Ends with OK."""
    seen: dict[str, tuple[tuple[str, ...], Stamp]] = {}
    with suppress(KeyboardInterrupt):
        while True:
            _look(_there(files), check, tell, seen)
            time.sleep(INTERVAL)
    return Exit.OK


def _look(
    paths: list[str], check: Callable[[str], Checked], tell: Tell, seen: dict[str, tuple[tuple[str, ...], Stamp]]
) -> None:
    """One look at all files."""
    for gone in seen.keys() - set(paths):
        del seen[gone]
        print(f"{gone}: is gone", flush=True)
    changed = [path for path in paths if path not in seen or seen[path][1] != _stamp(seen[path][0])]
    if not changed:
        return
    found = []
    for path in changed:
        before = _stamp((path,))
        checked = check(path)
        sources = (path, *(parent.source for parent in checked.merged.parents))
        seen[path] = sources, before + _stamp(sources[1:])
        found.append(checked)
    tell(found)
    print(f"watching {len(paths)} {'file' if len(paths) == 1 else 'files'}; Ctrl-C ends", flush=True)


def _there(files: Callable[[], list[str]]) -> list[str]:
    """The files now; while an editor replaces one, or a folder is empty, there may be none for a moment."""
    with suppress(click.UsageError, OSError):
        return files()
    return []


def _stamp(paths: Sequence[str]) -> Stamp:
    return tuple(_changed(path) for path in paths)


def _changed(path: str) -> tuple[int, int] | None:
    with suppress(OSError):
        stat = os.stat(path)
        return stat.st_mtime_ns, stat.st_size
    return None
