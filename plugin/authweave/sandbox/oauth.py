"""The identity provider's judgement: OAuth 2 as oauthlib's server side has it, with this profile's client declared.

Everything arrives here in the form of RFC 6749 (see `identity`), so that the rules are oauthlib's and not our own:
parameters, client authentication, grants, scopes, rotation of refresh tokens, and the wording of errors.
"""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import unquote_plus, urlencode

from oauthlib.common import generate_token  # type: ignore[import-untyped]  # oauthlib ships no types
from oauthlib.oauth2 import (  # type: ignore[import-untyped]  # as above
    BearerToken,
    InvalidClientError,
    InvalidRequestError,
    RefreshTokenGrant,
    RequestValidator,
    RevocationEndpoint,
    TokenEndpoint,
    UnsupportedGrantTypeError,
)
from oauthlib.oauth2 import ClientCredentialsGrant as _ClientCredentialsGrant

from authweave.sandbox.hushed import hushed
from authweave.sandbox.ledger import Issued, Ledger

HERE: Final = "https://sandbox/token"


@dataclass(frozen=True, slots=True)
class Client:
    """A client as it is registered: how it must authenticate, which grant it may use, which scopes it may have."""

    client_id: str
    client_secret: str
    method: str
    basic_encoding: str
    grant_type: str
    scopes: frozenset[str]
    default_scopes: tuple[str, ...]


Answer = tuple[Mapping[str, str], str, int]
"""Headers, body and status."""


