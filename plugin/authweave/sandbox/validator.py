"""What oauthlib's server side asks about the one client there is (`oauth` has the endpoints and grants)."""

# ruff: noqa: D102 - the methods are oauthlib's, which says what each is asked

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import unquote_plus

from oauthlib.oauth2 import InvalidClientError, InvalidRequestError, RequestValidator  # type: ignore[import-untyped]  # oauthlib ships no types

from authweave.sandbox.ledger import Issued, Ledger

_ON_THIS_MACHINE: Final = ("http://127.0.0.1:", "http://[::1]:")


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
    redirect_uris: tuple[str, ...] = ()
    needs_proof_key: bool = False
    consents_first: bool = False
    username: str = ""
    password: str = ""


@dataclass(slots=True)
class Promise:
    """An authorization or device code: what it was given for. `is_approved`: the person has agreed."""

    redirect_uri: str = ""
    challenge: str | None = None
    method: str | None = None
    scopes: tuple[str, ...] = ()
    until: float = 0.0
    is_approved: bool = True


class Validator(RequestValidator):  # type: ignore[misc]  # untyped base
    """What oauthlib asks about the one client there is."""

    def __init__(
        self, client: Client, ledger: Ledger, lifetime: float, clock: Callable[[], float], kept: Mapping[str, Any]
    ) -> None:
        self.client = client
        self._kept = kept
        self._ledger = ledger
        self._lifetime = lifetime
        self._clock = clock
        self.promises: dict[str, Promise] = {}
        self.has_consented = False

    def is_over(self, promise: Promise) -> bool:
        """Was a code not used in time?"""
        return self._clock() >= promise.until

    def validate_client_id(self, client_id: str, request: Any, *args: Any, **options: Any) -> bool:
        request.client = SimpleNamespace(client_id=self.client.client_id)
        return client_id in self._ids()

    def validate_redirect_uri(self, client_id: str, redirect_uri: str, request: Any, *args: Any, **options: Any) -> bool:
        """The registered one letter for letter; on this machine any port and path, as native apps need (RFC 8252 §7.3)."""
        return redirect_uri in self.client.redirect_uris or redirect_uri.startswith(_ON_THIS_MACHINE)

    def get_default_redirect_uri(self, client_id: str, request: Any, *args: Any, **options: Any) -> str | None:
        return next(iter(self.client.redirect_uris), None)

    def validate_response_type(self, client_id: str, response_type: str, client: Any, request: Any, *args: Any, **options: Any) -> bool:
        return response_type == "code"

    def is_pkce_required(self, client_id: str, request: Any) -> bool:
        return self.client.needs_proof_key

    def save_authorization_code(self, client_id: str, code: Mapping[str, str], request: Any, *args: Any, **options: Any) -> None:
        self.promises[code["code"]] = Promise(
            request.redirect_uri, request.code_challenge, request.code_challenge_method, tuple(request.scopes or ()), self._clock() + 60
        )

    def validate_code(self, client_id: str, code: str, client: Any, request: Any, *args: Any, **options: Any) -> bool:
        promise = self.promises.get(code)
        if promise is None or self.is_over(promise):
            return False
        request.user, request.scopes = "somebody", list(promise.scopes)
        return True

    def get_code_challenge(self, code: str, request: Any) -> str | None:
        return self.promises[code].challenge

    def get_code_challenge_method(self, code: str, request: Any) -> str | None:
        return self.promises[code].method

    def confirm_redirect_uri(self, client_id: str, code: str, redirect_uri: str, client: Any, request: Any, *args: Any, **options: Any) -> bool:
        return self.promises[code].redirect_uri == redirect_uri

    def invalidate_authorization_code(self, client_id: str, code: str, request: Any, *args: Any, **options: Any) -> None:
        self.promises.pop(code, None)

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

    def validate_user(self, username: str, password: str, client: Any, request: Any, *args: Any, **options: Any) -> bool:
        request.user = SimpleNamespace(username=username)
        return (username, password) == (self.client.username, self.client.password)

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
