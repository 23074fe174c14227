"""A connection to one of the checked addresses: each gets its turn, and a dead one leaves time for the next."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Final

from authweave.errors import ConnectFailure
from authweave.net.addresses import Address
from authweave.net.journey import Journey

PATIENCE: Final = 3.0
"""Seconds that an address gets while others are left."""

_WORDS = {
    "refused": "nothing listens there", "reset": "the connection was reset",
    "timeout": "no answer, a firewall may drop the packets", "unreachable": "there is no way to it from here",
}  # fmt: skip
"""In the order of what tells most: the first that occurred names the failure."""


def dial(addresses: Sequence[Address], journey: Journey) -> tuple[socket.socket, Address]:
    """The first connection that can be made. Raises ConnectFailure with what became of each address."""
    journey.enter("connect", journey.peer)
    failed: dict[Address, str] = {}
    for address in addresses:
        left = journey.remaining()
        waiting = len(addresses) - len(failed)
        try:
            connected = _connected(address, left if waiting == 1 else min(left / waiting, PATIENCE))
        except OSError as error:
            failed[address] = _kind(error)
        else:
            return connected, address
    raise _failure(failed, journey)


def _connected(address: Address, patience: float) -> socket.socket:
    fresh = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        fresh.settimeout(patience)
        fresh.connect(address.sockaddr)
        fresh.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        fresh.close()
        raise
    return fresh


def _kind(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    return "reset" if isinstance(error, ConnectionError) else "unreachable"


def _failure(failed: dict[Address, str], journey: Journey) -> ConnectFailure:
    detail = next(kind for kind in _WORDS if kind in failed.values())
    each = "; ".join(f"{address.ip} port {address.port}: {_WORDS[kind]}" for address, kind in failed.items())
    tried = {f"{address.ip}:{address.port}": kind for address, kind in failed.items()}
    whom = journey.peer if journey.peer == journey.host else f"{journey.peer}, where calls for {journey.host} go"
    return ConnectFailure(
        f"no connection to {whom} ({each})", stage="connect", host=journey.host, detail=detail, facts=tried
    )