class Provider:
    """Grants and refreshes tokens for one client, with `gives_refresh_token` ones that refresh. Safe for threads."""

    def __init__(
        self, client: Client, ledger: Ledger, *, lifetime: float, clock: Callable[[], float], gives_refresh_token: bool,
        kept: Mapping[str, Any],
    ) -> None:  # fmt: skip
        self._validator = _Validator(client, ledger, lifetime, clock, kept)
        bearer = _Bearer(self._validator, lifetime, gives_refresh_token)
        self._refreshing = TokenEndpoint("refresh_token", bearer, {"refresh_token": RefreshTokenGrant(self._validator)})
        self._granting = (
            self._refreshing
            if client.grant_type == "refresh_token"
            else TokenEndpoint(client.grant_type, bearer, {client.grant_type: _Grant(self._validator)})
        )
        self._revoking = RevocationEndpoint(self._validator)
        self._one_at_a_time = threading.Lock()

    def grant(self, parameters: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """The answer to a token request."""
        return self._answer(self._granting, parameters, headers)

    def refresh(self, parameters: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """The answer to a refresh request (RFC 6749 §6). A refresh token is taken once."""
        return self._answer(self._refreshing, parameters, headers)

    def revoke(self, parameters: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """The answer to a request to end a token (RFC 7009 §2). One that nobody knows is none to complain about."""
        body = urlencode(list(parameters.items()))
        with self._one_at_a_time, hushed():
            answer: Answer = self._revoking.create_revocation_response(HERE, http_method="POST", body=body, headers=dict(headers))
        return answer

    def _answer(self, endpoint: Any, parameters: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        body = urlencode(list(parameters.items()))
        with self._one_at_a_time, hushed():
            answer: Answer = endpoint.create_token_response(HERE, http_method="POST", body=body, headers=dict(headers))
        return answer


class _Grant(_ClientCredentialsGrant):  # type: ignore[misc]  # untyped base
    """Client credentials, and any vendor's own grant that works alike under another word."""

    def validate_token_request(self, request: Any) -> None:
        wanted = self.request_validator.client.grant_type
        if not request.grant_type:
            raise InvalidRequestError(description="grant_type is missing")
        if request.grant_type != wanted:
            raise UnsupportedGrantTypeError(description=f"this endpoint grants {wanted}")
        if not self.request_validator.authenticate_client(request):
            raise InvalidClientError()
        self.validate_grant_type(request)
        self.validate_scopes(request)


class _Bearer(BearerToken):  # type: ignore[misc]  # untyped base
    """Tokens that come with a refresh token where the client is to refresh."""

    __slots__ = ("_gives_refresh_token",)

    def __init__(self, validator: Any, lifetime: float, gives_refresh_token: bool) -> None:
        whole = int(lifetime) if float(lifetime).is_integer() else lifetime
        super().__init__(
            validator, token_generator=lambda request, refresh_token=False: generate_token(40), expires_in=whole
        )
        self._gives_refresh_token = gives_refresh_token

    def create_token(self, request: Any, refresh_token: bool = False, **options: Any) -> Any:
        return super().create_token(request, refresh_token=refresh_token or self._gives_refresh_token, **options)


class _Validator(RequestValidator):  # type: ignore[misc]  # untyped base
    """What oauthlib asks about the one client there is."""

    def __init__(
        self, client: Client, ledger: Ledger, lifetime: float, clock: Callable[[], float], kept: Mapping[str, Any]
    ) -> None:
        self.client = client
        self._kept = kept
        self._ledger = ledger
        self._lifetime = lifetime
        self._clock = clock

    def client_authentication_required(self, request: Any, *args: Any, **options: Any) -> bool:
        return True

    def authenticate_client(self, request: Any, *args: Any, **options: Any) -> bool:
        """One way, the declared one: never two at once (RFC 6749 §2.3)."""
        header = basic_of(request.headers.get("Authorization", ""))
        if header is not None and request.client_secret:
            raise InvalidRequestError(
                description="the client authenticates twice, in the header and in the body: RFC 6749 2.3 allows one way"
            )
        if (header is not None) != (self.client.method == "client_secret_basic"):
            raise InvalidClientError(description=f"this client is registered for {self.client.method}")
        if header is None and (request.client_secret is not None) != (self.client.method == "client_secret_post"):
            raise InvalidClientError(description=f"this client is registered for {self.client.method}")
        if header is not None and request.client_id not in (None, *self._ids()):
            raise InvalidClientError(description="client_id differs from the one in the header")
        if not self._is_proven(request, header):
            raise InvalidClientError(description="the client id or secret is wrong")
        request.client_id = self.client.client_id
        request.client = SimpleNamespace(client_id=request.client_id)
        return True

    def validate_grant_type(
        self, client_id: str, grant_type: str, client: Any, request: Any, *args: Any, **options: Any
    ) -> bool:
        return grant_type in (self.client.grant_type, "refresh_token")

    def get_default_scopes(self, client_id: str, request: Any, *args: Any, **options: Any) -> list[str]:
        return list(self.client.default_scopes)

    def validate_scopes(
        self, client_id: str, scopes: list[str], client: Any, request: Any, *args: Any, **options: Any
    ) -> bool:
        return set(scopes or ()) <= self.client.scopes

    def validate_refresh_token(self, refresh_token: str, client: Any, request: Any, *args: Any, **options: Any) -> bool:
        return self._ledger.refreshable(refresh_token) is not None

    def get_original_scopes(self, refresh_token: str, request: Any, *args: Any, **options: Any) -> list[str]:
        known = self._ledger.refreshable(refresh_token)
        return known.scope.split() if known else []

    def revoke_token(self, token: str, token_type_hint: str, request: Any, *args: Any, **options: Any) -> None:
        self._ledger.end_for_good(token)

    def rotate_refresh_token(self, request: Any) -> bool:
        return True

    def save_bearer_token(self, token: Mapping[str, Any], request: Any, *args: Any, **options: Any) -> None:
        issued = Issued(
            access_token=token["access_token"],
            expires_at=self._clock() + self._lifetime,
            scope=token.get("scope", ""),
            refresh_token=token.get("refresh_token"),
            kept=self._kept,
        )
        self._ledger.add(issued, refreshed=request.refresh_token)

    def _ids(self) -> tuple[str, ...]:
        """The client id, and what it stands for where it is registered form-encoded."""
        return self.client.client_id, unquote_plus(self.client.client_id)

    def _is_proven(self, request: Any, header: tuple[str, str] | None) -> bool:
        if header is None:
            wanted = self.client.client_secret if self.client.method == "client_secret_post" else None
            return (request.client_id, request.client_secret) == (self.client.client_id, wanted)
        if self.client.basic_encoding == "raw":
            return header == (self.client.client_id, self.client.client_secret)
        client_id, client_secret = (unquote_plus(part) for part in header)
        return client_id in self._ids() and client_secret == self.client.client_secret


def basic_of(line: str) -> tuple[str, str] | None:
    """User and password of a Basic header, as they were sent (RFC 7617 §2); None for any other header."""
    scheme, _, encoded = line.strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password
