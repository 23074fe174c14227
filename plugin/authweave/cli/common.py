"""What the commands share, in one place to import from: options, exit codes, messages, inputs."""

from __future__ import annotations

from authweave.cli.asking import at_terminal, given_values, with_connection
from authweave.cli.exits import MEANINGS, Exit, exit_for, exit_of
from authweave.cli.group import command_of
from authweave.cli.options import (
    Given,
    Place,
    Seen,
    format_option,
    given_options,
    place_options,
    profile_argument,
    profile_of,
    seen_options,
)
from authweave.cli.running import complain

__all__ = [
    "MEANINGS", "Exit", "Given", "Place", "Seen", "at_terminal", "command_of", "complain", "exit_for", "exit_of",
    "format_option", "given_options", "given_values", "place_options", "profile_argument", "profile_of",
    "seen_options", "with_connection",
]  # fmt: skip
