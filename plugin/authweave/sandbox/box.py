"""The sandbox as one object: hosts, customers, faults, counts."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from authweave.errors import AuthweaveError, UsageError
from authweave.net.values import Route
from authweave.sandbox import api
from authweave.sandbox.account import Account, Address
from authweave.sandbox.arrived import Arrived
from authweave.sandbox.as_declared import leads_to
from authweave.sandbox.authority import Authority, Shows
from authweave.sandbox.faults import Ground, Struck, fault_of, through
from authweave.sandbox.identity import Desk
from authweave.sandbox.listener import ADDRESS, Listener, Reply, json_reply
from authweave.sandbox.shown import missing_certificate
from authweave.sandbox.steps import StepDesk
from authweave.sandbox.three_legs import LegsDesk
from authweave.wire import Wire

if TYPE_CHECKING:
    from authweave.engine import Engine
    from authweave.profile import Profile

KINDS: Final = ("token", "refresh", "api")


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that was answered: `kind` is token, refresh, revoke, step, api or other. Holds nothing that is secret."""

    kind: str
    profile: str
    method: str
    host: str
    status: int


class Sandbox:
    """An identity provider and a task API on this machine, for the given profiles. A teacher, never a proof.

    Use it in a `with` statement, or call `start` and `stop`. Safe for threads; prints nothing and leaves nothing on
    disk. `faults` are names of `FAULTS`; `lifetime` is that of tokens, in seconds; `port` 0 is any free one;
    `on_seen` hears of every request. Raises UsageError for a profile no inputs can be found for.
    """

    def __init__(
        self, profiles: Iterable[Profile], *, faults: Iterable[str] = (), lifetime: float = 900, port: int = 0,
        clock: Callable[[], float] = time.time, on_seen: Callable[[Seen], None] | None = None,
    ) -> None:  # fmt: skip
        self.profiles = tuple(profiles)
        self._lifetime = lifetime
        self._clock = clock
        self._on_seen = on_seen
        self._faults = tuple(fault_of(name) for name in faults)
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._accounts: list[Account] = []
        self._desks: list[Desk | LegsDesk | StepDesk] = []
        self._authority = Authority()
        self._port = port
        self._listener: Listener | None = None
        self._ground = ExitStack()
        self._routes: Mapping[tuple[str, int], Route] | None = None
        self._client: dict[str, Any] = {}
        for profile in self.profiles:
            self._add(profile, {})

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to serve. Raises UsageError if the port is taken."""
        if self._listener is not None:
            return
        try:
            self._listener = Listener(self._answered, self._authority, self._stands_for, self._port, self._clients)
        except OSError as error:
            reason = error.strerror or "not to be had"
        else:
            self._listener.start()
            self._build()
            return
        raise UsageError(f"the sandbox cannot listen on {ADDRESS}:{self._port}: {reason}")

    def stop(self) -> None:
        """End every connection and forget everything."""
        self._ground.close()
        self._routes, self._client = None, {}
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.stop()

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        if self._listener is None:
            raise UsageError("the sandbox is not running: use it in a `with` statement, or call start()")
        return self._listener.port

    @property
    def ca_pem(self) -> str:
        """The certificate of its authority, to be believed for its hosts only."""
        return self._authority.pem

    @property
    def routes(self) -> Mapping[tuple[str, int], Route]:
        """Every host and port that the profiles name, and the way here, or to where a fault leads it."""
        return self._usual_routes if self._routes is None else self._routes

    @property
    def _usual_routes(self) -> Mapping[tuple[str, int], Route]:
        route = Route(ADDRESS, self.port, ca=self.ca_pem)
        return MappingProxyType(dict.fromkeys(sorted(self._places()), route))

    @property
    def counts(self) -> Mapping[str, int]:
        """Requests so far: `token`, `refresh` and `api`."""
        return self._counted(None)

    def counts_of(self, profile: Profile) -> Mapping[str, int]:
        """The same for one profile."""
        return self._counted(profile.name)

    def inputs(self, profile: Profile, chosen: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
        """A good value for every input, `chosen` ones as they are. Other choices make another customer."""
        return dict(self.account(profile, chosen).inputs)

    def account(self, profile: Profile, chosen: Mapping[str, Any] = MappingProxyType({})) -> Account:
        """The customer of a profile; made now if these values were not chosen before."""
        with self._lock:
            known = next(
                (
                    account
                    for account in self._accounts
                    if account.profile.name == profile.name and account.chosen == dict(chosen)
                ),
                None,
            )
        return known or self._add(profile, chosen)

    @property
    def accounts(self) -> tuple[Account, ...]:
        """Every customer."""
        with self._lock:
            return tuple(self._accounts)

    def set_fault(self, name: str | None) -> None:
        """From now on do this one thing wrong; None: nothing any more. Raises UsageError for an unknown name, and for one
        that has to be known when the sandbox starts."""
        fault = None if name is None else fault_of(name)
        if fault is not None and fault.strike is None:
            raise UsageError(f"the fault {fault.name} has to be named when the sandbox starts")
        self._faults = () if fault is None else (fault,)

    def end_tokens(self) -> None:
        """Let every token that was issued die now."""
        for account in self.accounts:
            account.end_tokens("revoked before its time", used_only=False)

    def wire(self, **options: Any) -> Wire:
        """A wire whose calls to the profiles' hosts end here; `options` are those of `Wire`."""
        return Wire(**{"routes": self.routes, "proxy": "", **self._client, **options})

    def engine(self, **options: Any) -> Engine:
        """An engine over that wire, with these inputs and no others. `options` are those of `Engine`.

        Settings are the defaults and what `options` say: nothing of this machine's is read.
        """
        from authweave.engine import Engine
        from authweave.settings import MEMBERS, Settings

        given = {account.profile.name: account.inputs for account in reversed(self.accounts)}
        chosen = {name: options.pop(name) for name in MEMBERS.keys() & options.keys()}
        made = {
            "settings": Settings(**{"sources": (), **chosen}),
            "wire": self.wire(),
            "inputs": lambda profile, name, tenant: given.get(profile, {}).get(name),
        }
        engine = Engine(**{**made, **options})
        engine.foretells = True
        return engine

    def _build(self) -> None:
        """What the faults put between the client and the sandbox."""
        for fault in self._faults:
            ground = Ground(self.routes, self._authority, self._another_listener, self._ground)
            if fault.connect is not None:
                self._routes = MappingProxyType(dict(fault.connect(ground)))
            if fault.wire is not None:
                self._client.update(fault.wire(ground))

    def _another_listener(self, shows: Shows, *, tls_only: bool = False) -> Listener:
        return Listener(self._answered, shows, lambda _: True, 0, self._clients, tls_only=tls_only)

    def _add(self, profile: Profile, chosen: Mapping[str, Any]) -> Account:
        account = Account(profile, chosen, self._clock)
        desks = [
            LegsDesk(account, variant, settings, lifetime=self._lifetime, clock=self._clock)
            if "request_token_url" in variant.own
            else Desk(account, variant, settings, granting, refreshing, lifetime=self._lifetime, clock=self._clock)
            for variant, settings, granting, refreshing in account.endpoints()
        ]
        steps = [
            StepDesk(account, variant, step, lifetime=self._lifetime, clock=self._clock)
            for variant, settings, _, _ in account.endpoints()
            for step in (*settings.before, *settings.after)
        ]
        with self._lock:
            self._accounts.append(account)
            self._desks += [*desks, *steps]
        return account

    def _places(self) -> set[tuple[str, int]]:
        return {place for account in self.accounts for place in account.places()}

    def _clients(self) -> frozenset[bytes]:
        return frozenset(one for account in self.accounts for one in account.certificates)

    def _stands_for(self, host: str) -> bool:
        origins = [pattern for account in self.accounts for pattern in account.patterns]
        return any(host == known for known, _ in self._places()) or any(
            pattern.wildcard and host.partition(".")[2] == pattern.origin.host for pattern in origins
        )

    def _answered(self, arrived: Arrived) -> Reply:
        try:
            kind, profile, reply = self._answer(arrived)
        except AuthweaveError as error:
            kind, profile, reply = "other", "", _mistaken(str(error))
        except Exception as error:  # noqa: BLE001 - told to whoever called, without what it may quote of the request
            kind, profile, reply = "other", "", _mistaken(f"a mistake in the sandbox itself: {type(error).__name__}")
        with self._lock:
            self._counts[profile, kind] += 1
        if self._on_seen is not None:
            self._on_seen(Seen(kind, profile, arrived.method, arrived.host, reply.status))
        return reply

    def _answer(self, arrived: Arrived) -> tuple[str, str, Reply]:
        with self._lock:
            desks = [desk for desk in self._desks if desk.serves(arrived)]
        if desks:
            return self._at_desk(desks, arrived)
        if (told := self._told(arrived)) is not None:
            profile, document = told
            struck = Struck("discovery", arrived, self.accounts)
            return "discovery", profile, through(self._faults, struck, lambda: json_reply(200, document))
        accounts = tuple(account for account in self.accounts if api.serves(account, arrived))
        if accounts:
            return self._at_api(accounts, arrived)
        nothing = json_reply(404, {"error": "not_found", "error_description": "no profile in the sandbox has an endpoint here"})
        return "other", "", through(self._faults, Struck("other", arrived, self.accounts), lambda: nothing)

    def _told(self, arrived: Arrived) -> tuple[str, Mapping[str, Any]] | None:
        """The profile and what stands at a well-known place; None for another place."""
        for account in self.accounts if arrived.method == "GET" else ():
            for url, document in account.documents.items():
                if leads_to(Address.of(url), arrived):
                    return account.profile.name, document
        return None

    def _at_desk(self, desks: list[Desk | LegsDesk | StepDesk], arrived: Arrived) -> tuple[str, str, Reply]:
        """Of several customers at one endpoint the one that is named, and of those the one that is recognised."""
        likely = [desk for desk in desks if desk.is_named(arrived)] or desks
        is_token = any(isinstance(desk, Desk | LegsDesk) for desk in likely)
        struck = Struck("token" if is_token else "step", arrived, tuple(desk.account for desk in likely), likely[0].kind(arrived))
        chosen = likely[0]

        def usual() -> Reply:
            nonlocal chosen
            first: Reply | None = None
            for desk in likely:
                reply = without_certificate(desk.account, arrived) or desk.answer(arrived)
                if reply.status < 400:
                    chosen = desk
                    return reply
                first = first or reply
            return first  # type: ignore[return-value]  # there is at least one desk

        reply = through(self._faults, struck, usual)
        return chosen.kind(arrived), chosen.account.profile.name, reply

    def _at_api(self, accounts: tuple[Account, ...], arrived: Arrived) -> tuple[str, str, Reply]:
        """Of several customers at one server the one whose profile the request fits best."""
        best: api.Finding | None = None

        def usual() -> Reply:
            nonlocal best
            findings = [finding for account in accounts if (finding := api.judged(account, arrived)) is not None]
            best = max(findings, key=lambda finding: finding.reached, default=None)
            if best is None:
                return json_reply(
                    401,
                    {"error": "invalid_request", "error_description": "no variant of the profile is for this request"},
                )
            if best.reached == api.ACCEPTED and best.issued is not None:
                best.account.ledger(best.variant).note_use(best.issued)
            return api.reply_for(best, arrived)

        reply = through(self._faults, Struck("api", arrived, accounts), usual)
        return "api", (best.account if best else accounts[0]).profile.name, reply

    def _counted(self, profile: str | None) -> Mapping[str, int]:
        with self._lock:
            counts = dict(self._counts)
        return {
            kind: sum(count for (name, known), count in counts.items() if known == kind and profile in (None, name))
            for kind in KINDS
        }


def without_certificate(account: Account, arrived: Arrived) -> Reply | None:
    """The refusal of a token call that does not show the customer's certificate; None if it does, or need not."""
    why = missing_certificate(account, arrived, "token")
    return json_reply(401, {"error": "invalid_client", "error_description": why}) if why else None


def _mistaken(why: str) -> Reply:
    return json_reply(500, {"error": "sandbox", "error_description": why})
