"""Asking a provider what it says of itself, for a profile that is not there yet."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from authweave.cli.options import Place
    from authweave.discovery.locating import Located


def provider_at(url: str, place: Place, name: str) -> Located:
    """The metadata that this URL leads to. No credential is sent. Raises DiscoveryError, with what to write instead; SettingsError."""
    from authweave.discovery.finding import Asking
    from authweave.discovery.locating import located
    from authweave.egress.errand import Errand, calling_for
    from authweave.errors import DiscoveryError

    with place.engine() as engine, calling_for("discovery", Errand(ports=_ports(url.strip()))):
        asking = Asking(engine.exchange, time.monotonic() + engine.settings.deadline, "--from")
        try:
            return located(url.strip(), engine.finder, asking)
        except DiscoveryError as error:
            failure = error.fresh()
    failure.add_note(f"Without metadata: authweave new {name} --grant client_credentials --token-url URL --scope … --server URL")
    raise failure


def _ports(url: str) -> frozenset[int]:
    """The port that somebody typed: as good as one that a profile writes out."""
    from authweave.errors import UrlRefused
    from authweave.urls import Origin

    try:
        return frozenset({Origin.of(url).port})
    except UrlRefused:
        return frozenset()
