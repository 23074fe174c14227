"""Asking the person at the terminal."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from authweave.values import Secret

if TYPE_CHECKING:
    from authweave.profile import Input


class PromptSource:
    """Asks for what is needed and has no default, through a callable that shows a label and does not echo.

    One question at a time, whichever thread asks. An end of input (EOFError) or an empty answer is no value.
    """

    name: ClassVar[str] = "prompt"
    max_age: float | None = None

    def __init__(self, ask: Callable[[str], str]) -> None:
        self._ask = ask
        self._one_at_a_time = threading.Lock()

    def get(self, profile: str, asked: Input, tenant: str) -> Secret | None:
        """What was typed."""
        if not asked.required or asked.default is not None:
            return None
        of = f"{profile}, tenant {tenant}" if tenant else profile
        with self._one_at_a_time:
            try:
                typed = self._ask(f"{asked.title or asked.name} ({of}): ")
            except EOFError:
                return None
        return Secret(typed, "the prompt") if typed else None

    def describe(self, profile: str, asked: Input, tenant: str) -> str:
        """That one can type it."""
        return "the prompt"
