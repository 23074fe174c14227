"""A connection: one profile for one tenant and subject with bound inputs. Cheap, shareable, safe for threads."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Generator, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from authweave.applying.flow import applying, needs_body, prepared
from authweave.applying.scopes import make_scope
from authweave.applying.sent import Sent
from authweave.applying.signing_string import signature, with_own_headers
from authweave.applying.targets import Server, base_url, refuse_outside, refuse_plain_http, rendered_servers, target_of
from authweave.clients.quick import is_steady
from authweave.connections.authorizing import AuthorizingFlows
from authweave.connections.credential import Credential
from authweave.connections.given import Given
from authweave.connections.outgoing import Outgoing
from authweave.connections.signing_in import SigningIn
from authweave.drafts.draft import Draft
from authweave.errors import (
    InputError,
    MissingInput,
    NoVariant,
)
from authweave.machine.forks import Lock
from authweave.pending import Pending
from authweave.profile import Profile, Variant
from authweave.tokens.flights import Lane
from authweave.values import (
    Authorization,
    Judgement,
    Secret,
    SignIn,
    TaskRequest,
    Token,
)

if TYPE_CHECKING:
    from authweave.engine import Engine
    from authweave.inputs import Resolved
    from authweave.limits import Within
    from authweave.tokens.tokens import Tokens


class Connection:
    """Made by `Engine.connect`. Three doors: `auth`, `client()` / `async_client()`, and `authorize` / `headers_for`."""

    def __init__(
        self, engine: Engine, profile: Profile, *, tenant: str, subject: str, inputs: Mapping[str, Any],
        servers: tuple[Server, ...], within: Within | None = None,
    ) -> None:  # fmt: skip
        self.engine = engine
        self.profile = profile
        self.tenant = tenant
        self.subject = subject
        self.given = Given(inputs)
        self.given_servers = servers
        self.within = within
        if within is not None:
            refuse_outside(servers, within)
        self.credentials = tuple(Credential(self, variant) for variant in profile.variants)
        self.single = self.credentials[0] if len(self.credentials) == 1 and profile.variants[0].when is None else None
        self._inputs: tuple[Resolved, float] | None = None
        self._lock = Lock()
        self._asked: Resolved | None = None
        self._auth: tuple[tuple[str, ...], Any] = ((), None)
        self.outgoing = Outgoing(self)
        self.flows = AuthorizingFlows(self)
        self.signing_in = SigningIn(self)
        self.is_steady = is_steady(profile)
        self.reads_body = any(needs_body(variant, profile.fields) for variant in profile.variants)

    def __repr__(self) -> str:
        tenant = f" tenant={self.tenant!r}" if self.tenant else ""
        return f"<Connection {self.profile.reference}{tenant}>"

    def __copy__(self) -> Connection:
        """The connection itself: it is shared."""
        return self

    def __deepcopy__(self, memo: object) -> Connection:
        """The connection itself."""
        return self

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("a Connection is never pickled: send the names of profile, tenant and subject, and connect in the other process")

    @property
    def auth(self) -> Any:
        """An `httpx.Auth` (and `httpx2.Auth`) for your own client. It places and renews, and never raises for the API's answer.

        The same object each time, and another one once the other of the two packages has been imported. Raises NeedsClient
        for a profile that promises what only `client()` can keep. A request may name its user:
        `extensions={'authweave': {'subject': …}}`; it then gets that user's token.
        """
        self.outgoing.refuse_without_client("auth")
        return self.client_auth

    @property
    def client_auth(self) -> Any:
        """As `auth`, for a client that keeps what the profile promises."""
        loaded = tuple(name for name in ("httpx", "httpx2") if name in sys.modules)
        if self._auth[1] is None or self._auth[0] != loaded:
            from authweave.clients.auth import profile_auth

            self._auth = (loaded, profile_auth(self))
        return self._auth[1]

    def client(self, **options: Any) -> Any:
        """An `httpx.Client` with this connection's credential, the redirect guard, and the first server as base URL."""
        from authweave.clients.client import client

        return client(self, **options)

    def async_client(self, **options: Any) -> Any:
        """As `client`, an `httpx.AsyncClient`."""
        from authweave.clients.client import async_client

        return async_client(self, **options)

    def authorize(self, request: Any) -> Pending[Any]:
        """The finished request, for platforms that send by themselves: a TaskRequest for a TaskRequest, a new request of httpx or
        httpx2 for one of theirs (with the redirect guard, as from `auth`). Raises NeedsClient, UsageError, and (from the Pending)
        what `prepared` raises."""
        self.outgoing.refuse_without_client("authorize()")
        return Pending.of(self.flows.authorizing(request))

    def prepare(self, request: TaskRequest) -> Pending[Sent]:
        """As `authorize`, with what the request was made from."""
        return Pending.of(prepared(self, request))

    def headers_for(self, url: str) -> Pending[Mapping[str, str]]:
        """The header fields of the credential for a URL: for WebSockets and clients of their own kind.

        Raises PlacementError if the profile puts anything elsewhere: it would be missing; and NeedsClient.
        """
        self.outgoing.refuse_without_client("headers_for()")
        return Pending.of(self.flows.heading(url))

    def handle_response(self, request: Any, response: Any, *, can_repeat: bool | None = None) -> Pending[Judgement]:
        """What to do with the answer, a TaskResponse, or the response of httpx or httpx2 to a request of theirs. `request` is best
        the one that `authorize` or the last Judgement gave: it knows which token it carries. The one before it was authorized
        will do, too; the token at hand is then taken for the one that was sent. A `send_again` is followed by no other for the
        request that it holds. `can_repeat`: can the body be sent again? If not said, one that is streamed cannot. Raises UsageError
        for what is neither.
        """
        return Pending.of(self.flows.handling(request, response, can_repeat))

    def token(self) -> Pending[Token | None]:
        """The token in force (got now, if need be); None for a type without tokens. Variants by input only."""
        return Pending.of(self.getting_token())

    def revoke(self) -> Pending[bool]:
        """End the token: at the provider as `revoke_request` says (the refresh token where one is held), then forget it here.

        False if it was only forgotten here: the profile says of no way, there is no token, or none that can be opened.
        A call that fails leaves the token where it is, for another try. A grant that nobody has to consent to gets a new
        token at the next need. Raises (from the Pending) TokenError, WireError, StoreUnavailable, InputError.
        """
        return Pending.of(self.revoking())

    def begin_authorization(self, *, session: str = "", redirect_uri: str | None = None) -> Pending[Authorization]:
        """Where the person signs in: a link, or a code to type at another device. Asked again, it is the same one for ten minutes.

        `session` binds the sign-in to a session of the person's browser: it is completed with the same one only.
        `redirect_uri` is where the browser comes back to, letter for letter as it is registered; else the profile's. Raises
        (from the Pending) UsageError, UrlRefused, InputError, TokenError, WireError, StoreUnavailable.
        """
        return Pending.of(self.signing_in.beginning(session, redirect_uri))

    def complete_authorization(self, answer: str | Mapping[str, str], *, session: str = "") -> Pending[Token]:
        """The token for what came back with the person: the URL of the redirect, or its parameters (`response_mode=form_post`).

        Any process on the store may do it, once. Raises (from the Pending) CallbackRefused, AuthorizationDenied, TokenError,
        WireError, StoreUnavailable, InputError.
        """
        return Pending.of(self.signing_in.answered(answer, session))

    def await_authorization(self) -> Pending[Token]:
        """The token, once the person has answered; at a device it is begun if need be, and one process asks for all of them.

        Raises (from the Pending) AuthorizationDenied, SignInFailed (expired, cancelled), TokenError, WireError, StoreUnavailable.
        """
        return Pending.of(self.signing_in.awaiting())

    def cancel_authorization(self) -> Pending[bool]:
        """Call off the sign-in under way: its link is of no more use, and who waits for it hears so. False if there was none."""
        return Pending.of(self.signing_in.cancelling())

    def sign_in(self, *, session: str = "", redirect_uri: str | None = None) -> Pending[SignIn]:
        """Does the person have to sign in? With a token at hand, or one that comes by itself, `is_authorized`; else where they do.

        What a workflow asks before its first step, or answers in the place of a result. Arguments and errors are those of
        `begin_authorization`.
        """
        return Pending.of(self.signing_in.standing(session, redirect_uri))

    def is_like(self, other: Connection) -> bool:
        """Does it differ in the version of the profile, in the user and in what was given at the most?"""
        return (self.engine, self.profile.name, self.tenant) == (other.engine, other.profile.name, other.tenant)

    def of_subject(self, subject: str | None) -> Connection:
        """The same for another subject. Raises UsageError, MissingInput."""
        if subject is None or subject == self.subject:
            return self
        servers = tuple(server.url for server in self.given_servers)
        return self.engine.connect(self.profile, tenant=self.tenant, subject=subject, inputs=self.given, servers=servers)

    def getting_token(self) -> Generator[Future[Any], Any, Token | None]:
        """The flow of `token`."""
        credential = yield from self.choosing(None)
        return (yield from credential.token())

    def revoking(self) -> Generator[Future[Any], Any, bool]:
        """The flow of `revoke`."""
        credential = yield from self.choosing(None)
        return False if credential.tokens is None else (yield credential.tokens.revoked())

    def applying(self, request: TaskRequest) -> Any:
        """The whole flow for one task request: see `applying.flow.applying`."""
        return applying(self, request)

    def choosing(self, request: TaskRequest | None) -> Generator[Future[Any], Any, Credential]:
        """The credential for a request, its inputs at hand. Yields what there is to wait for: sources block."""
        self.refuse_nobody()
        if self.single is None and self._asked is not self.inputs():
            yield self.engine.flights.run((self, "ask"), self.lane, lambda: self.ask_all(self.inputs()))
        credential = self.single or self.credential(self.variant_for(request))
        if not credential.is_resolved:
            yield credential.resolving()
        if request is not None and credential.tokens is not None and credential.tokens.current is None:
            self._refuse_elsewhere(request)
        return credential

    def refuse_nobody(self) -> None:
        """Raise MissingInput where nobody said for which user: no call goes without one."""
        if self.profile.subject == "user" and not self.subject:
            raise MissingInput("subject", f"{self.profile.name} acts for a user, and this request names none: extensions={{'authweave': {{'subject': 'the user’s id'}}}}")

    def _refuse_elsewhere(self, request: TaskRequest) -> None:
        """Refuse another origin before a token is asked for in vain, as far as `servers` are known without one."""
        if self.given_servers or not any(read[0] == "kept" for server in self.profile.servers for read in server.reads):
            target_of(request, self.servers(self.scope(self.inputs(), None)))

    def variant_for(self, request: TaskRequest | None) -> Variant:
        """The first variant whose `when` is true. Raises NoVariant, and TemplateError where `when` reads an absent request."""
        if self.single is not None:
            return self.single.variant
        scope = make_scope(self.profile, self.inputs(), self.engine.clock())
        if request is not None:
            url, template = target_of(request, self.servers(scope))
            scope["request"] = Draft.of(request, url, path_template=template).view
        for variant in self.profile.variants:
            if variant.when is None or variant.when.is_true(scope):
                return variant
        raise NoVariant(f"{self.profile.reference}: none of the variants' `when` is true: {', '.join(variant.name for variant in self.profile.variants)}")

    def credential(self, variant: Variant) -> Credential:
        """The credential of a variant."""
        return next(credential for credential in self.credentials if credential.variant is variant)

    def inputs(self) -> Resolved:
        """The inputs; reading one may block where a source does. Asked again after a source's `max_age`."""
        known = self._inputs
        if known is None or self.engine.clock() >= known[1]:
            with self._lock:  # two that begin anew at once would both ask the sources
                known = self._inputs
                if known is None or self.engine.clock() >= known[1]:
                    known = self._inputs = self.engine.resolve(self)
        return known[0]

    def ask_all(self, inputs: Resolved) -> None:
        """Ask for what a condition may read later, too; what is missing is an error where it is read."""
        for name in inputs:
            with contextlib.suppress(InputError):
                inputs[name]
        self._asked = inputs

    def forget_inputs(self, used: Resolved | None = None) -> None:
        """Ask the sources again at the next need, unless somebody has since `used`: a secret may have been rotated."""
        with self._lock:
            if used is None or (self._inputs is not None and self._inputs[0] is used):
                self._inputs = None

    @property
    def inputs_until(self) -> float:
        """Until when the resolved inputs may be used (Unix seconds)."""
        return self._inputs[1] if self._inputs else 0.0

    def scope(self, inputs: Mapping[str, Any], token: Token | None) -> dict[str, Any]:
        """The namespaces for one attempt."""
        return make_scope(self.profile, inputs, self.engine.clock(), token)

    def as_we_send(self, request: TaskRequest) -> TaskRequest:
        """A task request that is about to be sent by our own wire, with the headers that the wire adds if they are signed."""
        return with_own_headers(self.profile.variants, request, self.engine.wire.own_headers)

    def signature(self, variant: Variant, scope: dict[str, Any], draft: Draft) -> Secret:
        """The signature of a request that is placed but for it: see `signing_string`."""
        return signature(variant, scope, draft)

    def servers(self, scope: Mapping[str, Any]) -> tuple[Server, ...]:
        """Who may get the credential: what the host named, else the profile's `servers`."""
        servers = self.given_servers or rendered_servers(self.profile.servers, scope)
        if not self.engine.settings.allow_loopback_http:
            refuse_plain_http(servers)
        if self.within is not None:
            refuse_outside(servers, self.within)
        return servers

    def base_url(self) -> str:
        """What relative URLs resolve against; '' if that is only known with a token."""
        if any(read[0] == "kept" for server in self.profile.servers for read in server.reads) and not self.given_servers:
            return ""
        return base_url(self.servers(make_scope(self.profile, self.inputs(), self.engine.clock())))

    @property
    def tokens_at_hand(self) -> list[Tokens]:
        """The tokens of its variants, as far as they were asked for."""
        return [credential.tokens for credential in self.credentials if credential.tokens is not None]

    @property
    def lane(self) -> Lane:
        """The lane of workers that ask the sources."""
        return Lane(self.tenant, ("sources", self.profile.name))
