"""An OAuth 1.0a provider: oauthlib's server side decides, ours is its storage. See `oauth1.py`.

    POST /request_token   GET|POST /authorize   POST /access_token     sign in: three legs
    /api/me               with consumer and access token                /two-legged-api/me   with the consumer alone

Clients come through `POST /__clients` (`node/ledger.mjs`): `client_id` (consumer key), `client_secret`, `rsa_key` (public,
PEM), `signature_method` (else all of them), `realm` (the API insists on it), `callbacks`, `token` and `token_secret` (an
access token that is there from the start). Signatures are checked over the request target as it came.
"""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import parse_qs, urlencode

from ledger import Environ, Ledger
from oauthlib.oauth1 import (
    AccessTokenEndpoint,
    AuthorizationEndpoint,
    RequestTokenEndpoint,
    RequestValidator,
    ResourceEndpoint,
    SignatureOnlyEndpoint,
)
from oauthlib.oauth1.rfc5849.errors import OAuth1Error
from serving import serve

DUMMY = "dummy"
METHODS = ("HMAC-SHA1", "HMAC-SHA256", "HMAC-SHA512", "RSA-SHA1", "RSA-SHA256", "PLAINTEXT")
LOGIN = '<form method="post"><input name="username"><input name="password" type="password"><button name="allow" value="yes">Allow</button></form>'


class Storage(RequestValidator):
    """Clients, tokens and nonces in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.clients: dict[str, dict[str, Any]] = {}
        self.request_tokens: dict[str, dict[str, Any]] = {}
        self.access_tokens: dict[str, dict[str, Any]] = {}
        self.nonces: set[tuple[str, str, str, str]] = set()

    enforce_ssl = False
    allowed_signature_methods = METHODS
    dummy_client = dummy_request_token = dummy_access_token = DUMMY
    client_key_length = request_token_length = access_token_length = nonce_length = verifier_length = (3, 200)

    def check_client_key(self, client_key: str) -> bool:
        return True

    check_request_token = check_access_token = check_nonce = check_verifier = check_realms = check_client_key

    def get_client_secret(self, client_key: str, request: Any) -> str:
        return self.clients.get(client_key, {}).get("client_secret", DUMMY)

    def get_rsa_key(self, client_key: str, request: Any) -> str:
        return self.clients.get(client_key, {}).get("rsa_key", "")

    def get_request_token_secret(self, client_key: str, token: str, request: Any) -> str:
        return self.request_tokens.get(token, {}).get("oauth_token_secret", DUMMY)

    def get_access_token_secret(self, client_key: str, token: str, request: Any) -> str:
        return self.access_tokens.get(token, {}).get("oauth_token_secret", DUMMY)

    def get_default_realms(self, client_key: str, request: Any) -> list[str]:
        return []

    def get_realms(self, token: str, request: Any) -> list[str]:
        return []

    def get_redirect_uri(self, token: str, request: Any) -> str:
        return self.request_tokens[token]["callback"]

    def invalidate_request_token(self, client_key: str, request_token: str, request: Any) -> None:
        self.request_tokens.pop(request_token, None)

    def validate_client_key(self, client_key: str, request: Any) -> bool:
        client = self.clients.get(client_key)
        return client is not None and client.get("signature_method") in (None, request.signature_method)

    def validate_request_token(self, client_key: str, token: str, request: Any) -> bool:
        return self.request_tokens.get(token, {}).get("client") == client_key

    def validate_access_token(self, client_key: str, token: str, request: Any) -> bool:
        return self.access_tokens.get(token, {}).get("client") == client_key

    def validate_timestamp_and_nonce(
        self,
        client_key: str,
        timestamp: str,
        nonce: str,
        request: Any,
        request_token: Any = None,
        access_token: Any = None,
    ) -> bool:
        seen = (client_key, timestamp, nonce, request_token or access_token or "")
        is_new = seen not in self.nonces
        self.nonces.add(seen)
        return is_new

    def validate_redirect_uri(self, client_key: str, redirect_uri: str, request: Any) -> bool:
        return redirect_uri in self.clients.get(client_key, {}).get("callbacks", [redirect_uri])

    def validate_requested_realms(self, client_key: str, realms: list[str], request: Any) -> bool:
        return True

    def validate_realms(self, client_key: str, token: str, request: Any, uri: Any = None, realms: Any = None) -> bool:
        return self.clients.get(client_key, {}).get("realm") in (None, request.realm)

    def validate_verifier(self, client_key: str, token: str, verifier: str, request: Any) -> bool:
        return self.request_tokens.get(token, {}).get("verifier") == verifier is not None

    def verify_request_token(self, token: str, request: Any) -> bool:
        return token in self.request_tokens

    def save_request_token(self, token: dict[str, Any], request: Any) -> None:
        self.request_tokens[token["oauth_token"]] = {
            **token,
            "client": request.client_key,
            "callback": request.redirect_uri,
        }

    def save_access_token(self, token: dict[str, Any], request: Any) -> None:
        self.access_tokens[token["oauth_token"]] = {**token, "client": request.client_key}

    def save_verifier(self, token: str, verifier: dict[str, Any], request: Any) -> None:
        self.request_tokens[token]["verifier"] = verifier["oauth_verifier"]


class Registry:
    """What the ledger asks for."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def add(self, client: dict[str, Any]) -> None:
        self._storage.clients[client["client_id"]] = client
        if token := client.get("token"):
            made = {
                "oauth_token": token,
                "oauth_token_secret": client.get("token_secret", ""),
                "client": client["client_id"],
            }
            self._storage.access_tokens[token] = made

    def kill(self, client_id: str, refresh: bool) -> None:
        tokens = self._storage.access_tokens
        for token in [name for name, kept in tokens.items() if kept["client"] == client_id]:
            del tokens[token]


