"""Events as OpenTelemetry metrics, over the API alone: the host's SDK decides where they go."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from math import inf
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self
from urllib.parse import urlsplit

from authweave._version import __version__
from authweave.errors import SettingsError
from authweave.events import KINDS, Event
from authweave.hookspecs import Register, hookimpl
from authweave.machine.forks import Lock
from authweave.redaction import inert
from authweave.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider

BOUNDARIES: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0)
"""Seconds: those of `http.client.request.duration`, and the deadline of a token call."""
OTHER: Final = "_OTHER"
"""What stands for a value beyond the bounds, as in OpenTelemetry's own conventions."""
LONGEST: Final = 200
MOST_PROFILES: Final = 200
MOST_GRANTS: Final = 20
MOST_ENDPOINTS: Final = 10
"""Endpoints of one profile: an endpoint whose host is the tenant's would make one series a tenant."""
_PORTS: Final = {"https": 443, "http": 80}
_TIMED: Final = frozenset({"acquired", "renewed"})


class OpenTelemetryObserver:
    """`opentelemetry`: counters `authweave.token.events`, `authweave.store.events`, `authweave.profile.events`, histogram `authweave.token.duration`.

    The attributes are `authweave.kind`, `authweave.profile`, `authweave.grant_type`, `server.address` and `server.port`:
    bounded, and never a tenant, a user or a key. `provider` is the host's own, else the global one, which may be set
    later. Raises SettingsError without the package. Safe for threads and forks.
    """

    name: ClassVar[str] = "opentelemetry"

    def __init__(self, provider: MeterProvider | None = None, *, origin: str = "observers") -> None:
        meter = _meter(provider, origin)
        self._tokens = meter.create_counter("authweave.token.events", "{event}", "What happened to tokens.")
        self._store = meter.create_counter("authweave.store.events", "{event}", "What happened to the token store.")
        self._profiles = meter.create_counter("authweave.profile.events", "{event}", "What happened to files of profiles.")
        self._duration = meter.create_histogram(
            "authweave.token.duration", "s", "How long it took to get a token.", explicit_bucket_boundaries_advisory=BOUNDARIES
        )
        self._bounds = _Bounds()

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The observer over the global meter provider."""
        return cls(origin=settings.origins["observers"])

    def tell(self, event: Event) -> None:
        """Count the event; of a new token, how long it took as well."""
        kind = event.kind if event.kind in KINDS else OTHER
        if event.is_about_store:
            self._store.add(1, {"authweave.kind": kind})
            return
        attributes = {"authweave.kind": kind, **self._bounds.attributes(event)}
        if event.is_about_profile:
            self._profiles.add(1, attributes)
            return
        self._tokens.add(1, attributes)
        if event.kind in _TIMED and event.seconds is not None and 0 <= event.seconds < inf:
            self._duration.record(event.seconds, attributes)


class _Bounds:
    """Keeps attributes to so many values each; what comes later is `_OTHER`."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._seen: dict[Hashable, set[str]] = {}

    def attributes(self, event: Event) -> Mapping[str, str | int]:
        """What is known of the event and may be an attribute."""
        profile = self._bounded("profile", event.profile, MOST_PROFILES)
        grant = self._bounded("grant", event.grant, MOST_GRANTS)
        endpoint = self._bounded(("endpoint", profile), event.endpoint, MOST_ENDPOINTS)
        named = {"authweave.profile": profile, "authweave.grant_type": grant, **_server(endpoint)}
        return {name: value for name, value in named.items() if value}

    def _bounded(self, what: Hashable, value: str, most: int) -> str:
        if not value:
            return ""
        value = inert(value[:LONGEST])
        with self._lock:
            seen = self._seen.setdefault(what, set())
            if len(seen) < most:
                seen.add(value)
            return value if value in seen else OTHER


def _server(endpoint: str) -> Mapping[str, str | int]:
    """An origin as OpenTelemetry names it: `server.address` and `server.port`."""
    if not endpoint or endpoint == OTHER:
        return {"server.address": endpoint}
    try:
        parts = urlsplit(endpoint)
        return {"server.address": parts.hostname or OTHER, "server.port": parts.port or _PORTS.get(parts.scheme, 0)}
    except ValueError:
        return {"server.address": OTHER}


def _meter(provider: MeterProvider | None, origin: str) -> Any:
    try:
        from opentelemetry.metrics import get_meter

        return get_meter("authweave", __version__, provider)
    except ImportError:
        wrong = "the library is not there: install authweave[opentelemetry]"
    except Exception as error:  # noqa: BLE001 - it loads whatever provider the environment names
        wrong = f"the library could not make a meter ({type(error).__name__})"
    raise SettingsError(f"{origin}: observer opentelemetry: {wrong}")


@hookimpl
def register_observers(register: Register) -> None:
    """Add this observer."""
    register(OpenTelemetryObserver)
