"""What is said when the file is there: what may still be missing, where secrets go, and the test."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from authweave.cli.beginning.terminal import agreed, tell
from authweave.cli.exits import Exit

if TYPE_CHECKING:
    from authweave.starting.making import Made


def told(made: Made, path: Path | None) -> None:
    """Say what was written, what may be missing, and which variables the inputs are read from."""
    from authweave.loading import profile_of
    from authweave.starting.exports import exports

    if path:
        tell(f"wrote {path}")
    for problem in made.warnings:
        about = "" if not problem.key or f"`{problem.key}`" in problem.message else f"{problem.key}: "
        tell(f"  still open: {about}{problem.message}; {problem.fix}")
    if made.checked.data.get("abstract") is True:
        return
    if wanted := exports(profile_of(made.checked)):
        tell("Give its inputs as environment variables (or --input-file, --secrets-dir, --dotenv, --prompt); nothing of them stands in the file:")
        for variable, meaning in wanted:
            tell(f"  export {variable}=…    # {meaning}")


def test_offered(path: Path, subject: str, *, signs_in: bool, may_ask: bool, strict: bool) -> Exit:
    """At a terminal the test is run if somebody wants it, else its command is told. Ends as the test does."""
    words = [str(path), *(["--subject", subject] if subject else []), *(["--strict"] if strict else [])]
    commands = ["login", "test"] if signs_in else ["test"]
    if not may_ask or not agreed("Sign in and test it now?" if signs_in else "Test it now?"):
        for name in commands:
            tell(f"Try: authweave {name} {shlex.join(words)}")
        return Exit.OK
    ended = Exit.OK
    for name in commands:
        ended = _run(name, words)
        if ended != Exit.OK:
            break
    return ended


def _run(name: str, words: list[str]) -> Exit:
    """Run a command as if somebody had typed it."""
    from authweave.cli.group import group

    with group.make_context("authweave", [name, *words]) as context:
        return Exit(int(group.invoke(context) or 0))