class Provider:
    """The endpoints over WSGI."""

    def __init__(self, storage: Storage) -> None:
        self._request_token = RequestTokenEndpoint(storage)
        self._authorization = AuthorizationEndpoint(storage)
        self._access_token = AccessTokenEndpoint(storage)
        self._resource = ResourceEndpoint(storage)
        self._signature = SignatureOnlyEndpoint(storage)

    def __call__(self, environ: Environ, start_response: Any) -> list[bytes]:
        status, headers, body = self._answer(environ, *_asked(environ))
        start_response(f"{status} -", list(headers.items()))
        return [body.encode()]

    def _answer(
        self, environ: Environ, uri: str, method: str, body: str, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], str]:
        match environ["PATH_INFO"]:
            case "/request_token":
                return _told(self._request_token.create_request_token_response(uri, method, body, headers))
            case "/access_token":
                return _told(self._access_token.create_access_token_response(uri, method, body, headers))
            case "/authorize":
                return self._authorized(uri, method, body, headers)
            case "/api/me":
                good, request = self._resource.validate_protected_resource_request(
                    uri, method, body, headers, realms=[]
                )
            case "/two-legged-api/me":
                good, request = self._signature.validate_request(uri, method, body, headers)
            case _:
                return 404, {}, ""
        environ["part.client"] = getattr(request, "client_key", None)
        if good:
            return 200, {"Content-Type": "application/json"}, '{"user": "me"}'
        log = getattr(request, "validator_log", {})
        said = {
            "problem": next(
                (name for name in ("client", "resource_owner", "realm", "signature") if log.get(name) is False),
                "request",
            )
        }
        return (
            401,
            {"WWW-Authenticate": 'OAuth realm="parts"', "Content-Type": "application/x-www-form-urlencoded"},
            urlencode(said),
        )

    def _authorized(self, uri: str, method: str, body: str, headers: dict[str, str]) -> tuple[int, dict[str, str], str]:
        if method == "GET":
            return 200, {"Content-Type": "text/html"}, LOGIN
        if "allow" not in parse_qs(body):
            return 403, {}, "refused"
        try:
            return _told(self._authorization.create_authorization_response(uri, method, "", {}, []))
        except OAuth1Error as error:
            return 400, {}, error.urlencoded


def _told(response: tuple[dict[str, str], str | None, int]) -> tuple[int, dict[str, str], str]:
    headers, body, status = response
    return status, headers, body or ""


def _asked(environ: Environ) -> tuple[str, str, str, dict[str, str]]:
    """The request as oauthlib wants it: (URL with the raw target, method, body, headers)."""
    headers = {key[5:].replace("_", "-").title(): value for key, value in environ.items() if key.startswith("HTTP_")}
    if environ.get("CONTENT_TYPE"):
        headers["Content-Type"] = environ["CONTENT_TYPE"]
    body = environ["wsgi.input"].read().decode("utf-8", "replace")
    return f"http://{environ['HTTP_HOST']}{environ['REQUEST_URI']}", environ["REQUEST_METHOD"], body, headers


storage = Storage()
storage.clients[DUMMY] = {"client_secret": secrets.token_hex(), "signature_method": "none"}
serve(Ledger(Provider(storage), Registry(storage), token_path="/access_token"))
