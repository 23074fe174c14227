"""The tokens that were issued to one client, and what became of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

REMEMBERED: Final = 300
"""Tokens whose end is still told from something that never was one."""


@dataclass(frozen=True, slots=True)
class Issued:
    """An access token, good until `expires_at` (Unix seconds), and the refresh token that came with it.

    `ended` says why it is no longer good, in words; `uses` counts the requests it was accepted for. `jkt` is the thumbprint
    of the key that it is bound to (RFC 9449 §6.1).
    """

    access_token: str = field(repr=False)
    expires_at: float
    scope: str = ""
    refresh_token: str | None = field(default=None, repr=False)
    ended: str = ""
    is_refreshed: bool = False
    uses: int = 0
    kept: Mapping[str, Any] = field(default_factory=dict, repr=False)
    jkt: str = ""


class Ledger:
    """Safe for threads. The clock is a callable, asked whenever a token is looked at."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._issued: dict[str, Issued] = {}
        self._handed_over: dict[str, Issued] = {}

    def hand_over(self, refresh_token: str, scope: str) -> None:
        """A refresh token that somebody got elsewhere. It is taken any number of times: each run begins with it."""
        self._handed_over[refresh_token] = Issued("", 0.0, scope, refresh_token)

    def add(self, issued: Issued, *, refreshed: str | None = None) -> None:
        """Write a token down. With `refreshed`, that refresh token is used up: it is never taken twice."""
        with self._lock:
            for known in list(self._issued.values()):
                if refreshed is not None and known.refresh_token == refreshed:
                    self._issued[known.access_token] = replace(known, is_refreshed=True)
            self._issued[issued.access_token] = issued
            while len(self._issued) > REMEMBERED:
                del self._issued[next(iter(self._issued))]

    def bind(self, access_token: str, jkt: str) -> None:
        """Bind a token to a key."""
        self._change(lambda known: replace(known, jkt=jkt) if known.access_token == access_token else known)

    def newest_first(self) -> Iterator[Issued]:
        """Every token that is remembered, with its state as of now."""
        with self._lock:
            known = list(self._issued.values())
        now = self._clock()
        for issued in reversed(known):
            yield replace(issued, ended="expired") if not issued.ended and now >= issued.expires_at else issued

    def refreshable(self, refresh_token: str) -> Issued | None:
        """The token that a refresh token came with, unless that was used before."""
        return next(
            (known for known in self.newest_first() if known.refresh_token == refresh_token and not known.is_refreshed),
            self._handed_over.get(refresh_token),
        )

    def end_for_good(self, token: str) -> None:
        """Let the token that has this access or refresh token die, and with a refresh token the consent that it rests on."""
        with self._lock:
            for name, known in self._issued.items():
                if token in (known.access_token, known.refresh_token):
                    self._issued[name] = replace(known, ended=known.ended or "revoked by the client", is_refreshed=True)
                    if token == known.refresh_token:
                        self._handed_over.clear()
            self._handed_over.pop(token, None)

    def note_use(self, issued: Issued) -> None:
        """An API request was accepted with it."""
        self._change(
            lambda known: replace(known, uses=known.uses + 1) if known.access_token == issued.access_token else known
        )

    def end(self, reason: str, *, used_only: bool) -> None:
        """Let tokens die before their time."""
        self._change(
            lambda known: replace(known, ended=known.ended or reason) if known.uses or not used_only else known
        )

    def _change(self, change: Callable[[Issued], Issued]) -> None:
        with self._lock:
            self._issued = {name: change(known) for name, known in self._issued.items()}
