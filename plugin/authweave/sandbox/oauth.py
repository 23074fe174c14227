"""The identity provider's judgement: OAuth 2 as oauthlib's server side has it, with this profile's client declared.

Everything arrives here in the form of RFC 6749 (see `identity`), so that the rules are oauthlib's and not our own:
parameters, client authentication, grants, scopes, rotation of refresh tokens, and the wording of errors.
"""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit, urlunsplit

from oauthlib.common import Request as OAuthRequest  # type: ignore[import-untyped]  # oauthlib ships no types
from oauthlib.common import generate_token
from oauthlib.oauth2 import (  # type: ignore[import-untyped]  # as above
    AuthorizationCodeGrant,
    AuthorizationEndpoint,
    BearerToken,
    FatalClientError,
    InvalidClientError,
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Error,
    RefreshTokenGrant,
    RequestValidator,
    ResourceOwnerPasswordCredentialsGrant,
    RevocationEndpoint,
    TokenEndpoint,
    UnsupportedGrantTypeError,
)
from oauthlib.oauth2 import ClientCredentialsGrant as _ClientCredentialsGrant
from oauthlib.oauth2.rfc6749.errors import CustomOAuth2Error  # type: ignore[import-untyped]  # as above

from authweave.sandbox.hushed import hushed
from authweave.sandbox.ledger import Issued, Ledger

HERE: Final = "https://sandbox/token"
AUTHORIZE: Final = "https://sandbox/authorize"
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


Answer = tuple[Mapping[str, str], str, int]
"""Headers, body and status."""


@dataclass(slots=True)
class Promise:
    """An authorization or device code: what it was given for. `is_approved`: the person has agreed."""

    redirect_uri: str = ""
    challenge: str | None = None
    method: str | None = None
    scopes: tuple[str, ...] = ()
    until: float = 0.0
    is_approved: bool = True


class Provider:
    """Grants and refreshes tokens for one client, with `gives_refresh_token` ones that refresh. Safe for threads."""

    def __init__(
        self, client: Client, ledger: Ledger, *, lifetime: float, clock: Callable[[], float], gives_refresh_token: bool,
        kept: Mapping[str, Any],
    ) -> None:  # fmt: skip
        self.client = client
        self._clock = clock
        self._validator = _Validator(client, ledger, lifetime, clock, kept)
        bearer = _Bearer(self._validator, lifetime, gives_refresh_token)
        self._refreshing = TokenEndpoint("refresh_token", bearer, {"refresh_token": RefreshTokenGrant(self._validator)})
        self._granting = (
            self._refreshing
            if client.grant_type == "refresh_token"
            else TokenEndpoint(client.grant_type, bearer, {client.grant_type: _GRANTS.get(client.grant_type, _ConsentedGrant if client.consents_first else _Grant)(self._validator)})
        )
        codes = AuthorizationCodeGrant(self._validator)
        self._authorizing = AuthorizationEndpoint("code", bearer, {"code": codes})
        self._revoking = RevocationEndpoint(self._validator)
        self._one_at_a_time = threading.Lock()

    def authorize(self, parameters: Iterable[tuple[str, str]], *, grants_code: bool) -> tuple[int, str, str]:
        """Where the browser goes on to, or a status and why nowhere. Without a code to grant it is the consent that counts."""
        uri = f"{AUTHORIZE}?{urlencode(list(parameters))}"
        with self._one_at_a_time, hushed():
            try:
                scopes, words = self._authorizing.validate_authorization_request(uri)
                words.pop("request", None)
                headers, _, status = self._authorizing.create_authorization_response(uri, scopes=scopes, credentials=words)
            except FatalClientError as error:
                return 400, "", f"{error.error}: {error.description}"
            except OAuth2Error as error:
                return 302, error.in_uri(error.redirect_uri), ""
        self._validator.has_consented = True
        return status, str(headers["Location"]) if grants_code else _without_code(headers["Location"]), ""

    def device(self, parameters: Iterable[tuple[str, str]], headers: Mapping[str, str]) -> str | Answer:
        """A new device code, or the refusal of the client (RFC 8628 §3.1)."""
        request = OAuthRequest("https://sandbox/device", "POST", urlencode(list(parameters)), dict(headers))
        with self._one_at_a_time, hushed():
            try:
                if not self._validator.authenticate_client(request):
                    raise InvalidClientError()
                scopes = (request.scope or "").split() or list(self.client.default_scopes)
                if not self._validator.validate_scopes(self.client.client_id, scopes, None, request):
                    raise InvalidScopeError()
            except OAuth2Error as error:
                return {}, error.json, error.status_code
            code = str(generate_token(40))
            self._validator.promises[code] = Promise(scopes=tuple(scopes), until=self._clock() + 600, is_approved=False)
        return code

    def approve(self, device_code: str) -> None:
        """The person has typed the code and agreed."""
        with self._one_at_a_time:
            self._validator.promises[device_code].is_approved = True

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


class _ConsentedGrant(_Grant):
    """Another grant, once a person has consented."""

    def validate_token_request(self, request: Any) -> None:
        super().validate_token_request(request)
        if not self.request_validator.has_consented:
            raise InvalidGrantError(description="nobody has consented yet")


class _DeviceGrant(_Grant):
    """The device grant: RFC 8628 §3.4 and §3.5."""

    def validate_token_request(self, request: Any) -> None:
        request.scope = None
        super().validate_token_request(request)
        promise = self.request_validator.promises.get(request.device_code)
        if promise is None:
            raise InvalidGrantError(description="the device code is not known")
        if self.request_validator.is_over(promise):
            raise CustomOAuth2Error(error="expired_token", status_code=400)
        if not promise.is_approved:
            raise CustomOAuth2Error(error="authorization_pending", status_code=400)
        del self.request_validator.promises[request.device_code]
        request.scopes = list(promise.scopes)


_GRANTS: Final[Mapping[str, Any]] = {
    "authorization_code": AuthorizationCodeGrant, "urn:ietf:params:oauth:grant-type:device_code": _DeviceGrant,
    "password": ResourceOwnerPasswordCredentialsGrant,
}  # fmt: skip


def _without_code(location: str) -> str:
    """The redirect of a consent that needs no code."""
    parts = urlsplit(location)
    return urlunsplit(parts._replace(query=urlencode([pair for pair in parse_qsl(parts.query) if pair[0] != "code"])))


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
