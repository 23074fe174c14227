"""An authorization server on loopback with metadata and registration, and a resource that names it; both do what a test says.

    with serving(AuthorizationServer()) as server, serving(Resource(server)) as resource: ...
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode

from services import Reply, Request, says

OAUTH = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"
RESOURCE = "/.well-known/oauth-protected-resource"


@dataclass
class AuthorizationServer:
    """Knows the clients that registered, and those of `clients` (id → secret; None for a public one).

    `path` is the path of its issuer, `places` where its metadata stand; `metadata` are put over its own (None leaves one
    out). `replies` answer for a path in the place of what is usual.
    """

    path: str = ""
    places: tuple[str, ...] = (OAUTH,)
    metadata: dict[str, Any] = field(default_factory=dict)
    clients: dict[str, str | None] = field(default_factory=dict)
    replies: dict[str, Reply] = field(default_factory=dict)
    registered: list[dict[str, Any]] = field(default_factory=list)
    expires_at: int = 0
    token_path: str = "/token"
    cache: str = ""
    person: str = "agrees"
    state: str = ""
    names_itself: bool = False
    redirect_uris: dict[str, list[str]] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    refresh: dict[str, str] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        self.granted = 0
        self._lock = threading.Lock()

    @property
    def issuer(self) -> str:
        return self.url + self.path

    @property
    def counts(self) -> Counter[str]:
        """How often each path was asked for."""
        return Counter(request.target.partition("?")[0] for request in self.asked)

    def said(self) -> dict[str, Any]:
        """Its metadata."""
        usual = {
            "issuer": self.issuer, "token_endpoint": self.url + self.token_path, "authorization_endpoint": f"{self.url}/authorize",
            "registration_endpoint": f"{self.url}/register", "revocation_endpoint": f"{self.url}/revoke",
        }  # fmt: skip
        return {name: value for name, value in {**usual, **self.metadata}.items() if value is not None}

    def __call__(self, request: Request) -> Reply:
        path = request.target.partition("?")[0]
        with self._lock:
            self.asked.append(request)
            if path in self.replies:
                return self.replies[path]
            if path in [place + self.path if place != OPENID else self.path + place for place in self.places]:
                return says(self.said(), 200, *((("Cache-Control", self.cache),) if self.cache else ()))
            if path == self.token_path:
                return self._token(request)
            if path == "/authorize":
                return self._authorize(request)
            if path == "/register":
                return self._register(request)
            return says({"ended": True}) if path == "/revoke" else says({"error": "not_found"}, 404)

    def _register(self, request: Request) -> Reply:
        wanted = json.loads(request.body)
        number = len(self.registered) + 1
        method = wanted.get("token_endpoint_auth_method", "client_secret_basic")
        secret = None if method == "none" else f"s3cr3t-of-registered-client-{number}"
        self.clients[f"registered-{number}"] = secret
        self.registered.append(wanted)
        self.redirect_uris[f"registered-{number}"] = wanted.get("redirect_uris", [])
        more = {} if secret is None else {"client_secret": secret, "client_secret_expires_at": self.expires_at}
        return says({**wanted, "client_id": f"registered-{number}", "registration_access_token": f"manage-{number}", **more}, 201)

    def _authorize(self, request: Request) -> Reply:
        """The person agrees at once, or (`person`) says no; only registered redirect URIs are gone back to."""
        asked = dict(parse_qsl(request.target.partition("?")[2]))
        back = asked.get("redirect_uri", "")
        if back not in self.redirect_uris.get(asked.get("client_id", ""), [back]):
            return says({"error": "redirect_uri is not registered"}, 400)
        code = f"code-{len(self.codes) + 1}"
        self.codes[code] = asked
        answer = {"code": code, **({"iss": self.issuer} if self.names_itself else {})} if self.person == "agrees" else {"error": self.person}
        return Reply(302, b"", (("Location", f"{back}?{urlencode({'state': self.state or asked['state'], **answer})}"),))

    def _token(self, request: Request) -> Reply:
        client_id, secret = _client(request)
        if client_id not in self.clients or self.clients[client_id] != secret:
            return says({"error": "invalid_client"}, 401)
        form = request.form
        if form.get("grant_type") == "authorization_code":
            asked = self.codes.pop(form.get("code", ""), None)
            proof = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).decode().rstrip("=")
            if asked is None or asked["redirect_uri"] != form.get("redirect_uri") or asked.get("code_challenge") != proof or asked["client_id"] != client_id:
                return says({"error": "invalid_grant"}, 400)
        if form.get("grant_type") == "refresh_token" and self.refresh.get(form.get("refresh_token", "")) != client_id:
            return says({"error": "invalid_grant"}, 400)
        self.granted += 1
        more = {}
        if form.get("grant_type") in ("authorization_code", "refresh_token"):
            more = {"refresh_token": f"R{self.granted}"}
            self.refresh[f"R{self.granted}"] = client_id
        return says({"access_token": f"T{self.granted}", "token_type": "Bearer", "expires_in": 600, **more})


@dataclass
class Resource:
    """A protected resource at `path` that names who authorizes access to it: at the well-known place, or in its challenge only."""

    server: AuthorizationServer
    path: str = "/mcp"
    says_where: bool = True
    well_known: bool = True
    metadata: dict[str, Any] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)
    url: str = ""

    @property
    def resource(self) -> str:
        return self.url + self.path

    def __call__(self, request: Request) -> Reply:
        self.asked.append(request)
        said = {"resource": self.resource, "authorization_servers": [self.server.issuer], **self.metadata}
        if request.target == RESOURCE + self.path and self.well_known:
            return says(said)
        if request.target == "/elsewhere/metadata":
            return says(said)
        if request.target != self.path:
            return says({}, 404)
        if request.bearer:
            return says({"hello": request.bearer})
        where = f'Bearer resource_metadata="{self.url}/elsewhere/metadata"' if self.says_where else "Bearer"
        return says({}, 401, ("WWW-Authenticate", where))


def _client(request: Request) -> tuple[str, str | None]:
    """Id and secret as they came: in Basic, in the form, or the id alone."""
    for value in request.values("authorization"):
        if value.startswith("Basic "):
            client_id, _, secret = base64.b64decode(value.removeprefix("Basic ")).decode().partition(":")
            return unquote_plus(client_id), unquote_plus(secret)
    return request.form.get("client_id", ""), request.form.get("client_secret")
