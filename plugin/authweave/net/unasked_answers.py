"""Connections of httpx's pools that are not used again once more came than the answer: what follows it is nobody's answer.

httpcore keeps such bytes with the connection, and reads them as the answer to the next request.
"""

from __future__ import annotations

from typing import Any, TypeVar

Transport = TypeVar("Transport")


def wary(transport: Transport) -> Transport:
    """The same transport of httpx (sync or async). One that keeps its connections elsewhere stays as it is."""
    pool: Any = getattr(transport, "_pool", None)
    make = getattr(pool, "create_connection", None)
    if make is None or getattr(pool, "is_wary", False):
        return transport

    def made(origin: Any) -> Any:
        connection = make(origin)
        has_expired = connection.has_expired
        connection.has_expired = lambda: has_expired() or (connection.is_idle() and is_followed(connection))
        return connection

    pool.create_connection, pool.is_wary = made, True
    return transport


def is_followed(connection: Any) -> bool:
    """Did more come over this connection (of httpcore, through a proxy or not) than the answers that were asked for?"""
    while (inner := getattr(connection, "_connection", None)) is not None:
        connection = inner
    rest, _ = getattr(getattr(connection, "_h11_state", None), "trailing_data", (b"", False))
    return bool(rest)
