"""One Protocol per kind of extension. Built-ins and a stranger's package keep the same ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, runtime_checkable

from authweave.values import JsonSchema, Problem, Secret

if TYPE_CHECKING:
    from authweave.call import TokenCall
    from authweave.checking.document import Checked
    from authweave.drafts.draft import Draft, Placed
    from authweave.events import Event
    from authweave.profile import Input
    from authweave.report import Report
    from authweave.settings import Settings
    from authweave.values import Row, TaskRequest, TaskResponse, Token


@runtime_checkable
class Scheme(Protocol):
    """An auth `type`: which keys it has, which inputs it implies, and how its credential is placed.

    `schema` is an object schema for the keys of the type beside the common ones; `inputs` are the implied inputs in
    the form of the profile's `inputs`; `fields` stand where the profile writes no `auth.fields`. `gets_token` says
    whether a token call comes before the task request.

    A property of `schema` with `x-template` (text, value or url) may hold templates; it reads inputs, vars, kept and the
    namespaces that `x-reads` lists. It is bound into `Variant.own`. What a type may have besides: `seal`, the name
    of the Seal that signs its requests; `filled(auth)`, a static method that gives defaults which depend on what is written;
    `token_when`, a key without which no token is needed; `signs_token_call`: the seal signs the token call, too, and these own
    keys are others there.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    schema: ClassVar[JsonSchema]
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]]
    fields: ClassVar[Sequence[Mapping[str, Any]]]
    gets_token: ClassVar[bool]


@runtime_checkable
class Grant(Protocol):
    """An OAuth 2 grant: the parameters that ask for a token (RFC 6749 §4). Sending, client authentication, reading,
    storing and locking have their own places.

    What a grant may have besides: `urn`, the word that is sent where that is not the name; `claims`, the claims that its
    assertion has by default; `filled(auth)`, as a type; `proves_enough`, so that no client id is sent unless one is written.

    `schema` and `inputs` are as in Scheme. `attended` says that a person consented to what the token may do; with `signs_in` they do so here: the
    grant presents what their sign-in brought (`TokenCall.consent`), in a browser or (`at_device`) at another device. A grant whose
    schema has `refresh_token` presents one that somebody handed over: nobody signs in, and its mark is part of the token key.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    schema: ClassVar[JsonSchema]
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]]
    attended: ClassVar[bool]

    def parameters(self, call: TokenCall) -> Mapping[str, Any]:
        """The parameters of the token request beside `grant_type` and `scope`, in the order they are sent."""
        ...


@runtime_checkable
class ClientAuth(Protocol):
    """How the client proves who it is at the token endpoint: a registered `token_endpoint_auth_method` (RFC 7591).

    `sends` names the keys of `auth` that it reads (client_id, client_secret). One that presents a client assertion has
    `claims`, those of the assertion's default; with `filled(auth)`, as a type, it decides what else is a default. One whose proof is the
    certificate of `tls` has `is_certificate`: without one nothing is sent.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    sends: ClassVar[frozenset[str]]
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]]

    def present(self, call: TokenCall) -> None:
        """Put the client's identity and proof into `call`. Never in two places."""
        ...


@dataclass(frozen=True, slots=True)
class Signing:
    """What a seal is given beside the finished request: the type's own keys, the namespaces of templates, the token.

    `now` is in Unix seconds; `origin` is the variant's place in the profile (`auth`), for messages and reports. `answered` is
    what was sent before, with the answer that `learned` wants to have sent again.
    """

    own: Mapping[str, Any]
    scope: Mapping[str, Any]
    token: Token | None
    now: float
    origin: str = "auth"
    answered: tuple[TaskRequest, TaskResponse] | None = None

    def value(self, name: str) -> Any:
        """The value of an own key with its type, a Secret where it is made from one; None if it is not written or null."""
        written: Any = self.own.get(name)
        return written.value(self.scope) if hasattr(written, "value") else written

    def text(self, name: str) -> str:
        """The value of an own key as the text that goes onto the wire; '' for null. Raises TemplateError."""
        value = self.value(name)
        value = value.reveal() if isinstance(value, Secret) else value
        return "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A signed request, and what the seal put where: the redirect guard takes it away again, the report shows it."""

    request: TaskRequest
    placed: tuple[Placed, ...] = ()


