"""What the commands share: options, exit codes, messages. Import from here."""

from __future__ import annotations

from authweave.cli.exits import MEANINGS, Exit, exit_for, exit_of

__all__ = ["MEANINGS", "Exit", "exit_for", "exit_of"]
