"""An operator's routes, as clients of httpx follow them: which request has one, and what is believed there."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from authweave.net.values import Route

_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Routes:
    """Where requests for a host and port really go. `trusts` are what is believed there; None: what the client believes anyway."""

    of: Mapping[tuple[str, int], Route]
    trusts: Mapping[Route, ssl.SSLContext] | None = None

    @classmethod
    def trusting(cls, routes: Mapping[tuple[str, int], Route], context: Callable[[str], ssl.SSLContext]) -> Routes:
        """Each host believed by its route's own authority, too: `context` makes one of that."""
        made = {ca: context(ca) for ca in {route.ca or "" for route in routes.values()}}
        return cls(routes, {route: made[route.ca or ""] for route in routes.values()})

    def route(self, url: Any) -> Route | None:
        """The route of a URL (of httpx)."""
        host = url.raw_host.decode("ascii").lower().strip("[]").rstrip(".")
        return self.of.get((host, _PORTS.get(url.scheme, 0) if url.port is None else url.port))

    def options(self, route: Route, options: Mapping[str, Any]) -> dict[str, Any]:
        """The options of the transport for it: no proxy is on its way."""
        trust = {} if self.trusts is None else {"verify": self.trusts[route]}
        return {**options, **trust, "proxy": None, "trust_env": False}
