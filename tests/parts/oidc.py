"""npm `oidc-provider` 9, a certified OpenID provider, as a fixture. The server itself: `oidc-provider/server.mjs`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest

from parts.catalogue import PARTS
from parts.certificates import Authority
from parts.identity import OPENER, IdentityProvider
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
    def registration_url(self) -> str:
        """RFC 7591, open to everybody."""
        return self.origin + "/reg"

    @property
    def self_signed_api_url(self) -> str:
        """`/me` takes a client's own JWT as bearer token: its `iss` (see `new_client(issuer=…)`), `exp` within an hour, key of its `jwks`."""
        return self.origin + "/self-signed/api"

    @property
    def self_signed_token_url(self) -> str:
        """JWT bearer grant without client authentication, as Google's and Salesforce's: such a JWT for this URL or `origin`."""
        return self.origin + "/self-signed/token"

    def installation_url(self, number: str = "7") -> str:
        """As GitHub's for apps: such a JWT in `Authorization: Bearer`; answers 201 with `token` and `expires_at` (RFC 3339)."""
        return f"{self.origin}/self-signed/app/installations/{number}/access_tokens"

    def saml_assertion(self, subject: str = "robot", *, audience: str | None = None, seconds: int = 300) -> str:
        """A signed SAML 2.0 assertion, base64url, as the grant saml2-bearer takes it; `audience` is the issuer (`origin`)."""
        asked = urlencode({"subject": subject, "audience": audience or self.origin, "seconds": seconds})
        with OPENER.open(f"{self.http}/saml/assertion?{asked}", timeout=10) as answer:
            return str(answer.read().decode())

    @property
    def device_authorization_url(self) -> str:
        return self.origin + "/device/auth"


@pytest.fixture(scope="session")
def oidc_provider(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[OidcProvider]:
    """oidc-provider over http, and over https (`over_https()`, `ca` is the file to trust).

    - Client authentication: Basic in the form-encoded form only (RFC 6749 §2.3.1: the raw form of a secret with `%` is
      `invalid_request`), or in the body; both at once is refused. Issuer is `origin`; metadata at its well-known URL.
      `client_auth="client_secret_jwt"`; `"private_key_jwt"` with `jwks={"keys": [public JWK, …]}` (audience: `origin`
      or `token_url`; a `jti` is good once); over https `"tls_client_auth"` with `tls_client_auth_san_dns` or
      `tls_client_auth_subject_dn` (a certificate of `authority.issue(…, client=True)`), `"self_signed_tls_client_auth"`
      with `jwks` that hold `x5c`; `"none"`.
    - Any metadata of RFC 7591 may be given to `new_client`; clients also register by themselves at `registration_url`.
    - `new_client(grant_types=…)`: `client_credentials` (no refresh token), `authorization_code` with `redirect_uris`
      (for http on loopback; S256 only, `pkce=True` requires it, as for public clients; answers carry `iss`),
      `refresh_token`, `urn:ietf:params:oauth:grant-type:device_code`. People: `browsing.sign_in`, `browsing.confirm_device`.
      With `offline=True` a refresh token needs the scope offline_access, which needs `prompt=consent` in the request.
    - `urn:ietf:params:oauth:grant-type:` + `jwt-bearer` (a JWT of the client: `iss` its client_id, key of its `jwks`),
      `saml2-bearer` (`saml_assertion()`), `token-exchange` (`subject_token` an access token of this server, with its
      `subject_token_type`), each with client authentication. `issuer=…` is the name under which a client signs its JWTs.
    - DPoP (RFC 9449): whoever shows a proof gets a bound token; `dpop_bound_access_tokens=True` insists, and
      `dpop_nonce=True` on a nonce too, at the token endpoint and at `api_url`, which refuses a bound token as Bearer.
      `tls_client_certificate_bound_access_tokens=True` (https): the API wants the certificate of the token request.
    - The vendor grant `account_credentials` (needs the parameter `account_id`; `unknown` is refused with
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
    tls = {"certificate": str(issued.certificate), "key": str(issued.key), "ca": str(authority.ca)}
    signs = authority.issue("idp.parts.example", is_rsa=True)
    saml = {"certificate": str(signs.certificate), "key": str(signs.key)}
    config = {"tls": tls, "saml": saml}
    server = HERE / "oidc-provider" / "server.mjs"
    with running(["node", server], tmp_path_factory.mktemp("oidc-provider"), config=config) as facts:
        yield OidcProvider(facts["http"], "/token", "/api", https=facts["https"], ca=authority.ca)
