"""A provider that plants a secret wherever it gives one, and the lives of a store under it: every kind of token, sign-in and end.

    with serving(Provider()) as provider, engine(inputs={}, …) as run:
        secrets = lived(run, provider)          what was planted, sent and made on the way, by name
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from authweave.engine import Engine
from authweave.errors import AuthweaveError
from leaking import Search
from services import Reply, Request, profile, says

API = "https://api.example.com"
REDIRECT = "https://app.example.com/callback"
SESSION = "browser-session-4f81c2Kz99b1e7d3"


def planted(name: str) -> str:
    """A value that stands nowhere else."""
    return hashlib.sha256(f"a life of {name}".encode()).hexdigest()[:36].replace("a", "Kz")


GIVEN = {name: planted(name) for name in ("client_secret", "password", "consumer_secret", "given refresh token", "api_key")}
PEM = ec.generate_private_key(ec.SECP256R1()).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()  # fmt: skip
INPUTS = {"client_id": "robot", "username": "anna", "consumer_key": "consumer", "key": PEM, "refresh_token": GIVEN["given refresh token"], **GIVEN}


class Provider:
    """Answers every request of a token's life. What it gave and what it was sent stands in `secrets`, by name; `denies` refuses people."""

    def __init__(self) -> None:
        self.url = ""
        self.secrets: dict[str, str] = {}
        self.asked: list[Request] = []
        self.pending = 1
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Reply:
        with self._lock:
            self.asked.append(request)
            form = request.form if request.method == "POST" else {}
            for name in ("client_assertion", "code_verifier", "code"):
                if form.get(name):
                    self.secrets[f"{name} {len(self.asked)}"] = form[name]
            for value in request.values("dpop"):
                self.secrets[f"proof {len(self.asked)}"] = value.rpartition(".")[2]
            answer = getattr(self, f"_{urlsplit(request.target).path.strip('/').replace('/', '_')}", self._token)
            return answer(form)

    def _new(self, name: str) -> str:
        value = planted(f"{name} {len(self.secrets)} {self.url}")
        self.secrets[f"{name} {len(self.secrets)}"] = value
        return value

    def _token(self, form: dict[str, str]) -> Reply:
        if form.get("grant_type", "").endswith("device_code") and self.pending:
            self.pending -= 1
            return says({"error": "authorization_pending"}, 400)
        if form.get("username") == "nobody":
            return says({"error": "invalid_grant", "error_description": f"{self._new('described')} {GIVEN['password']}"}, 400)
        made = {name: self._new(name) for name in ("access_token", "refresh_token", "id_token", "kept")}
        return says({**made, "token_type": form.get("type", "Bearer"), "expires_in": 600})

    def _dpop(self, form: dict[str, str]) -> Reply:
        return self._token({**form, "type": "DPoP"})

    def _device(self, form: dict[str, str]) -> Reply:
        user_code = self._new("user_code").upper()
        self.secrets["user code as it is"] = user_code
        where = "https://id.example.com/device"
        return says({
            "device_code": self._new("device_code"), "user_code": user_code, "verification_uri": where, "verification_uri_complete": f"{where}?user_code={user_code}",
            "expires_in": 600, "interval": 1,
        })  # fmt: skip

    def _register(self, form: dict[str, str]) -> Reply:
        made = {"client_id": "registered", "client_secret": self._new("registered client_secret"), "client_secret_expires_at": 0}
        return says({**made, "registration_access_token": self._new("registration_access_token"), "registration_client_uri": f"{self.url}/register/1"}, 201)

    def _login(self, form: dict[str, str]) -> Reply:
        return says({}, 200, ("Set-Cookie", f"sid={self._new('session cookie')}; Path=/"))

    def _temporary(self, form: dict[str, str]) -> Reply:
        pair = {"oauth_token": self._new("temporary token"), "oauth_token_secret": self._new("temporary secret"), "oauth_callback_confirmed": "true"}
        return Reply(200, urlencode(pair).encode(), (("Content-Type", "application/x-www-form-urlencoded"),))

    def _access(self, form: dict[str, str]) -> Reply:
        pair = {"oauth_token": self._new("oauth1 token"), "oauth_token_secret": self._new("oauth1 secret")}
        return Reply(200, urlencode(pair).encode(), (("Content-Type", "application/x-www-form-urlencoded"),))


