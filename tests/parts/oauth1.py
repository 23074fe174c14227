"""oauthlib's OAuth 1.0a server side as a fixture. The server itself: `wsgi/oauth1_server.py`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from parts.catalogue import OAUTH1, PARTS
from parts.identity import IdentityProvider
from parts.not_run import need
from parts.part import HERE
from parts.process import running


@dataclass(frozen=True)
class OAuth1Provider(IdentityProvider):
    """An OAuth 1.0a provider: `token_url` is the access token URL, `api_url + "/me"` wants consumer and token."""

    @property
    def request_token_url(self) -> str:
        return self.origin + "/request_token"

    @property
    def authorization_url(self) -> str:
        """Takes `?oauth_token=…`; `browsing.sign_in` goes through it."""
        return self.origin + "/authorize"

    @property
    def access_token_url(self) -> str:
        return self.token_url

    @property
    def two_legged_api_url(self) -> str:
        """`/me` is opened by the consumer's signature alone, without a token."""
        return self.origin + "/two-legged-api"


@pytest.fixture(scope="session")
def oauth1_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OAuth1Provider]:
    """oauthlib's server side, which verifies over the raw request target: HMAC-SHA1/-SHA256/-SHA512, RSA-SHA1/-SHA256, PLAINTEXT.

    - `new_client(client_id=consumer key, client_secret=consumer secret)`; `rsa_key=` its public key (PEM);
      `signature_method=` allows that one only; `realm=` the API insists on it; `callbacks=[…]` the only ones it may name
      (`oob` is one); `token=`, `token_secret=` an access token that is there from the start.
    - A nonce is good once; a timestamp may be ten minutes off. Answers of the token endpoints are form-encoded.
    - 401 has `WWW-Authenticate: OAuth realm="parts"`, and says in `problem=` what is wrong: request (syntax, timestamp,
      nonce, no token), client, resource_owner, realm, signature.
    """
    need(PARTS["oauth1"])
    server = [OAUTH1.python, HERE / "wsgi" / "oauth1_server.py"]
    with running(server, tmp_path_factory.mktemp("oauth1"), config={}) as facts:
        yield OAuth1Provider(facts["http"], "/access_token", "/api")
