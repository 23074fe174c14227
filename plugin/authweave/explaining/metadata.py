"""What the metadata of the token endpoint's server say, which puts the likeliest variants first."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from authweave.discovery.finding import Asking, Finder
from authweave.discovery.locating import by_token_url, located
from authweave.discovery.metadata import TOKEN_URL
from authweave.errors import AuthweaveError
from authweave.explaining.clues import Clues
from authweave.token_calls.exchange import wire_exchange
from authweave.wire import Wire

_METHODS: Final = "token_endpoint_auth_methods_supported"
_LONGEST: Final = 5.0
"""Seconds that the look may take: it only says what to try first."""


def with_metadata(clues: Clues, wire: Wire, clock: Callable[[], float], end: float) -> Clues:
    """The clues with what metadata say, where there are some at the origin of the token endpoint. They are asked for without credentials."""
    if clues.tokens is None or clues.tokens.is_session or not (clues.token_url or clues.issuer):
        return clues
    asking = Asking(wire_exchange(wire), min(end, time.monotonic() + _LONGEST), f"{clues.variant.origin}.{'issuer' if clues.issuer else 'token_url'}")
    try:
        place = located(clues.issuer, Finder(None, clock), asking) if clues.issuer else by_token_url(clues.token_url, Finder(None, clock), lambda: asking)[0]
    except AuthweaveError:
        return clues
    if place is None:
        return clues
    found = place.metadata
    named = {"metadata": found.endpoints[TOKEN_URL]} if TOKEN_URL in found.endpoints else {}
    return replace(clues, listed=found.lists.get(_METHODS), token_urls={**named, **clues.token_urls})
