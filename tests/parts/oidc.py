"""npm `oidc-provider` 9, a certified OpenID provider, as a fixture. The server itself: `oidc-provider/server.mjs`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from parts.catalogue import PARTS
from parts.certificates import Authority
from parts.identity import IdentityProvider
from parts.not_run import need
from parts.part import HERE
from parts.process import running

OPAQUE_RESOURCE = "https://api.parts.example/opaque"
JWT_RESOURCE = "https://api.parts.example/jwt"


@dataclass(frozen=True)
class OidcProvider(IdentityProvider):
    """oidc-provider with its other endpoints."""

    @property
    def jwt_api_url(self) -> str:
        """An API for JWT access tokens (ask for them with `resource=JWT_RESOURCE`)."""
        return self.origin + "/jwt-api"

    @property
    def introspection_url(self) -> str:
        return self.origin + "/token/introspection"

    @property
    def revocation_url(self) -> str:
        return self.origin + "/token/revocation"

    @property
    def authorization_url(self) -> str:
        return self.origin + "/auth"

    @property
    def device_authorization_url(self) -> str:
        return self.origin + "/device/auth"


@pytest.fixture(scope="session")
def oidc_provider(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[OidcProvider]:
    """oidc-provider over http, and over https (`over_https()`, `ca` is the file to trust).

    - Client authentication: Basic in the form-encoded form only (RFC 6749 §2.3.1: the raw form of a secret with `%` is
      `invalid_request`), or in the body; both at once is refused. Issuer is `origin`; metadata at its well-known URL.
    - `new_client(grant_types=…)`: `client_credentials` (no refresh token), `authorization_code` with `redirect_uris`
      (development login page: takes any name, can be driven by posting its forms), `refresh_token`, device code, and
      the vendor grant `account_credentials` (needs the parameter `account_id`; `unknown` is refused with
      invalid_grant; answers with access and refresh token). A refresh token is issued to clients whose grants have
      `refresh_token`. `rotate=False` keeps it; the default rotates, and a reused one kills the whole family; with
      `grace=seconds` it is forgiven for so long, and gives another one.
    - Scopes: openid, offline_access, api:read, api:write, asr, nlu, tts, dlg, mix-api. `new_client(scope=…)` narrows
      them: asking for another of these is then invalid_scope. Words it has never heard of are no error.
    - `resource=JWT_RESOURCE` in the token request gives JWT access tokens for `jwt_api_url`; without it, opaque ones.
    - `api_url` (opaque tokens) challenges as RFC 6750 §3: 401 without error if there was no token, 401 invalid_token,
      403 insufficient_scope with `scope`; it takes the token in header, form body or query, and says in `via` where
      from. Two tokens are 400 invalid_request. `jwt_api_url` is guarded by npm express-oauth2-jwt-bearer.
    """
    need(PARTS["oidc-provider"])
    issued = authority.issue()
    tls = {"certificate": str(issued.certificate), "key": str(issued.key)}
    server = HERE / "oidc-provider" / "server.mjs"
    with running(["node", server], tmp_path_factory.mktemp("oidc-provider"), config={"tls": tls}) as facts:
        yield OidcProvider(facts["http"], "/token", "/api", https=facts["https"], ca=authority.ca)