@runtime_checkable
class Seal(Protocol):
    """Signs the finished request; the only part that sees it whole. Done anew for each send.

    Made without arguments, one for each credential; it may remember what servers said (nonces), by origin. Safe for
    threads. `reads_body`: the body must be at hand, so that a streamed one is refused or left unsigned as the scheme has it.

    Three things a seal may have besides: `waits` (true: `sign` blocks, and runs in a worker), `is_bound` (why its requests have to go
    over one connection, so that only `client()` can send them), and `foretold(request, signing)`, which stands in for `sign` in previews, and with
    `asks_outside` also in the sandbox.
    """

    name: ClassVar[str]
    reads_body: ClassVar[bool]

    def sign(self, request: TaskRequest, signing: Signing) -> Sealed:
        """The request with its signature. No network, no waiting. Raises ApplyError, InputError."""
        ...

    def learned(self, request: TaskRequest, response: TaskResponse, signing: Signing) -> str:
        """Take note of an answer. One word (challenge, stale, nonce) where the request should be sent again, sealed anew; else ''.

        Raises ServerUnproven (ApiError) for an answer that must not be trusted.
        """
        ...


@runtime_checkable
class Placement(Protocol):
    """A place that a field can be put: `in: header` and the like."""

    name: ClassVar[str]
    title: ClassVar[str]

    def wrong_key(self, key: str) -> str | None:
        """Why a literal key cannot stand in this place, or None. Asked when a profile is loaded."""
        ...

    def place(self, draft: Draft, key: str, value: Any, on_conflict: str) -> None:
        """Put the value there. Raises PlacementError, which names the key and never the value."""
        ...


@runtime_checkable
class Source(Protocol):
    """Where values of inputs come from: environment, a secrets directory, a keyring. Blocking; called in a worker.

    `max_age` in seconds says when an answer must be asked for again (None: it stays). A source that keeps values of single
    users has `get_for_subject` besides (`SourceOfSubjects`).
    """

    name: ClassVar[str]

    @property
    def max_age(self) -> float | None:
        """Seconds an answer may be used."""
        ...

    def get(self, profile: str, asked: Input, tenant: str) -> Secret | None:
        """The value of an input for a tenant ('' for none), or None where this source has none. Raises InputError."""
        ...

    def describe(self, profile: str, asked: Input, tenant: str) -> str:
        """Where one would put the value, in a few words: `environment variable AUTHWEAVE_ACME_CLIENT_ID`."""
        ...


@runtime_checkable
class SourceOfSubjects(Source, Protocol):
    """A source that may have another value for each user: it is asked by this method instead of `get`."""

    def get_for_subject(self, profile: str, asked: Input, tenant: str, subject: str) -> Secret | None:
        """The value of an input for a user ('' for nobody) of a tenant, or None where this source has none. Raises InputError."""
        ...


@runtime_checkable
class ConfiguredSource(Source, Protocol):
    """A source that operators name in `sources`: registered, and made from the settings."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Source | None:
        """The source as the operator set it up, or None where nothing is set up."""
        ...


@runtime_checkable
class LimitedSource(Source, Protocol):
    """A source that can say what it would look at, and leave out what a tenant's limits do not name (docs/limits.md).

    `limited_by` is the list that holds its names: `environment` or `files`. One without it is asked for `files` such as
    `vault:profile/tenant/input`, by its own name.
    """

    limited_by: ClassVar[str]

    def names(self, profile: str, asked: Input, tenant: str) -> Sequence[str]:
        """What it would look at for an input, the most particular first. Looks at nothing."""
        ...

    def only(self, allows: Callable[[str], bool]) -> Self:
        """The same source, which never looks at a name that is not allowed, not even whether it is there."""
        ...


def everything(name: str) -> bool:
    """No limit."""
    return True


def _silent(kind: str, detail: str) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """What an operator decides for every store. `patience` in seconds bounds each call; `ca` is a PEM file to believe
    besides the usual authorities. `report(kind, detail)` tells what must not pass in silence (`store_damaged`)."""

    patience: float = 0.2
    ca: Path | None = None
    report: Callable[[str, str], None] = _silent


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a check: what was looked at, whether it is good, what was found, and what would be right."""

    subject: str
    is_good: bool
    words: str
    fix: str = ""


