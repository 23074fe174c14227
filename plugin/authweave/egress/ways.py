"""How the requests of a client leave under an egress policy: where to, what for, through which proxy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from authweave.egress.errand import Errand, calling_for
from authweave.egress.guard import Guard
from authweave.net.proxy import Proxies, Proxy
from authweave.net.resolving import Resolve
from authweave.net.routes import Routes
from authweave.net.target import Target

_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Ways:
    """How requests of one connection leave. `is_hop`: does a redirect lead this request to another origin? `routes` are the operator's."""

    guard: Guard
    errand: Errand
    resolve: Resolve
    proxies: Proxies
    is_hop: Callable[[Any], bool]
    routes: Routes | None = None

    def through(self, proxy: str | None) -> Ways:
        """The same with a proxy that the caller of the client names; it has to be one that is listed, too."""
        return replace(self, proxies=replace(self.proxies, written=proxy, origin="client(proxy=…)"))

    def without_environment(self) -> Ways:
        """The same where the environment says nothing of proxies (`trust_env=False`)."""
        return replace(self, proxies=replace(self.proxies, environ={}))

    def leave(self, request: Any) -> tuple[Target, str, Proxy | None]:
        """Where a request goes, what for, and through which proxy. Raises EgressRefused, ProxyFailure."""
        target = _target(request.url)
        purpose = "redirect" if self.is_hop(request) else "task"
        with calling_for(purpose, self.errand):
            self.guard.target(target)
            if self.routes is not None and self.routes.route(request.url) is not None:
                return target, purpose, None
            proxy = self.proxies.choose(target)
            if proxy is not None:
                self.guard.proxy(proxy, target.host)
        return target, purpose, proxy


def _target(url: Any) -> Target:
    host = url.raw_host.decode("ascii").lower()
    return Target(url.scheme, host.strip("[]"), _PORTS.get(url.scheme, 0) if url.port is None else url.port, "/")
