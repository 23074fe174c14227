"""Signing in while a test runs, as `authweave login` does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from authweave.cli.testing.progress import wipe

if TYPE_CHECKING:
    from authweave.connections.connection import Connection


@dataclass(frozen=True, slots=True)
class AtTerminal:
    """The person at this terminal. `pastes`: their browser is elsewhere."""

    opens_browser: bool = True
    pastes: bool = False

    def sign_in(self, connection: Connection) -> None:
        """As `authweave login`. Raises AuthorizationDenied, SignInFailed, UsageError, and what a token call raises."""
        import sys

        from authweave.cli.signing_in import Wishes, signed_in

        if sys.stderr.isatty():
            wipe()
        signed_in(connection, Wishes(opens_browser=self.opens_browser, pastes=self.pastes))
