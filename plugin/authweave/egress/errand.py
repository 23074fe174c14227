"""For whom and for what a call is made: known where it begins, asked for where it leaves.

It travels in context variables, so that a call whose way forgot to say so is on nobody's errand, and may go nowhere that a
profile would have to declare.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

from authweave.net.askers import looking_for


@dataclass(frozen=True, slots=True)
class Errand:
    """Whose call it is, and what its profile and servers write out.

    `hosts`, where values choose hosts freely: those that they do not choose, `.acme.example` for all below it; None where they choose none.
    """

    profile: str = ""
    tenant: str = ""
    ports: frozenset[int] = frozenset()
    hosts: frozenset[str] | None = None

    def lets_choose(self, host: str) -> bool:
        """May a value that nothing bounds have chosen this host?"""
        if self.hosts is None:
            return False
        return host not in self.hosts and not any(written.startswith(".") and host.endswith(written) for written in self.hosts)


NOBODY: Final = Errand()
_errand: Final[ContextVar[Errand]] = ContextVar("authweave_errand", default=NOBODY)
_purpose: Final[ContextVar[str]] = ContextVar("authweave_purpose", default="token")


@contextmanager
def calling_for(purpose: str = "", errand: Errand | None = None) -> Iterator[None]:
    """Calls of this thread or task are made for this (a word of `Departure.purpose`) and for them meanwhile; unsaid stays as it is."""
    before = _errand.get(), _purpose.get()
    _errand.set(errand or before[0])
    _purpose.set(purpose or before[1])
    looking_for.set(_errand.get().tenant)
    try:
        yield
    finally:
        _errand.set(before[0])
        _purpose.set(before[1])
        looking_for.set(before[0].tenant)


def errand_exchange(errand: Errand, exchange: Any) -> Any:
    """An exchange whose calls are made on this errand."""

    def exchanged(*order: Any, **options: Any) -> Any:
        with calling_for("", errand):
            return exchange(*order, **options)

    return exchanged


def present() -> tuple[Errand, str]:
    """The errand and the purpose here and now."""
    return _errand.get(), _purpose.get()
