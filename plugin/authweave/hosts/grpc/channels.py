"""Channels with the credential of a profile on every call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from authweave.hosts.grpc.asynchronous import aio_interceptors
from authweave.hosts.grpc.blocking import interceptors
from authweave.hosts.grpc.course import PATIENCE

if TYPE_CHECKING:
    from authweave.connections.connection import Connection
    from authweave.engine import Engine
    from authweave.hosts.named import Named


def secure_channel(
    target: str, named: Named | str | Mapping[str, Any] | Connection, credentials: grpc.ChannelCredentials | None = None,
    options: Sequence[tuple[str, Any]] | None = None, *, compression: grpc.Compression | None = None,
    engine: Engine | None = None, patience: float = PATIENCE,
) -> grpc.Channel:  # fmt: skip
    """As `grpc.secure_channel`, and each call carries the profile's credential; `credentials` are TLS with gRPC's own authorities if None.

    A refused token is renewed and a unary request sent once more; a rate limit is waited out where the server names at most
    `patience` seconds and the call's deadline allows it. What a call raises is gRPC's own error; `note_of` says more.
    The origin of a call (`https://` and its authority) has to be among the profile's `servers`. Raises UsageError.
    """
    tls = credentials or grpc.ssl_channel_credentials()
    channel = grpc.secure_channel(target, tls, options, compression)
    return grpc.intercept_channel(channel, *interceptors(named, engine=engine, patience=patience))


def aio_secure_channel(
    target: str, named: Named | str | Mapping[str, Any] | Connection, credentials: grpc.ChannelCredentials | None = None,
    options: Sequence[tuple[str, Any]] | None = None, *, compression: grpc.Compression | None = None,
    interceptors: Sequence[grpc.aio.ClientInterceptor] = (), engine: Engine | None = None, patience: float = PATIENCE,
) -> grpc.aio.Channel:  # fmt: skip
    """As `secure_channel`, for asyncio: `grpc.aio.secure_channel`. The caller's own `interceptors` come first."""
    tls = credentials or grpc.ssl_channel_credentials()
    own = aio_interceptors(named, engine=engine, patience=patience)
    return grpc.aio.secure_channel(target, tls, options, compression, [*interceptors, *own])
