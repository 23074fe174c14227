"""Where tries may go: to what the profile called in the run that failed, and where its credential may go anyway."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from authweave.errors import AuthweaveError
from authweave.report import Report
from authweave.urls import Origin

if TYPE_CHECKING:
    from authweave.connections.connection import Connection


def reach_of(report: Report, token_url: str, connection: Connection) -> Callable[[Origin], bool]:
    """May a try call this origin? Never one over http, but on this machine."""
    called = {origin for url in (token_url, *(exchange.asked.url for exchange in report.exchanges)) if (origin := _origin(url))}
    try:
        servers = connection.servers(connection.scope(connection.inputs(), None))
    except AuthweaveError:
        servers = ()

    def is_allowed(origin: Origin) -> bool:
        if origin.scheme == "http" and not origin.is_loopback:
            return False
        return origin in called or any(server.pattern.matches(origin) for server in servers)

    return is_allowed


def _origin(url: str) -> Origin | None:
    try:
        return Origin.of(url)
    except AuthweaveError:
        return None