@runtime_checkable
class Store(Protocol):
    """Where tokens live between calls, and what excludes two owners from renewing one. Blocking; called in workers.

    A store keeps bytes that are sealed already (`at_rest`) and knows nothing of what is in them. Keys are 64 hex
    digits, names of notes are short ASCII texts. Versions count the writes of a key; 0 means that nothing was ever
    written. `schemes` are those of its URLs. `is_shared` says whether other processes see what is written, `is_remote`
    whether other machines may: then the key that seals must be named, for each machine would make one of its own.

    Every call that a request waits for ends within `StoreOptions.patience` seconds, with an answer or with
    StoreUnavailable; none ever raises anything else. `keys` and `checks`, which people ask for, may take longer. Safe for
    threads, and in a forked child after use in the parent.
    """

    name: ClassVar[str]
    schemes: ClassVar[tuple[str, ...]]
    is_shared: ClassVar[bool]

    @property
    def is_remote(self) -> bool:
        """May other machines see it?"""
        ...

    @classmethod
    def from_url(cls, url: str, options: StoreOptions) -> Store:
        """The store that a URL names. Raises SettingsError where the URL, or what it points to, must not be used
        (a file of another user, a newer schema); what may pass (nobody answers, disk full) shows at the first call."""
        ...

    def read(self, key: str) -> Row:
        """What is stored under the key; an empty Row if nothing."""
        ...

    def lease(self, key: str, owner: str, seconds: float) -> bool:
        """Become the one who may renew the key, until released or the time is over. False: somebody else is.

        Asked again by the owner, it is extended. Time is the store's own, so that clocks of machines do not matter.
        """
        ...

    def release(self, key: str, owner: str) -> None:
        """Give the lease back, if `owner` still holds it, and wake those who wait."""
        ...

    def wait(self, key: str, seconds: float) -> None:
        """Wait until nobody holds the key's lease, or so many seconds. May come back early, never late."""
        ...

    def intend(self, key: str, version: int, intent: str) -> bool:
        """Note durably, before a call, what is about to happen. False if the version has changed."""
        ...

    def write(self, key: str, version: int, data: bytes | None, *, keep: float | None = None) -> bool:
        """Write over exactly this version, durably, and clear the intent. False if another version is there.

        None forgets what was there and counts as a version, too. After `keep` seconds the row may be forgotten.
        """
        ...

    def remove(self, key: str) -> bool:
        """Forget the key whole, lease and all. False if there was nothing."""
        ...

    def keys(self) -> Iterator[str]:
        """Every key with data, in no order; what is written meanwhile may be missing. Raises as it goes."""
        ...

    def note(self, name: str, data: bytes, seconds: float) -> None:
        """Leave a short fact (an endpoint asked to wait) for everybody, for so many seconds. The last one holds."""
        ...

    def noted(self, name: str) -> bytes | None:
        """The fact of this name, or None: nobody left one, or its time is over."""
        ...

    def checks(self) -> Iterator[Finding]:
        """What `authweave store check` says of this store, one Finding after the other. Blocking; may take seconds."""
        ...

    def close(self) -> None:
        """Let go of files and connections. Final, and harmless when repeated."""
        ...


@runtime_checkable
class Observer(Protocol):
    """Somebody who is told of events: a log, a meter. Registered, named in `observers`, and made from the settings."""

    name: ClassVar[str]

    @classmethod
    def from_settings(cls, settings: Settings) -> Observer | None:
        """The observer as the operator set it up, or None where nothing is set up. Raises SettingsError."""
        ...

    def tell(self, event: Event) -> None:
        """Take note of an event. Called in the thread where it happened, often a worker that others wait for: quick,
        never blocking, safe for threads. What it raises is logged once and otherwise ignored."""
        ...


@runtime_checkable
class Rule(Protocol):
    """One cross-field rule of valid profiles. `name` is the stable rule id shown to people."""

    name: ClassVar[str]

    def check(self, checked: Checked) -> Iterable[Problem]:
        """Every place where the document breaks the rule."""
        ...


@runtime_checkable
class ReportFormat(Protocol):
    """A rendering of the report of `authweave test`.

    A class may also have `for_stream(stream)`, a constructor for what a terminal can show, and `render_many(reports)`, one text
    for the reports of `authweave test --all`; without it they are rendered one after another.
    """

    name: ClassVar[str]

    def render(self, report: Report) -> str:
        """The report as text. Everything in a Report is already redacted."""
        ...


@dataclass(frozen=True, slots=True)
class Departure:
    """A connection that is about to be made: what an egress policy is asked about.

    `host` is in lower case and ASCII, an IPv6 address without brackets. `address` is what the name came to, asked for each one; ''
    where it is not known: before DNS, behind a proxy that resolves, and for requests that the platform sends itself. `purpose` is
    profile (a URL that is written in one, when it is loaded), token, step, discovery, registration, device, sign_in, revocation,
    introspection, task, redirect (another origin than the one that was asked) or ticket (Kerberos, which a library speaks).
    `ports` are those that the profile and `servers` write out. `profile` and `tenant` are '' where nobody said. `is_chosen`: a value that
    nothing bounds may have chosen this host, which only a policy with `allows_open_hosts` ever sees.
    """

    scheme: str
    host: str
    port: int
    address: str = ""
    purpose: str = "token"
    profile: str = ""
    tenant: str = ""
    ports: frozenset[int] = frozenset()
    is_chosen: bool = False


@runtime_checkable
class EgressPolicy(Protocol):
    """Says where calls may go. Asked before DNS and again for every address, in any thread: it must not wait for anything.

    What it raises refuses, too. `egress.strict.Strict` is one. With `allows_open_hosts = True` a profile may let values choose hosts
    without a pattern, for a policy that knows its hosts: each such host comes with `is_chosen`.
    """

    def refusal(self, departure: Departure) -> str | None:
        """Why not, as it follows "because"; None where nothing is against it."""
        ...
