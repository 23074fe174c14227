"""The identity provider's judgement: OAuth 2 as oauthlib's server side has it, with this profile's client declared.

Everything arrives here in the form of RFC 6749 (see `identity`), so that the rules are oauthlib's and not our own:
parameters, client authentication, grants, scopes, rotation of refresh tokens, and the wording of errors.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

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
    ResourceOwnerPasswordCredentialsGrant,
    RevocationEndpoint,
    TokenEndpoint,
    UnsupportedGrantTypeError,
)
from oauthlib.oauth2 import ClientCredentialsGrant as _ClientCredentialsGrant
from oauthlib.oauth2.rfc6749.errors import CustomOAuth2Error  # type: ignore[import-untyped]  # as above

from authweave.sandbox.hushed import hushed
from authweave.sandbox.ledger import Ledger
from authweave.sandbox.validator import Client, Promise, Validator

HERE: Final = "https://sandbox/token"
AUTHORIZE: Final = "https://sandbox/authorize"
Answer = tuple[Mapping[str, str], str, int]
"""Headers, body and status."""


class Provider:
    """Grants and refreshes tokens for one client, with `gives_refresh_token` ones that refresh. Safe for threads."""

    def __init__(
        self, client: Client, ledger: Ledger, *, lifetime: float, clock: Callable[[], float], gives_refresh_token: bool,
        kept: Mapping[str, Any],
    ) -> None:  # fmt: skip
        self.client = client
        self._clock = clock
        self._validator = Validator(client, ledger, lifetime, clock, kept)
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
