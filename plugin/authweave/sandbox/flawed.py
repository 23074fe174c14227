"""Servers whose TLS is wrong in one way: what each shows in its handshake."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from authweave.sandbox.authority import Authority

OTHER_NAME: Final = "another.sandbox.example"
_DAY: Final = timedelta(days=1)

Flaw = Callable[[Authority, str], ssl.SSLContext]


def expired(authority: Authority, host: str) -> ssl.SSLContext:
    """A certificate that ended two days ago."""
    return authority.context_between(host, -9 * _DAY, -2 * _DAY)


def not_yet_valid(authority: Authority, host: str) -> ssl.SSLContext:
    """A certificate that begins in two days."""
    return authority.context_between(host, 2 * _DAY, 9 * _DAY)


def self_signed(authority: Authority, host: str) -> ssl.SSLContext:
    """A certificate that vouches for itself."""
    return authority.self_signed_context(host)


def of_unknown_authority(_: Authority, host: str) -> ssl.SSLContext:
    """A certificate of an authority that nobody was told of."""
    return Authority().context_for(host)


def of_another_name(authority: Authority, _: str) -> ssl.SSLContext:
    """A certificate for another host."""
    return authority.context_for(OTHER_NAME)


def sound(authority: Authority, host: str) -> ssl.SSLContext:
    """Nothing is wrong with it."""
    return authority.context_for(host)


class Flawed:
    """Shows what the flaw makes of an authority's certificates. `asks` lets it want a client certificate of an authority
    that issues none."""

    def __init__(self, authority: Authority, flaw: Flaw, *, asks: bool = False) -> None:
        self._authority = authority
        self._flaw = flaw
        self._asks = asks
        self._made: dict[str, ssl.SSLContext] = {}

    def context_for(self, host: str, clients: frozenset[bytes] = frozenset()) -> ssl.SSLContext:
        """To a client that names a host."""
        if host not in self._made:
            self._made[host] = self._wanting(self._flaw(self._authority, host))
        return self._made[host]

    def default_context(self, clients: frozenset[bytes] = frozenset()) -> ssl.SSLContext:
        """To a client that names none: that of this machine, made anew, because a callback is hung on it."""
        return self._wanting(self._authority.default_context())

    def _wanting(self, context: ssl.SSLContext) -> ssl.SSLContext:
        if self._asks:
            context.verify_mode = ssl.CERT_REQUIRED
            context.maximum_version = ssl.TLSVersion.TLSv1_2  # here the server says no within the handshake
            context.load_verify_locations(cadata=Authority().pem)
        return context
