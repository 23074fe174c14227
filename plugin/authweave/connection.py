"""A connection: one profile for one tenant and subject with bound inputs. Cheap, shareable, safe for threads."""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from authweave.applying import Sent, applying, judged, needs_body, prepared, renewed_and_prepared
from authweave.drafts.draft import Draft
from authweave.errors import InputError, NoVariant
from authweave.pending import Pending
from authweave.profile import Profile, Variant
from authweave.quick import is_steady
from authweave.scopes import make_scope
from authweave.targets import Server, base_url, rendered_servers, target_of
from authweave.token_endpoint import TokenEndpoint
from authweave.tokens import Tokens
from authweave.urls import Origin
from authweave.values import Judgement, Secret, TaskRequest, TaskResponse, Token, TokenKey

if TYPE_CHECKING:
    from authweave.engine import Engine
    from authweave.inputs import Resolved




class Connection:
    """Made by `Engine.connect`. Three doors: `auth`, `client()` / `async_client()`, and `authorize` / `headers_for`."""

    def __init__(
        self, engine: Engine, profile: Profile, *, tenant: str, subject: str, inputs: Mapping[str, Any],
        servers: tuple[Server, ...],
    ) -> None:  # fmt: skip
        self.engine = engine
        self.profile = profile
        self.tenant = tenant
        self.subject = subject
        self.given = inputs
        self.given_servers = servers
        self._credentials = tuple(Credential(self, variant) for variant in profile.variants)
        self._single = self._credentials[0] if len(self._credentials) == 1 and profile.variants[0].when is None else None
        self._inputs: tuple[Resolved, float] | None = None

    def __repr__(self) -> str:
        tenant = f" tenant={self.tenant!r}" if self.tenant else ""
        return f"<Connection {self.profile.reference}{tenant}>"

    @functools.cached_property
    def auth(self) -> Any:
        """An `httpx.Auth` (and `httpx2.Auth`) for your own client. It places and renews, and never raises for the API's answer."""
        from authweave.auth import profile_auth

        return profile_auth(self)

    def client(self, **options: Any) -> Any:
        """An `httpx.Client` with this connection's credential, the redirect guard, and the first server as base URL."""
        from authweave.clients import client

        return client(self, **options)

    def async_client(self, **options: Any) -> Any:
        """As `client`, an `httpx.AsyncClient`."""
        from authweave.clients import async_client

        return async_client(self, **options)

    def authorize(self, request: TaskRequest) -> Pending[TaskRequest]:
        """The finished request, for platforms that send by themselves. Raises (from the Pending) what `prepared` raises."""
        return Pending.of(self._authorizing(request))

    def prepare(self, request: TaskRequest) -> Pending[Sent]:
        """As `authorize`, with what the request was made from."""
        return Pending.of(prepared(self, request))

    def headers_for(self, url: str) -> Pending[Mapping[str, str]]:
        """The header fields of the credential for a URL: for WebSockets and clients of their own kind.

        Raises PlacementError if the profile puts anything elsewhere: it would be missing.
        """
        return Pending.of(self._heading(url))

    def handle_response(self, request: TaskRequest, response: TaskResponse) -> Pending[Judgement]:
        """What to do with the answer to a request that `authorize` made; `request` is the one before it was authorized."""
        return Pending.of(self._handling(request, response))

    def token(self) -> Pending[Token | None]:
        """The token in force (got now, if need be); None for a type without tokens. Variants by input only."""
        return Pending.of(self._token())

    def _authorizing(self, request: TaskRequest) -> Any:
        sent = yield from prepared(self, request)
        return sent.request

    def _heading(self, url: str) -> Any:
        from authweave.errors import PlacementError

        sent = yield from prepared(self, TaskRequest("GET", url))
        if elsewhere := sorted({placed.place for placed in sent.placed} - {"header", "cookie"}):
            raise PlacementError(f"this profile also puts fields into {', '.join(elsewhere)}: headers alone would leave them out; use authorize()")
        return dict(sent.request.headers)

    def _handling(self, request: TaskRequest, response: TaskResponse) -> Any:
        sent = yield from prepared(self, request)
        verdict = judged(sent, response)
        if verdict.verdict != "send_again":
            return verdict
        again = yield from renewed_and_prepared(self, request, sent, verdict)
        return again if isinstance(again, Judgement) else Judgement("send_again", verdict.reason, request=again.request)

    def _token(self) -> Any:
        if self.has_choice and not self.inputs_at_hand():
            yield self.asking()
        credential = self._single or self.credential(self.variant_for(None))
        if not credential.is_resolved:
            yield credential.resolving()
        if credential.tokens is None:
            return None
        return credential.tokens.fresh() or (yield credential.tokens.renewed())

    def applying(self, request: TaskRequest) -> Any:
        """The whole flow for one task request: see `applying.applying`."""
        return applying(self, request)

    def variant_for(self, request: TaskRequest | None) -> Variant:
        """The first variant whose `when` is true. Raises NoVariant, and TemplateError where `when` reads an absent request."""
        if self._single is not None:
            return self._single.variant
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
        return next(credential for credential in self._credentials if credential.variant is variant)

    def inputs(self) -> Resolved:
        """The inputs, resolved: blocking where a source blocks. Asked again after a source's `max_age`."""
        known = self._inputs
        if known is None or self.engine.clock() >= known[1]:
            known = self.engine.resolve(self)
            self._inputs = known
        return known[0]

    def asking(self) -> Future[None]:
        """A flight that asks the sources for every input: they block, and callers must not."""
        return self.engine.flights.run((id(self), "ask"), ("sources", self.profile.name), self.ask_all)

    def ask_all(self) -> None:
        """Ask for what a condition may read later, too; what is missing is an error where it is read."""
        inputs = self.inputs()
        for name in inputs:
            with contextlib.suppress(InputError):
                inputs[name]

    def forget_inputs(self) -> None:
        """Ask the sources again at the next need: a secret may have been rotated."""
        self._inputs = None

    def inputs_at_hand(self) -> bool:
        """Are the inputs resolved and not too old?"""
        return self._inputs is not None and self.engine.clock() < self._inputs[1]

    @property
    def inputs_until(self) -> float:
        """Until when the resolved inputs may be used (Unix seconds)."""
        return self._inputs[1] if self._inputs else 0.0

    def scope(self, inputs: Mapping[str, Any], token: Token | None) -> dict[str, Any]:
        """The namespaces for one attempt."""
        return make_scope(self.profile, inputs, self.engine.clock(), token)

    def servers(self, scope: Mapping[str, Any]) -> tuple[Server, ...]:
        """Who may get the credential: what the host named, else the profile's `servers`."""
        return self.given_servers or rendered_servers(self.profile.servers, scope)

    def base_url(self) -> str:
        """What relative URLs resolve against; '' if that is only known with a token."""
        if any(read[0] == "kept" for server in self.profile.servers for read in server.reads) and not self.given_servers:
            return ""
        return base_url(self.servers(make_scope(self.profile, self.inputs(), self.engine.clock())))

    @property
    def has_choice(self) -> bool:
        """Are there variants to choose from?"""
        return self._single is None

    @functools.cached_property
    def is_steady(self) -> bool:
        """Is what is placed the same for every request, and only headers?"""
        return is_steady(self)

    @functools.cached_property
    def reads_body(self) -> bool:
        """Does applying need the body of the task request?"""
        return any(needs_body(variant, self.profile.fields) for variant in self.profile.variants)