def kinds(idp: str) -> dict[str, dict[str, Any]]:
    """An `auth` of each life."""
    code = {
        "type": "oauth2", "grant_type": "authorization_code", "token_url": f"{idp}/token", "authorization_url": f"{idp}/authorize",
        "redirect_uri": REDIRECT, "client_auth": "client_secret_post",
    }  # fmt: skip
    own = {"type": "oauth2", "grant_type": "client_credentials", "token_url": f"{idp}/token"}
    return {
        "own": own,
        "own by jwt": {**own, "client_auth": "client_secret_jwt"},
        "own by key": {**own, "client_auth": "private_key_jwt", "client_assertion": {"algorithm": "ES256", "signing_key": "{{ inputs.key }}"}},
        "bound": {**own, "token_url": f"{idp}/dpop", "dpop": True},
        "kept": {**own, "token_response": {"keep": {"kept": {"value": "{{ response.json.kept }}", "secret": True}}}},
        "password": {**own, "grant_type": "password"},
        "given": {**own, "grant_type": "refresh_token", "refresh_token": "{{ inputs.refresh_token }}"},
        "session": {
            "type": "session", "token_url": f"{idp}/login", "token_request": {"fields": [{"key": "pass", "value": "{{ inputs.password }}"}]},
            "token_response": {"access_token": "{{ response.cookies.sid }}", "expires_in": 60}, "fields": [{"in": "cookie", "key": "sid", "value": "{{ token.access_token }}"}],
        },
        "code": code,
        "device": {**own, "grant_type": "device_code", "device_authorization_url": f"{idp}/device"},
        "registered": {**code, "client_auth": "client_secret_post", "registration_url": f"{idp}/register", "registration": {"client_name": "authweave", "token_endpoint_auth_method": "client_secret_post"}},
        "three legs": {
            "type": "oauth1", "request_token_url": f"{idp}/temporary", "authorization_url": f"{idp}/authorize", "access_token_url": f"{idp}/access",
        },
    }  # fmt: skip


ATTENDED = ("code", "device", "registered", "three legs")
TENANT = "tenant-of-the-north"
SECRET_INPUTS = ("password", "key", "refresh_token", "consumer_secret", "client_secret", "api_key")


def connection_for(run: Engine, idp: str, kind: str, subject: str = "anna@people.example") -> Any:
    """The connection of one life."""
    auth = kinds(idp)[kind]
    inputs = {name: {"secret": True, "required": False} for name in SECRET_INPUTS if f"inputs.{name}" in str(auth)}
    declared = {"inputs": inputs} if inputs else {}
    made = profile(auth, API, **declared)
    left_out = ("client_id", "client_secret") if "registration" in auth else ()  # who registers has none
    given = {name: INPUTS[name] for name in made.inputs if name in INPUTS and name not in left_out}
    return run.connect(made, tenant=TENANT, subject=subject if kind in ATTENDED else "", inputs=given)


def signed_in(connection: Any, kind: str, secrets: dict[str, str]) -> None:
    """A person signs in."""
    if kind == "device":
        connection.await_authorization().result(30)
        return
    begun = connection.begin_authorization(session=SESSION, redirect_uri=REDIRECT).result(20)
    asked = dict(parse_qsl(urlsplit(begun.url).query))
    code = planted(f"code of {kind} {begun.state}")
    secrets |= {f"state of {kind}": begun.state, f"code of {kind}": code}
    answer = {"oauth_token": asked["oauth_token"], "oauth_verifier": code} if kind == "three legs" else {"state": begun.state, "code": code}
    connection.complete_authorization(f"{REDIRECT}?{urlencode(answer)}", session=SESSION).result(20)


def lived(run: Engine, provider: Provider) -> dict[str, str]:
    """Every life, and some that end early. Gives everything that must stand nowhere in the open."""
    secrets = provider.secrets
    for kind in kinds(provider.url):
        connection = connection_for(run, provider.url, kind)
        if kind in ATTENDED:
            left = connection_for(run, provider.url, kind, subject="somebody who never comes back")
            begun = left.begin_authorization(session=SESSION, **({} if kind == "device" else {"redirect_uri": REDIRECT})).result(20)
            secrets[f"pending state of {kind}"] = begun.state
            signed_in(connection, kind, secrets)
        token = connection.token().result(20)
        renewed = connection.token().result(20)
        for one in (token, renewed):
            secrets |= {f"{name} of {kind}": getattr(one, name).reveal() for name in ("access_token", "refresh_token", "proof_key") if getattr(one, name) is not None}
        with contextlib.suppress(AuthweaveError):
            connection.revoke().result(20)
        if kind not in ATTENDED:
            connection.token().result(20)
    return {**{name: value for name, value in secrets.items() if len(value) >= 16}, **GIVEN, "session": SESSION}


PERSONS = {"tenant": TENANT, "subject": "anna@people.example", "other subject": "somebody who never comes back"}


def search_for(secrets: dict[str, str], key_file: str, **more: str) -> Search:
    """All of these, the persons, the lines of the key that signs, and the key that seals."""
    lines = {f"line {number} of the key": line for number, line in enumerate(PEM.splitlines()[1:-1])}
    return Search({**secrets, **PERSONS, **lines, "at-rest key": Path(key_file).read_text().strip(), **more})
