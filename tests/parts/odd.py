"""Providers with the odd ways that real ones have, as a fixture. The server itself: `odd-provider/server.mjs`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from parts.catalogue import PARTS
from parts.identity import IdentityProvider
from parts.not_run import need
from parts.part import HERE
from parts.process import running


@dataclass(frozen=True)
class OddProvider(IdentityProvider):
    """One origin; the ways are named in the path, several with commas: `at("json,answer-nested")`."""

    def at(self, ways: str) -> str:
        """`/token`, `/authorize` (everybody agrees), `/api/me` and `/nonce` (POST) stand below it."""
        return f"{self.origin}/{ways}"

    def company(self, client_id: str) -> str:
        """The API of the way `company`, which says `realmId` in the redirect."""
        return self.at("company-" + "".join(letter for letter in client_id if letter.isalnum() or letter == "_"))


@pytest.fixture(scope="session")
def odd_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OddProvider]:
    """Odd ways around @node-oauth/oauth2-server, which decides. Each way takes its own form only, and refuses the standard one.

    Token requests: json; nested (JSON below `auth`); query (POST); get; xml (`<login>` with the parameters); renamed
    (`client_key`, `client_code`, `auth_code`); gateway (header X-Gateway-Key: gateway-7); audience (parameter: crm);
    secret-as-user (Basic, the password empty: give each client
    a secret of its own); nonce (from POST `/nonce`, once); signed (X-Signature `sha256=…` over the body with the client
    secret, which is not sent); no-refresh, only-refresh; renew (`mode=renew`, `renew_token`); consented (`tenant`, after
    the consent step for it); no-rotation (a refresh answer without refresh token).
    Grants: client_credentials, password, refresh_token, authorization_code, and `exchange` (a living `access_token` for
    another one; with `resource=files` for the API of the way `files`).
    Answers: answer-nested (`data.token`, `.seconds`, `.renew`), -header (X-Auth-Token, 201; the API wants it there too),
    -cookie (`session`; the API too), -whole, -form, -xml (`result/session/token`); expires-ms, expires-at, no-expiry, access-only;
    instance (`instance_url`, where the API is for this token); two-tokens (`subscription_key`, wanted as
    X-Subscription-Key); code-0 (always 200, `code` not 0 is an error).
    Consent: renamed (`appid`, `callback`; answers `auth_code`); offline (`access_type=offline`); strict (no PKCE); comma
    (between scopes); company (`realmId` in the redirect); consented (`tenant_hint`; no code). PKCE may be plain.
    tenant-acme, in token requests and at the API: only clients made with `tenant="acme"` are known (and named in the body).
    API: expired-403, expired-200 (JSON with `code: 419`), … instead of 401.
    """
    need(PARTS["odd-provider"])
    server = HERE / "odd-provider" / "server.mjs"
    with running(["node", server], tmp_path_factory.mktemp("odd-provider"), config={}) as facts:
        yield OddProvider(facts["http"], "/standard/token", "/standard/api")
