"""One variant of a connection: its inputs once resolved, whose token it is, and how one is got for it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from authweave.assertions.held import Held
from authweave.connections.token_keys import client_of, mark_of_secrets, place_of, token_key
from authweave.contracts import Signing
from authweave.discovery.completer import Completer
from authweave.discovery.registration import GRANT as REGISTRATION
from authweave.errors import (
    AuthorizationRequired,
    AuthweaveError,
    KeyRefused,
    MissingInput,
    SignInNeeded,
    UrlRefused,
)
from authweave.foreign import asked
from authweave.profile import Variant
from authweave.sign_in import Desk, Whose
from authweave.token_calls.endpoint import TokenEndpoint
from authweave.token_calls.exchange import Exchange
from authweave.token_calls.sealed import sealed_exchange
from authweave.tokens.flights import Lane, is_leaving
from authweave.tokens.pauses import Client
from authweave.tokens.tokens import Tokens
from authweave.tokens.troubles import is_client_refused, is_grant_refused
from authweave.values import (
    Consent,
    Secret,
    Token,
    TokenKey,
)

if TYPE_CHECKING:
    from authweave.connections.connection import Connection
    from authweave.inputs import Resolved


@dataclass(frozen=True, slots=True)
class Resolution:
    """What is known of a variant once its inputs are at hand: its tokens, and the marks of the secrets they were got with.

    One value, put in place at once: whoever asks while another thread finds new secrets sees the old ones or the new, never half of each.
    """

    inputs: Resolved
    tokens: Tokens | None = None
    secrets: tuple[bytes, ...] = ()


class Credential:
    """One variant of a connection: its inputs once resolved, and its tokens if its type has any."""

    __slots__ = ("_resolution", "connection", "held", "seal", "variant")

    def __init__(self, connection: Connection, variant: Variant) -> None:
        self.connection = connection
        self.variant = variant
        self.seal = asked(variant.seal, variant.seal) if variant.seal else None
        self.held = Held(variant.own["assertion"]) if "assertion" in variant.own else None
        self._resolution: Resolution | None = None

    @property
    def tokens(self) -> Tokens | None:
        """The tokens, once the inputs are resolved; None for a type without tokens."""
        return self._resolution.tokens if self._resolution else None

    @property
    def is_resolved(self) -> bool:
        """Are the inputs of today at hand, and the token's key made from them?"""
        return self._resolution is not None and self._resolution.inputs is self.connection.inputs()

    @property
    def inputs(self) -> Resolved:
        """The inputs as last resolved, however old; asks nobody."""
        return self._resolution.inputs if self._resolution else self.connection.inputs()

    def resolving(self) -> Future[None]:
        """A flight that asks the sources, checks that nothing required is missing, and finds the token's key."""
        return self.connection.engine.flights.run((self, "resolve"), self.connection.lane, self._resolve)

    def _resolve(self) -> None:
        connection = self.connection
        inputs = connection.inputs()
        inputs.require(self.variant.needs)
        connection.ask_all(inputs)
        connection.outgoing.refuse_bad_certificate()
        settings = self.variant.tokens
        if settings is None or (settings.when is not None and not settings.when.is_true(connection.scope(inputs, None))):
            self._resolution = Resolution(inputs)
            return
        values = [inputs.get(name) for name in sorted(self.variant.key_inputs)]
        secrets = tuple(value.mark for value in values if isinstance(value, Secret))
        self._resolution = Resolution(inputs, connection.engine.tokens_for(self.token_key(inputs), self), secrets)

    def token(self, refused: Token | None = None) -> Generator[Future[Any], Any, Token | None]:
        """The token in force, got now if need be; None for a type without tokens. Yields what there is to wait for.

        Where a person has to sign in first it raises AuthorizationRequired, with the link of the one sign-in under way.
        """
        try:
            return (yield from self._token(refused))
        except SignInNeeded as error:
            needed = error.fresh()
        settings = self.variant.tokens
        if settings is None or not settings.signs_in:
            raise needed
        raise (yield from self._authorization_required(needed))

    def _authorization_required(self, needed: SignInNeeded) -> Generator[Future[Any], Any, AuthorizationRequired]:
        connection, authorization, hint = self.connection, None, ""
        profile = connection.profile
        if connection.engine.is_apart:
            hint = "sign in first: {command}"
        else:
            try:
                authorization = yield self.at_desk(("join",), lambda desk: desk.join())
            except (UrlRefused, MissingInput) as error:
                if "redirect_uri" not in str(error):
                    raise
                hint = "nobody says where the browser comes back to: begin_authorization(redirect_uri=…), or at a terminal: {command}"
        return AuthorizationRequired(
            needed.reason, profile=profile.name, identity_provider=profile.identity_provider, tenant=connection.tenant,
            subject=connection.subject, authorization=authorization, hint=hint,
        )  # fmt: skip

    def at_desk(self, what: tuple[Any, ...], work: Callable[[Desk], Any]) -> Future[Any]:
        """A flight at the desk where people sign in for this token key."""
        assert self.tokens is not None  # noqa: S101 - resolved, and of a type with tokens
        digest = self.tokens.digest
        lane = self.lane()
        if what == ("await",):  # a person may take minutes: nobody else waits for that
            lane = Lane(f"{lane.owner}\0sign-in", digest)
        return self.connection.engine.flights.run((digest, "sign-in", *what), lane, lambda: work(self._desk()))

    def _desk(self) -> Desk:
        connection, tokens, settings = self.connection, self.tokens, self.variant.tokens
        assert tokens is not None  # noqa: S101 - as above
        assert settings is not None  # noqa: S101 - as above
        engine = connection.engine
        return Desk(Whose(
            tokens.key, connection.profile, self.variant, settings, tuple(server.url for server in connection.given_servers),
            lambda: self._scope(None), self.endpoint, tokens, engine.consents, self.connection.outgoing.exchange, engine.clock, engine.flights.rest,
            lambda: engine.consents.is_ending or is_leaving(), engine.settings.deadline,
            lambda scope, end, wanted, redirect_uri: self.completer().completed(scope, end, wanted, redirect_uri=redirect_uri),
            connection.outgoing.refuse_link,
        ))  # fmt: skip

    def _token(self, refused: Token | None) -> Generator[Future[Any], Any, Token | None]:
        """The token in force, or SignInNeeded.

        A client that the token endpoint refuses gets its secrets asked for again, and one more try if they changed.
        """
        used = self._resolution
        if used is None or used.tokens is None:
            if self.held is not None and not self.held.is_fresh(self.inputs, self.connection.engine.clock()):
                yield self.signing(self.held)
            return None
        failure: AuthweaveError
        try:
            return used.tokens.fresh(refused) or (yield used.tokens.renewed(refused))
        except AuthweaveError as error:
            if not self._may_be_of_inputs(error):
                raise
            failure = error.fresh()
        self.connection.forget_inputs(used.inputs)
        for _ in range(2):  # a flight that began earlier may still bring what was just forgotten
            if not self.is_resolved:
                yield self.resolving()
        now = self._resolution
        if now is None or now.tokens is None or now.secrets == used.secrets:
            raise failure
        return now.tokens.fresh(refused) or (yield now.tokens.renewed(refused))

    def _may_be_of_inputs(self, error: AuthweaveError) -> bool:
        """May another secret mend it: was the client refused, its assertion, or the key that signs?"""
        settings = self.variant.tokens
        is_asserted = settings is not None and settings.assertion is not None and not settings.attended
        return is_client_refused(error) or isinstance(error, KeyRefused) or (is_asserted and is_grant_refused(error))

    def signing(self, held: Held) -> Future[str]:
        """A flight that signs the assertion which is the credential: once, however many requests wait."""
        return self.connection.engine.flights.run((self, "sign"), self.connection.lane, lambda: self._signed(held))

    def _signed(self, held: Held) -> str:
        inputs = self.inputs
        try:
            return held.text(self.connection.scope(inputs, None))
        except KeyRefused:
            self.connection.forget_inputs(inputs)  # whoever mends the key need not start anew
            raise

    def token_key(self, inputs: Resolved) -> TokenKey:
        """Whose token it is (design: tokens, the key)."""
        return token_key(self.connection, self.variant, inputs)

    def endpoint(self, consent: Consent | None = None) -> TokenEndpoint:
        """What gets tokens for this credential; with the consent of a sign-in, in one attempt."""
        engine, settings = self.connection.engine, self.variant.tokens
        assert settings is not None  # noqa: S101 - asked only for types with tokens
        return TokenEndpoint(
            settings,
            self._scope if consent is None else partial(self._scope_with, consent),
            self._exchange(consent),
            deadline=engine.settings.deadline,
            pauses=engine.pauses,
            client=self.client(),
            credentials=mark_of_secrets(self.connection, self.variant, self.connection.inputs()),
            origin=self.variant.origin,
            attempts=engine.attempts if consent is None else 1,
            clock=engine.clock,
            sleep=engine.flights.rest,
            nonces=engine.dpop_nonces,
            completer=self.completer(),
        )

    def _exchange(self, consent: Consent | None) -> Exchange:
        """How token calls are sent: signed, where the type's seal signs them, too. Raises MissingInput."""
        self._refuse_unproven()
        if self.seal is None or not self.signs_token_calls:
            return self.connection.outgoing.exchange
        return sealed_exchange(self.connection.outgoing.exchange, self.seal, lambda: self.token_signing(consent))

    def _refuse_unproven(self) -> None:
        """Where the client's certificate is its only proof, no token call goes without one."""
        method = self.variant.tokens.client_auth if self.variant.tokens is not None else None
        if getattr(method, "is_certificate", False) and self.connection.outgoing.is_without_certificate:
            raise MissingInput("certificate", f"tls.certificate is empty, and client_auth {getattr(method, 'name', '')} proves the client by it alone; supply it")

    @property
    def signs_token_calls(self) -> bool:
        """Does the seal sign token calls, too?"""
        return self.seal is not None and getattr(self.variant.scheme, "signs_token_call", None) is not None

    def token_signing(self, consent: Consent | None = None) -> Signing:
        """What the seal of a token call is made from."""
        different: Mapping[str, Any] = self.variant.scheme.signs_token_call  # type: ignore[attr-defined]  # asked where it is there
        scope = self._scope(None) if consent is None else self._scope_with(consent, None)
        return Signing({**self.variant.own, **different}, scope, None, self.connection.engine.clock(), self.variant.origin)

    def completer(self) -> Completer:
        """What finds the endpoints that the profile does not write, and registers the client. Blocking: for workers."""
        engine, settings, connection = self.connection.engine, self.variant.tokens, self.connection
        assert settings is not None  # noqa: S101 - asked only for types with tokens

        def told(kind: str, **fields: Any) -> None:
            engine.events.tell(kind, profile=connection.profile.name, tenant=connection.tenant, grant=REGISTRATION, **fields)

        return Completer(
            settings, engine.finder, engine.registrar, connection.outgoing.exchange, tenant=connection.tenant,
            connection=f"{connection.profile.name}/{self.variant.name}", origin=self.variant.origin, tell=told,
            trust=connection.outgoing.trust,
        )  # fmt: skip

    def lane(self) -> Lane:
        """A tenant's calls to one token endpoint share a lane of workers: what else they call, and how long that takes, is theirs alone."""
        return Lane(self.connection.tenant, self.place())

    def place(self) -> str:
        """The origin of the token endpoint."""
        return place_of(self.variant, lambda: self._scope(None))

    def client(self) -> Client:
        """Whom a pause of the token endpoint concerns."""
        return client_of(self.variant, self._scope(None), self.connection.tenant)

    def _scope_with(self, consent: Consent, old: Token | None) -> dict[str, Any]:
        scope = self._scope(old)
        scope.update(consent=consent, callback=consent.callback, kept={**scope["kept"], **consent.kept})
        return scope

    def _scope(self, old: Token | None) -> dict[str, Any]:
        return self.connection.scope(self.connection.inputs(), old)
