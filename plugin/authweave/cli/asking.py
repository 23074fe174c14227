"""Inputs from a command line: plain ones as arguments, secrets from a prompt, a file, the environment, a keyring."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from authweave.errors import MissingInput, UsageError
from authweave.values import Secret

if TYPE_CHECKING:
    from authweave.cli.options import Given
    from authweave.connections.connection import Connection
    from authweave.engine import Engine
    from authweave.profile import Input, Profile

T = TypeVar("T")

IN_FILES: Final = frozenset({"pem", "pkcs12", "json"})
"""Types whose values nobody types."""


def with_connection(engine: Engine, profile: Profile, given: Given, work: Callable[[Connection], T]) -> T:
    """What `work` answers for the connection. On a terminal it is asked for what is missing, one input at a time.

    Raises UsageError, MissingInput, and what `work` raises.
    """
    values = given_values(profile, given)
    while True:
        connection = engine.connect(
            profile, tenant=given.tenant, subject=given.subject, inputs=values, servers=given.server
        )
        try:
            return work(connection)
        except MissingInput as error:
            if error.name in values or error.name not in profile.inputs or not at_terminal():
                raise
            missing = error.name
        values[missing] = asked(profile, profile.inputs[missing], given.tenant)


def given_values(profile: Profile, given: Given) -> dict[str, Any]:
    """The inputs that options give. Raises UsageError: for an unknown one, and for a secret among the arguments."""
    for name in (*dict(given.input), *dict(given.input_file), *given.prompt):
        if name not in profile.inputs:
            known = ", ".join(profile.inputs) or "none"
            raise UsageError(f"{profile.name} has no input {name}; its inputs are {known}")
    for name, _ in given.input:
        if profile.inputs[name].secret:
            raise UsageError(how_to_give(profile, name, given.tenant))
    values: dict[str, Any] = {name: Secret(value, "--input") for name, value in given.input}
    values.update((name, _from_file(profile.inputs[name], path)) for name, path in given.input_file)
    for name in given.prompt:
        if not at_terminal():
            ways = _other_ways(profile, name, given.tenant)
            raise UsageError(f"--prompt {name} needs a terminal, and this is none; use {ways}")
        values[name] = asked(profile, profile.inputs[name], given.tenant)
    return values


def how_to_give(profile: Profile, name: str, tenant: str = "") -> str:
    """Why a secret is not taken as an argument, and what to do instead."""
    return (
        f"{name} is a secret and is not taken as an argument, where other users and the shell's history see it; "
        f"give it with --prompt {name}, or {_other_ways(profile, name, tenant)}"
    )


def at_terminal() -> bool:
    """Is somebody there who can be asked?"""
    return sys.stdin.isatty() and sys.stderr.isatty()


def asked(profile: Profile, wanted: Input, tenant: str = "") -> Any:
    """What a person types; never shown if it is a secret. Raises MissingInput if nothing is."""
    in_file = wanted.type in IN_FILES
    of = f"{profile.name}, tenant {tenant}" if tenant else profile.name
    label = f"{'file with ' if in_file else ''}{wanted.title or wanted.name} ({of}): "
    typed = _typed(label, hidden=wanted.secret and not in_file)
    if not typed:
        raise MissingInput(wanted.name, f"{wanted.name}: nothing was typed")
    if in_file:
        return _from_file(wanted, typed)
    return Secret(typed, "the prompt")


def _typed(label: str, *, hidden: bool) -> str:
    try:
        if hidden:
            from getpass import getpass

            return getpass(label)
        print(label, end="", file=sys.stderr, flush=True)
        return input()
    except EOFError:
        return ""


def _from_file(wanted: Input, path: str) -> Any:
    from authweave.machine.small_files import LARGEST

    if path == "-":
        from authweave.sources.secret_files import value_of

        raw = sys.stdin.buffer.read(LARGEST + 1)
        return Secret(value_of(raw, wanted.name, "stdin", binary=wanted.type == "pkcs12"), "stdin")
    from authweave.sources.files import FilesSource

    return FilesSource({wanted.name: Path(path)}).get("", wanted, "")


def _other_ways(profile: Profile, name: str, tenant: str) -> str:
    from authweave.sources.environment import EnvironmentSource

    variable = EnvironmentSource({}).describe(profile.name, profile.inputs[name], tenant)
    return f"{variable}, --input-file {name}=PATH, a file {profile.name}.{name} in --secrets-dir, or a line in --dotenv"
