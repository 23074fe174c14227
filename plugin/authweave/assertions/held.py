"""An assertion that is the credential itself: one for many requests, and another well before it ends."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from authweave.assertions.describing import assertion_of

EARLIEST: Final = 300.0
"""Seconds before its end at which another one is made; at most a quarter of its life. Clocks of servers differ."""


@dataclass(frozen=True, slots=True)
class _Made:
    inputs: Any
    text: str = field(repr=False)
    good_until: float = 0.0


class Held:
    """The assertion of one credential. Safe for threads: what is held is put in place whole."""

    __slots__ = ("_made", "_written")

    def __init__(self, written: Any) -> None:
        self._written = written
        self._made: _Made | None = None

    def is_fresh(self, inputs: Any, now: float) -> bool:
        """Is there one, made from these inputs, that need not be renewed yet?"""
        made = self._made
        return made is not None and made.inputs is inputs and now < made.good_until

    @property
    def good_until(self) -> float:
        """Until when (Unix seconds) the one at hand is used."""
        return self._made.good_until if self._made else 0.0

    def text(self, scope: Mapping[str, Any]) -> str:
        """The assertion, signed now if none is fresh. Raises KeyRefused, AssertionRefused, TemplateError."""
        made, inputs, now = self._made, scope["inputs"], scope["now"]
        if made is None or made.inputs is not inputs or now >= made.good_until:
            signed = assertion_of(self._written, scope)
            early = min(EARLIEST, (signed.expires_at - now) / 4) if signed.expires_at != math.inf else 0.0
            self._made = made = _Made(inputs, signed.text, signed.expires_at - early)
        return made.text

    def forget(self) -> None:
        """Sign anew at the next need: the API refused it, and the clock may have been set right meanwhile."""
        self._made = None