class Credential:
    """One variant of a connection: its inputs once resolved, and its tokens if its type has any."""

    __slots__ = ("connection", "tokens", "variant")

    def __init__(self, connection: Connection, variant: Variant) -> None:
        self.connection = connection
        self.variant = variant
        self.tokens: Tokens | None = None

    @property
    def is_resolved(self) -> bool:
        """Are inputs and token key known?"""
        return self.connection.inputs_at_hand() and (self.variant.tokens is None or self.tokens is not None)

    @property
    def inputs(self) -> Resolved:
        """The inputs; only asked for once resolved."""
        return self.connection.inputs()

    def resolving(self) -> Future[None]:
        """A flight that asks the sources, checks that nothing required is missing, and finds the token's key."""
        engine = self.connection.engine
        return engine.flights.run((id(self), "resolve"), ("sources", self.connection.profile.name), self._resolve)

    def _resolve(self) -> None:
        inputs = self.connection.inputs()
        inputs.require(self.variant.needs)
        self.connection.ask_all()
        if self.variant.tokens is not None:
            self.tokens = self.connection.engine.tokens_for(self.token_key(inputs), self)

    def token_key(self, inputs: Resolved) -> TokenKey:
        """Whose token it is (design: tokens, the key)."""
        settings = self.variant.tokens
        assert settings is not None  # noqa: S101 - asked only for types with tokens
        connection = self.connection
        scope = make_scope(connection.profile, inputs, connection.engine.clock())
        secrets: list[tuple[str, str]] = []
        plain: list[tuple[str, str]] = []
        for name in sorted(self.variant.key_inputs):
            value = inputs.get(name)
            (secrets if isinstance(value, Secret) else plain).append((name, _text(value)))
        unattended = () if settings.grant.attended else secrets
        return TokenKey(
            tenant=connection.tenant,
            connection=f"{connection.profile.name}/{self.variant.name}",
            subject=connection.subject,
            endpoint=settings.token_url.render(scope) if not _reads_kept(settings.token_url.reads) else settings.token_url.text,
            client_id=settings.client_id.render(scope) if settings.client_id else "",
            grant=settings.grant_type,
            scopes="\n".join(f"{key}={template.render(scope)}" for key, template in settings.scopes),
            audience="\n".join(template.render(scope) for template in (settings.audience, settings.resource) if template),
            inputs=tuple(plain),
            secret=hashlib.sha256("\0".join(f"{name}={value}" for name, value in unattended).encode()).hexdigest() if unattended else "",
        )

    def endpoint(self) -> TokenEndpoint:
        """What gets tokens for this credential."""
        engine, settings = self.connection.engine, self.variant.tokens
        assert settings is not None  # noqa: S101 - asked only for types with tokens
        scope = self._scope(None)
        client_id = settings.client_id.render(scope) if settings.client_id else ""
        return TokenEndpoint(
            settings,
            self._scope,
            engine.exchange,
            deadline=engine.settings.deadline,
            holds=engine.holds,
            hold_key=(self.lane(), client_id),
            origin=self.variant.origin,
            attempts=engine.attempts,
            clock=engine.clock,
        )

    def lane(self) -> str:
        """The origin of the token endpoint: calls to it share a lane of workers."""
        settings = self.variant.tokens
        assert settings is not None  # noqa: S101 - asked only for types with tokens
        return settings.token_url.text if _reads_kept(settings.token_url.reads) else str(Origin.of(settings.token_url.render(self._scope(None))))

    def _scope(self, old: Token | None) -> dict[str, Any]:
        return self.connection.scope(self.connection.inputs(), old)


def _text(value: Any) -> str:
    return str(value.reveal()) if isinstance(value, Secret) else "" if value is None else str(value)


def _reads_kept(reads: Any) -> bool:
    return any(read[0] == "kept" for read in reads)


