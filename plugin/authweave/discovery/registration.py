"""Registering as a client where nobody supplies one: RFC 7591. One registration for all workers, kept sealed in the store.

It is kept as a token of the grant `registration`: its access token is the client_id, and it ends when its secret does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from authweave.answers.responses import NotJson, parse_answer
from authweave.drafts.draft import Draft, Placed
from authweave.egress.errand import calling_for
from authweave.errors import RegistrationError, StoreUnavailable
from authweave.tokens.renewal import Renewal
from authweave.tokens.way import is_same
from authweave.values import NEVER, Secret, TaskResponse, Token, TokenKey

if TYPE_CHECKING:
    from collections.abc import Hashable

    from authweave.discovery.finding import Exchange
    from authweave.tokens.flights import Flights
    from authweave.tokens.guard import Tell
    from authweave.tokens.ledger import Ledger

GRANT: Final = "registration"
"""What stands in the key of a registration where that of a token has its grant."""
MARK: Final = "(registered for)"
"""Under which name a token keeps the redirect URI of the client that it was given to: no name that a profile could use."""
_LONGEST: Final = 4096
_LONGEST_LIFETIME: Final = 1e10
"""Seconds (317 years). A point in time beyond it is none."""
_SIGNS_IN: Final = ("authorization_code",)


@dataclass(frozen=True, slots=True)
class Client:
    """What a server gave: the inputs that it stands for."""

    token: Token

    @property
    def inputs(self) -> dict[str, Any]:
        """`client_id` and, if there is one, `client_secret`."""
        secret = self.token.kept.get("client_secret")
        return {"client_id": self.token.access_token.reveal(), "client_secret": secret if secret is not None else None}


def registration_key(*, tenant: str, connection: str, server: str, redirect_uri: str) -> TokenKey:
    """Under which key a registration is kept: a client of its own for each tenant, server and redirect URI."""
    return TokenKey(tenant=tenant, connection=connection, subject="", endpoint=server, client_id="", grant=GRANT, scopes="", audience=redirect_uri, inputs=())


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: the metadata that the profile writes, and what follows from the rest of it."""

    written: Mapping[str, Any]
    grant_type: str
    client_auth: str
    redirect_uri: str = ""
    scope: str = ""
    origin: str = "auth"

    def metadata(self) -> dict[str, tuple[Any, str]]:
        """Each member with the key of the profile that it comes from; what is written stands, null leaves a member out."""
        signs_in = self.grant_type in _SIGNS_IN
        own: dict[str, tuple[Any, str]] = {
            "redirect_uris": ([self.redirect_uri] if self.redirect_uri else None, "redirect_uri"),
            "grant_types": ([self.grant_type, "refresh_token"] if signs_in else [self.grant_type], "grant_type"),
            "response_types": (["code"] if signs_in else [], "grant_type"),
            "token_endpoint_auth_method": (self.client_auth, "client_auth"),
            "scope": (self.scope or None, "scopes"),
        }
        said = {name: (value, "registration") for name, value in self.written.items() if not name.startswith("x-")}
        return {name: (value, f"{self.origin}.{key}") for name, (value, key) in {**own, **said}.items() if value is not None}

    def draft(self, url: str) -> Draft:
        """The request of RFC 7591 §3.1. Raises PlacementError."""
        draft = Draft.new("POST", url, "json", None)
        draft.placed.append(Placed("url", "", f"{self.origin}.registration", secret=False))
        draft.put("header", "Accept", "application/json", origin="standard")
        for name, (value, origin) in self.metadata().items():
            draft.put("payload", name, value, origin=origin)
        return draft


@dataclass(frozen=True, slots=True)
class Registering:
    """A way to a registration (`tokens.way.Way`). A client that people have consented to is nothing to be had anew at will."""

    exchange: Exchange
    draft: Callable[[], Draft]
    client_auth: str
    clock: Callable[[], float]
    attended: bool = True
    credentials: str = ""
    brought: Secret | None = None

    def refuse_early(self, end: float) -> None:
        """Nothing is known that would speak against asking."""

    def get(self, old: Token | None, end: float) -> Token:
        """Register. Raises RegistrationError, WireError, TemplateError, PlacementError."""
        draft = self.draft()
        request = draft.finish()
        with calling_for("registration"):
            response = self.exchange(request, end - time.monotonic(), tuple(draft.placed))
        failure: RegistrationError
        try:
            return read_registration(response, request.url.partition("?")[0], self.client_auth, self.clock())
        except RegistrationError as error:
            failure = error.fresh()
        failure.is_of_answer = True  # of this call: it is noted for everybody
        raise failure

    def spends(self, old: Token | None) -> Secret | None:
        """Nothing: each registration is another client."""
        return None

    def needs_person(self, old: Token | None) -> bool:
        """Nobody has to consent to a registration."""
        return False

    def fits(self, token: Token) -> bool:
        """Has it what a registration has?"""
        return "client_secret" in token.kept

    def revoke(self, token: Token, end: float) -> bool:
        """Registrations are forgotten, not ended."""
        return False


