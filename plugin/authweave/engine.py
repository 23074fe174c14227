"""The engine: settings, profiles, sources, store and workers of one process; connections come from here."""

from __future__ import annotations

import functools
import time
import weakref
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from authweave.applying.targets import named_server
from authweave.at_rest.keys import Keys
from authweave.connections.cache import ConnectionCache
from authweave.connections.completing_sign_in import completing
from authweave.connections.connection import Connection
from authweave.connections.credential import Credential
from authweave.connections.given import by_value, own_copy, whole_text
from authweave.contracts import Departure, EgressPolicy, Source, Store
from authweave.discovery.finding import Finder
from authweave.discovery.registration import Registrar
from authweave.egress.guard import guard_of
from authweave.equipment import ledger_of, sources_of, wire_of
from authweave.errors import (
    EngineClosed,
    MissingInput,
    UsageError,
    without_arguments,
)
from authweave.events import Event, Events, observers_of
from authweave.extensions.catalog import Catalog, catalog_for
from authweave.inputs import Resolved, age_of, resolve
from authweave.limits import Limits, Within
from authweave.limits.sources import held
from authweave.limits.tenants import limits_of
from authweave.machine.forks import Lock
from authweave.mutual_tls.wires import Wires
from authweave.pending import Pending
from authweave.profile import Profile
from authweave.profile_files import BrokenProfile, Change, FilesByTenant, ProfileFiles
from authweave.proofs.dpop import Nonces
from authweave.settings import Settings
from authweave.sources.mapping import MappingSource
from authweave.status import Health, healths_of
from authweave.stores.memory import MemoryStore
from authweave.token_calls.endpoint import ATTEMPTS
from authweave.token_calls.exchange import Exchange, wire_exchange
from authweave.tokens.flights import Flights
from authweave.tokens.ledger import Ledger
from authweave.tokens.pauses import Pauses
from authweave.tokens.tokens import Tokens
from authweave.values import NEVER, SignIn, TokenKey
from authweave.wire import Wire

LEASE_FACTOR = 1.5
"""How much longer a lease lasts than the deadline of the call it is for."""


