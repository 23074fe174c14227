"""npm `@node-oauth/oauth2-server` as a fixture: an identity provider that takes Basic raw."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from parts.catalogue import PARTS
from parts.identity import IdentityProvider
from parts.not_run import need
from parts.part import HERE
from parts.process import running


@pytest.fixture(scope="session")
def raw_basic_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityProvider]:
    """@node-oauth/oauth2-server under Express.

    - Client authentication: Basic with id and secret as they are (`basic_encoding: raw`; a form-encoded secret with
      special characters is invalid_client, and an id with a colon cannot be said in Basic), or both in the body.
    - Grants: `client_credentials`, `password` (user `identity.USERNAME`, `identity.PASSWORD`) and `refresh_token`
      (always rotated; a used one is invalid_grant).
    - `api_url` takes the token in header, form body or query. 401 without token has an empty body and no
      challenge; 401 invalid_token and 403 insufficient_scope are JSON, without `WWW-Authenticate`.
    """
    need(PARTS["node-oauth2-server"])
    server = HERE / "node-oauth2-server" / "server.mjs"
    with running(["node", server], tmp_path_factory.mktemp("node-oauth2-server"), config={}) as facts:
        yield IdentityProvider(facts["http"], "/token", "/api")