class Registrar:
    """Registers clients, once for all workers of a store. Blocking; safe for threads."""

    def __init__(self, ledger: Ledger, flights: Flights, *, lease_seconds: float, deadline: float, clock: Callable[[], float]) -> None:
        self._ledger = ledger
        self._flights = flights
        self._lease_seconds = lease_seconds
        self._deadline = deadline
        self.clock = clock

    def client(self, key: TokenKey, way: Registering, end: float, *, lane: Hashable, tell: Tell) -> Client:
        """The registered client, registered now if there is none or its secret has expired.

        Always as it stands in the store: a worker that remembers an older one would present a stranger's refresh token.
        Raises RegistrationError, WireError, StoreUnavailable.
        """

        def told(kind: str, **fields: Any) -> None:
            if kind != "reused":
                tell("registered" if kind == "acquired" else kind, **fields)

        renewal = Renewal(
            key, self._ledger, lambda: way, self._flights, lane=lane, lease_seconds=self._lease_seconds, deadline=self._deadline, clock=self.clock, tell=told
        )
        token = renewal.run(None, None, end)
        assert token is not None  # noqa: S101 - only one who does not wait gets none
        return Client(token)

    def known(self, key: TokenKey) -> Client | None:
        """The registered client, if there is one whose secret has not expired; nobody is asked. Raises StoreUnavailable."""
        token = self._ledger.read(key).token
        return Client(token) if token is not None and self.clock() < token.expires_at else None

    def forget(self, key: TokenKey, refused: Client) -> None:
        """Forget a client that its server does not know any more, unless somebody has registered another since."""
        with suppress(StoreUnavailable):
            record = self._ledger.read(key)
            if record.token is not None and is_same(record.token, refused.token):
                self._ledger.forget(key, record.version)


def read_registration(response: TaskResponse, url: str, client_auth: str, now: float) -> Token:
    """The client in an answer (RFC 7591 §3.2.1). Raises RegistrationError."""
    said: Any = None
    with suppress(NotJson):
        said = parse_answer(response.body or b"")
    if response.status not in (200, 201):
        error, description = (_word(said, name) for name in ("error", "error_description"))
        raise RegistrationError(f"the server does not register this client ({response.status})", status=response.status, url=url, error=error, error_description=description)
    client_id, secret = _word(said, "client_id"), _word(said, "client_secret")
    wrong = ""
    if not client_id:
        wrong = "the answer to the registration has no client_id"
    elif (method := _word(said, "token_endpoint_auth_method")) and method != client_auth:
        wrong = f"the client is registered for {method}, and not for {client_auth}: write client_auth: {method}"
    elif secret is None and client_auth.startswith("client_secret_"):
        wrong = f"client_auth is {client_auth}, and the answer to the registration has no client_secret: write client_auth: none"
    if wrong or not client_id:
        raise RegistrationError(wrong, status=response.status, url=url)
    ends = _end(said, now) if secret is not None else NEVER
    access, uri = _word(said, "registration_access_token"), _word(said, "registration_client_uri")
    kept = {
        "client_secret": Secret(secret, "registration") if secret is not None else None,
        "registration_access_token": Secret(access, "registration") if access else None,
        "registration_client_uri": uri,
    }
    return Token(Secret(client_id, "registration"), expires_at=ends, renew_at=ends, issued_at=now, kept=kept)


def _word(said: Any, name: str) -> str | None:
    """A text member of an answer, of a length that is one, and of characters that can be sent, kept and shown."""
    value = said.get(name) if isinstance(said, dict) else None
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST and value.isprintable() else None


def _end(said: Mapping[str, Any], now: float) -> float:
    """When the secret ends: 0 is never. One that ended before it began is said in other units, or by a clock of its own."""
    moment = said.get("client_secret_expires_at")
    is_said = isinstance(moment, int | float) and not isinstance(moment, bool) and moment > now
    return min(float(moment), now + _LONGEST_LIFETIME) if is_said and moment is not None else NEVER
