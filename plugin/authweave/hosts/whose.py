"""Whose credential an adapter applies: a named connection, looked up anew for each request, or one that was given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from authweave.connections.connection import Connection
from authweave.hosts.named import Named

if TYPE_CHECKING:
    from authweave.engine import Engine


@dataclass(frozen=True, slots=True)
class Whose:
    """A name for people, and where the connection comes from."""

    named: Named
    engine: Engine | None = None
    given: Connection | None = None

    @classmethod
    def of(cls, given: Named | str | Mapping[str, Any] | Connection, engine: Engine | None = None) -> Whose:
        """From all that users of an adapter may write. Raises UsageError."""
        if not isinstance(given, Connection):
            return cls(Named.of(given), engine)
        return cls(Named(given.profile.name, given.tenant, given.subject or None), engine, given)

    def connection(self) -> Connection:
        """The connection. Raises as `Named.connection`."""
        return self.given or self.named.connection(self.engine)
