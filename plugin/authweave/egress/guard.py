"""Asks the policy before each connection, and turns what it says into an error. Whatever goes wrong with it refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from authweave.contracts import Departure, EgressPolicy
from authweave.egress.errand import present
from authweave.egress.hosts import shown_host
from authweave.egress.strict import Strict
from authweave.errors import EgressRefused, SettingsError, UrlRefused
from authweave.net.addresses import numeric
from authweave.net.proxy import Proxy
from authweave.net.target import Target, bracketed
from authweave.redaction import inert
from authweave.settings import Settings
from authweave.urls import Origin

OPEN: Final = "open"
STRICT: Final = "strict"
BY_HOST: Final = "host"
_MOST_WORDS: Final = 300
_WORDS: Final = {
    "profile": "", "token": " for a token", "step": " for a step of a token call", "discovery": " for metadata",
    "registration": " to register a client", "device": " to ask for a device code", "sign_in": " for a sign-in",
    "revocation": " to end a token", "introspection": " to ask about a token", "task": " for a task request",
    "redirect": " by a redirect", "ticket": " for a ticket",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Guard:
    """One policy, the proxies that an operator listed, and whether the host guards task requests that it sends itself.

    Safe for threads. Each method returns for what may be, and raises EgressRefused otherwise.
    """

    policy: EgressPolicy
    proxies: frozenset[tuple[str, str, int]] = frozenset()
    host_sends: bool = False
    origin: str = "settings: egress"

    @property
    def allows_open_hosts(self) -> bool:
        """Does a host's own policy let values choose hosts, because it looks at what they come to?"""
        return getattr(self.policy, "allows_open_hosts", False) is True

    def target(self, target: Target) -> None:
        """Before DNS: scheme, host and port; and the address, where the host is one."""
        self._ask(target, numeric(target.host.rstrip(".")) or "")

    def address(self, target: Target, address: str) -> None:
        """After DNS, for each address that the name came to."""
        self._ask(target, address)

    def proxy(self, proxy: Proxy, host: str) -> None:
        """Whoever goes through a proxy leaves DNS to it: it has to be one that the operator believes."""
        if (proxy.scheme, proxy.host, proxy.port) not in self.proxies:
            raise EgressRefused(
                f"the way to {shown_host(host)} goes through the proxy {proxy}, which would choose the address, and it is not among "
                "the proxies that may do so (settings: egress_proxies)", stage="proxy", host=host, detail="proxy", facts=proxy.facts(),
            )  # fmt: skip

    def why_not_url(self, url: str, *, address: str, purpose: str, ports: Iterable[int]) -> str | None:
        """The same for a URL as a profile may write it, and for one address that its name came to. Never raises."""
        try:
            origin = Origin.of(url)
        except UrlRefused as refused:
            return str(refused)
        found = address or numeric(origin.host) or ""
        return self.why_not(Departure(origin.scheme, origin.host, origin.port, found, purpose, ports=frozenset(ports)))

    def why_not_named(self, url: str) -> str | None:
        """The same for a URL that metadata name, whoever may call it: its port is looked at when it is called, unless it is another service's."""
        try:
            port = Origin.of(url).port
        except UrlRefused as refused:
            return str(refused)
        return self.why_not_url(url, address="", purpose="discovery", ports=(port,))

    def why_not(self, departure: Departure) -> str | None:
        """Why not, in the policy's words; None where nothing is against it. Never raises."""
        try:
            said: Any = self.policy.refusal(departure)
        except Exception as error:  # noqa: BLE001  a policy that fails must not let anything through
            return f"the egress policy failed ({type(error).__name__})"
        if said is None:
            return None
        if not isinstance(said, str):
            return f"the egress policy answered {type(said).__name__}, which is neither None nor a reason"
        return inert(said)[:_MOST_WORDS] or "the egress policy refuses it"

    def _ask(self, target: Target, address: str) -> None:
        errand, purpose = present()
        host = target.host.rstrip(".")
        is_chosen = purpose != "redirect" and errand.lets_choose(host)
        departure = Departure(target.scheme, host, target.port, address, purpose, errand.profile, errand.tenant, errand.ports, is_chosen)
        why = self.why_not(departure)
        if why is not None:
            raise EgressRefused(
                f"{target.scheme}://{shown_host(bracketed(target.host))} may not be called{_WORDS.get(purpose, '')}: {why} ({self.origin})",
                stage="dns", host=target.host, detail="policy", facts={"address": address, "purpose": purpose},
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Called:
    """A policy that is a function."""

    function: Callable[[Departure], str | None]

    def refusal(self, departure: Departure) -> str | None:
        return self.function(departure)


def guard_of(settings: Settings, policy: Any = None) -> Guard | None:
    """The guard that settings and a host's own policy ask for; None where everything may be called. Raises SettingsError."""
    if policy is None and settings.egress == OPEN:
        return None
    origin = f"settings: egress = {settings.egress}" if policy is None else "Engine(egress=…)"
    chosen = Strict.of(settings.egress_ports, settings.egress_hosts) if policy is None else policy_of(policy)
    return Guard(chosen, _listed(settings.egress_proxies), settings.egress_of_tasks == BY_HOST, origin)


def policy_of(given: Any) -> EgressPolicy:
    """The policy of a host: an object with `refusal`, or a function. Raises SettingsError."""
    if isinstance(given, type) or not (callable(given) or callable(getattr(given, "refusal", None))):
        raise SettingsError("Engine(egress=…): must be open, strict, an object with refusal(departure), or a function of a departure")
    return given if callable(getattr(given, "refusal", None)) else _Called(given)


def _listed(urls: Iterable[str]) -> frozenset[tuple[str, str, int]]:
    from urllib.parse import urlsplit

    parts = map(urlsplit, urls)
    return frozenset((one.scheme.lower(), (one.hostname or "").lower(), one.port or (443 if one.scheme == "https" else 80)) for one in parts)