class Engine:
    """Loads profiles and connects them. Thread-safe and fork-safe; make one per process and share it.

    `profiles`: a folder or several, searched by name, before those of the settings and the shipped ones; files that change are
    taken while it runs. `inputs`: a callable (profile, input, tenant) or (profile, input, tenant, subject) → value or None, a map,
    or a Source, asked before all other sources. `store`: a URL, or a Store made
    elsewhere. `egress`: where calls may go: `open`, `strict`, or a policy of the host's own (see `contracts.EgressPolicy`).
    `limits`: what profiles may use: a Limits, a map from tenants to Limits (`*` for all others), a function of the tenant, or a file.
    `on_event` hears of everything that befalls tokens (see `events`), in the thread where it happens.
    Everything else is a setting (see `Settings`); what is not given comes from AUTHWEAVE_* and authweave.toml. Raises
    SettingsError, UsageError (inputs).
    """

    @without_arguments
    def __init__(
        self, profiles: str | Path | Iterable[str | Path] = (), *, inputs: Any = None, catalog: Catalog | None = None,
        settings: Settings | None = None, wire: Wire | None = None, store: Store | str | None = None,
        on_event: Callable[[Event], None] | None = None, clock: Callable[[], float] = time.time, attempts: int = ATTEMPTS,
        egress: EgressPolicy | Callable[[Departure], str | None] | str | None = None,
        limits: Limits | Mapping[str, Limits] | Callable[[str], Limits | None] | str | Path | None = None,
        **overrides: Any,
    ) -> None:  # fmt: skip
        texts = {name: value for name, value in (("store", store), ("egress", egress)) if isinstance(value, str)}
        named = {**overrides, **texts, **({"limits": limits} if isinstance(limits, str | Path) else {})}
        self.settings = settings.overridden(named) if settings else Settings.load(named)
        self.catalog = catalog or catalog_for(self.settings)
        self.clock = clock
        self.attempts = attempts
        self.guard = guard_of(self.settings, None if isinstance(egress, str) else egress)
        self.wire = wire_of(self.settings, self.guard, wire)
        self.exchange: Exchange = wire_exchange(self.wire)
        self.foretells = False  # in the sandbox, which has no realm: what would be sent stands in for a ticket
        self.tls_wires = Wires(may_trust_blindly=self.settings.allow_unverified_tls)
        self.events = Events([*observers_of(self.settings, self.catalog), *([on_event] if on_event else [])], clock)
        self.ledger = ledger_of(self.settings, self.catalog, self.events, None if isinstance(store, str) else store)
        self.consents, self.is_apart = self.ledger, False
        self.flights = Flights(self.settings.workers_per_endpoint)
        self.dpop_nonces = Nonces()
        self.pauses = Pauses(self.ledger, self.events.tell, clock)
        self.finder = Finder(self.ledger, clock, self.guard.why_not_named if self.guard else None)
        self._lock = Lock()
        given = [profiles] if isinstance(profiles, str | Path) else profiles
        self.folders = (*(Path(folder) for folder in given), *self.settings.profiles)
        host, named_sources = _host_source(inputs), sources_of(self.settings, self.catalog)
        self._sources = [source for source in [host, *named_sources] if source is not None]
        self._hosts_own = 0 if host is None else 1  # what the host itself supplies is held to no limits
        self.usual_tenant = ""  # whose limits hold where a profile is asked for in nobody's name
        self.source_of_given: Callable[[Mapping[str, Any]], Source] = MappingSource  # says in messages where `connect` has inputs from
        self._files = FilesByTenant(
            self.folders, self.catalog, self._heed, allows_paths=self.settings.profile_paths, guard=self.guard,
            limits_of=limits_of(None if isinstance(limits, str | Path) else limits, self.settings.limits), sources=self._sources[self._hosts_own :],
        )  # fmt: skip
        self.profile_files = self._files.files(None)
        self.connections = ConnectionCache()
        self._tokens: weakref.WeakValueDictionary[str, Tokens] = weakref.WeakValueDictionary()
        self._is_closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Wait a bounded time for renewals under way, begin no other, and let go of the store.

        A token that a person consented to is then used while it is good, and not renewed: StoreUnavailable.
        """
        self._is_closed = self.ledger.is_ending = True  # or a refresh token would be spent for a token that can no longer be stored
        self.flights.wait(self.settings.deadline)
        self.flights.close()
        self.ledger.close()

    def __copy__(self) -> Self:
        """The engine itself: it is one for its process, and shared."""
        return self

    def __deepcopy__(self, memo: object) -> Self:
        """The engine itself."""
        return self

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("an Engine is never pickled: make one in each process, on one store")

    def profile(self, reference: str | Path, tenant: str | None = None) -> Profile:
        """A profile by `name`, `name@1`, `name@1.2`, `name@1.2.0`, or path of a file: the last good version.

        Where there are limits, those of the tenant hold; without one, those of nobody in particular. Raises ProfileError
        (LimitRefused for what is outside of them), UsageError.
        """
        return self.files_for(tenant).profile(reference)

    def as_read(self, reference: str | Path, tenant: str | None = None) -> Profile:
        """The same as it was last read, whatever its file says by now. Raises ProfileError, UsageError."""
        return self.files_for(tenant).as_read(reference)

    def path_of(self, reference: str | Path, tenant: str | None = None) -> Path:
        """The file of a profile, be it valid or not. Raises UsageError; ProfileError where a version is asked for and cannot be read."""
        return self.files_for(tenant).path_of(reference)

    def names(self, tenant: str | None = None) -> list[str]:
        """The names of all profiles that can be referred to, in the order they are found; the first of a name wins."""
        return self.files_for(tenant).names()

    def knows(self, reference: str, tenant: str | None = None) -> bool:
        """Is there a profile of this name, valid or not, and whatever its version? A path is no name, nor is what the tenant may not
        use. Cheap; raises only UsageError (tenant), and SettingsError where a host's own function of limits fails."""
        return self.files_for(tenant).knows(reference)

    def broken_profiles(self) -> list[BrokenProfile]:
        """What is wrong right now with the files of the profiles that were asked for, and what is served in their place."""
        return self._files.broken()

    def within(self, tenant: str | None = None) -> Within | None:
        """The limits of a tenant's profiles; None where there are none. Raises SettingsError where a host's function fails."""
        if not self._files.are_limited:
            return None
        return self._files.within(self.usual_tenant if tenant is None else whole_text("tenant", tenant))

    def files_for(self, tenant: str | None = None) -> ProfileFiles:
        """The profiles as a tenant may see them."""
        return self._files_within(self.within(tenant))

    def _files_within(self, within: Within | None) -> ProfileFiles:
        return self.profile_files if within is None else self._files.files(within)

    @without_arguments
    def connect(
        self, profile: Profile | str | Path, *, tenant: str | None = "", subject: str | None = None,
        inputs: Mapping[str, Any] | None = None, servers: Iterable[str] = (),
    ) -> Connection:  # fmt: skip
        """A connection of a profile. Asked twice for the same, it is the same one.

        `subject` is needed for a profile whose subject is the user; with '' each request names its own (see `auth`). `servers` replace the profile's. Raises
        ProfileError, UsageError, MissingInput (no subject), UrlRefused (servers).
        """
        if self._is_closed:
            raise EngineClosed
        is_left_open = subject == ""
        tenant, subject = whole_text("tenant", tenant), whole_text("subject", subject)
        within = self.within(tenant)
        profile = self._files.accepted(profile if isinstance(profile, Profile) else self._files_within(within).profile(profile), within)
        if profile.abstract:
            raise UsageError(f"{profile.name} is abstract: only other profiles extend it")
        if profile.subject == "user" and not subject and not is_left_open:
            raise MissingInput("subject", f"{profile.name} acts for a user: connect(…, subject='the user’s id'), or at a terminal --subject")
        if not isinstance(inputs, Mapping | None) or isinstance(servers, str) or not isinstance(servers, Iterable):
            raise UsageError(f"{profile.name}: inputs are a map from input to value, and servers a list of URLs")
        given = {name: own_copy(value) for name, value in (inputs or {}).items()}
        if unknown := sorted(map(str, given.keys() - profile.inputs.keys())):
            raise UsageError(f"{profile.name} has no input {', '.join(unknown)}; its inputs are {', '.join(profile.inputs) or 'none'}")
        named = tuple(servers)
        if not all(isinstance(server, str) for server in named):
            raise UsageError(f"{profile.name}: servers are a list of URLs, each a text (str)")
        key = (id(profile), tenant, subject, by_value(given), named, within)  # the connection keeps the profile: its id stays its own
        return self.connections.of(
            key, lambda: Connection(self, profile, tenant=tenant, subject=subject, inputs=given, servers=tuple(map(named_server, named)), within=within)
        )

    def egress_refusal(self, url: str, *, address: str = "", purpose: str = "task", ports: Iterable[int] = ()) -> str | None:
        """Why the egress policy in force lets no call go to a URL; None where nothing is against it, and always under `open`.

        Nothing is looked up: `address` is asked about as one that the name came to. `ports` count as written out in a profile; `purpose`
        is a word of `Departure`. What is no URL at all is refused.
        """
        if self.guard is None:
            return None
        return self.guard.why_not_url(url, address=address, purpose=purpose, ports=ports)

    def complete_authorization(
        self, answer: str | Mapping[str, str], session: str = "", *, inputs: Mapping[str, Any] | None = None
    ) -> Pending[SignIn]:
        """Take what came back with a person, and say whose sign-in is complete: it is found by its state, and may have been begun
        in another process. Whatever waits for this profile, tenant and subject can go on.

        The profile is looked for by name, as `profile` does. Inputs that were given when it was begun are given again; all
        others come from the sources. Raises (from the Pending) as `Connection.complete_authorization`, ProfileError, UsageError.
        """
        return Pending.of(self.completing(answer, session, inputs))

    def completing(self, answer: str | Mapping[str, str], session: str, inputs: Mapping[str, Any] | None) -> Generator[Future[Any], Any, SignIn]:
        """The flow of `complete_authorization`."""
        if self._is_closed:
            raise EngineClosed
        return (yield from completing(self, answer, session, inputs))

    def apart(self, exchange: Exchange) -> Self:
        """An engine like this one that shares neither tokens nor connections with it: every token is got anew, in one
        attempt, by `exchange`. What an endpoint asked (`Retry-After`) holds for both, and what a person consented to is
        kept for both: a refresh token that rotates has no second life."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.exchange, other.attempts, other.is_apart = exchange, 1, True
        other.events = Events((), self.clock)
        other.ledger = Ledger(MemoryStore(), Keys(None), other.events.tell, self.settings.store_patience)
        other.finder = Finder(other.ledger, self.clock, self.finder.refuses)
        other.pauses, other.flights = self.pauses.apart(), Flights(self.settings.workers_per_endpoint)
        other.connections, other._tokens = ConnectionCache(), weakref.WeakValueDictionary()
        return other

    def status(self) -> list[Health]:
        """How every connection made in this process is. Blocking: asks the sources of inputs and reads the store."""
        return [health for connection in self.connections.all() for health in healths_of(connection)]

    @property
    def registrar(self) -> Registrar:
        """What registers clients. A registration is kept with what people consented to: their tokens are that client's."""
        return Registrar(self.consents, self.flights, lease_seconds=self.lease_seconds, deadline=self.settings.deadline, clock=self.clock)

    @property
    def lease_seconds(self) -> float:
        """How long the lease of a renewal lasts."""
        return self.settings.deadline * LEASE_FACTOR

    def resolve(self, connection: Connection) -> tuple[Resolved, float]:
        """The inputs of a connection, and until when they may be used (Unix seconds)."""
        profile = connection.profile
        sources = self._sources_for(connection)
        ages = [age for source in sources if (age := age_of(source)) is not None]
        resolved = resolve(profile.name, profile.inputs, sources, connection.tenant, connection.subject)
        return resolved, self.clock() + min(ages) if ages else NEVER

    def _sources_for(self, connection: Connection) -> list[Source]:
        """Where its inputs are looked for: what the host gives is its own word; the others look at nothing outside of the limits."""
        given = [self.source_of_given(connection.given)] if connection.given else []
        if connection.within is None:
            return [*given, *self._sources]
        return [*given, *self._sources[: self._hosts_own], *held(self._sources[self._hosts_own :], connection.within)]

    def tokens_for(self, key: TokenKey, credential: Credential) -> Tokens:
        """The tokens of a key: one object in this process, whichever connection asks."""
        digest = key.digest()
        lane, deadline = credential.lane(), self.settings.deadline
        settings = credential.variant.tokens
        attended = settings is not None and settings.attended
        ledger = self.consents if attended else self.ledger
        with self._lock:
            tokens = self._tokens.get(digest)
            if tokens is None:
                told = functools.partial(
                    self.events.tell, profile=credential.connection.profile.name, tenant=key.tenant, subject=key.subject,
                    key=digest[:12], endpoint=credential.place(), grant=key.grant,
                )  # fmt: skip
                tokens = self._tokens[digest] = Tokens(
                    key, credential.endpoint, ledger, self.flights, lane=lane, lease_seconds=self.lease_seconds,
                    deadline=deadline, tell=told, required=self.settings.store_required,
                    anew=attended and self.is_apart, clock=self.clock,
                )  # fmt: skip
            else:
                tokens.use(credential.endpoint)  # a secret that is no part of the key may be a new one
        return tokens

    def _heed(self, change: Change, within: Within | None = None) -> None:
        """Let go of connections of what is not served any more within these limits, and tell."""
        if change.before is not None:
            self.connections.let_go(change, within)
        if change.kind:
            self.events.tell(change.kind, profile=change.profile, detail=change.detail)


def _host_source(inputs: Any) -> Source | None:
    is_source: bool = hasattr(inputs, "describe") and isinstance(inputs, Source)
    return inputs if inputs is None or is_source else MappingSource(inputs)
