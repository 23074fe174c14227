"""Which hosts a run tries secrets at: those of its token endpoints, or of the API where the secret goes to it directly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from authweave.applying.targets import named_server, rendered_servers
from authweave.errors import AuthweaveError

if TYPE_CHECKING:
    from authweave.connections.connection import Connection
    from authweave.engine import Engine
    from authweave.matrix.run import Run


def hosts_of(engine: Engine, run: Run) -> frozenset[str]:
    """The origins. What cannot be known before the run (an input is missing, the profile is not valid) sends nothing there."""
    try:
        connection = engine.apart(engine.exchange).connect(
            run.profile, tenant=run.tenant, subject=run.subject, inputs=run.inputs, servers=run.servers
        )
    except AuthweaveError:
        return frozenset()
    return frozenset(_token_hosts(connection)) or frozenset(_api_hosts(connection, run.servers))


def _token_hosts(connection: Connection) -> Iterator[str]:
    for variant in connection.profile.variants:
        if variant.tokens is None:
            continue
        try:
            yield connection.credential(variant).place()
        except AuthweaveError:
            continue


def _api_hosts(connection: Connection, named: tuple[str, ...]) -> Iterator[str]:
    try:
        servers = [named_server(url) for url in named] or rendered_servers(connection.profile.servers, connection.scope(connection.inputs(), None))
    except AuthweaveError:
        return
    yield from (str(server.pattern) for server in servers[:1])
