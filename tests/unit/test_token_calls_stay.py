"""No call that gets a token, or says anything of one, follows a redirect: the second socket gets no connection, and nobody waits for it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from authweave.errors import AuthweaveError, ProfileError, UsageError
from authweave.probe import test_profile as probe
from redirecting import STATUSES
from services import INPUTS, Clock, Identity, Reply, Request, engine, oauth, profile, says, serving
from sockets import Server, answers
from thorough import few

API = "https://api.example.com"


@dataclass
class Provider:
    """An identity provider that redirects one path elsewhere, and answers the others as it should."""

    path: str
    status: int
    location: str
    url: str = ""
    asked: list[Request] = field(default_factory=list)
    identity: Identity = field(default_factory=lambda: Identity(refresh=True, expires_in=3600))

    def __call__(self, request):
        self.asked.append(request)
        path = request.target.partition("?")[0]
        if path == self.path:
            return Reply(self.status, b"", (("Location", self.location),))
        if path == "/step":
            return says({"nonce": "n"})
        if path == "/.well-known/oauth-authorization-server" and self.path == "/.well-known/openid-configuration":
            return says({}, 404)
        if path.startswith("/.well-known/"):
            return says({
                "issuer": self.url, "token_endpoint": f"{self.url}/token", "authorization_endpoint": f"{self.url}/authorize",
                "registration_endpoint": f"{self.url}/register", "device_authorization_endpoint": f"{self.url}/device",
                "revocation_endpoint": f"{self.url}/revoke", "introspection_endpoint": f"{self.url}/introspect",
                "response_types_supported": ["code"], "code_challenge_methods_supported": ["S256"],
                "pushed_authorization_request_endpoint": f"{self.url}/par", "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
            })  # fmt: skip
        return self.identity(request)

    @property
    def at_path(self):
        return [request for request in self.asked if request.target.partition("?")[0] == self.path]


def token(provider, **auth):
    return engine(inputs=INPUTS).connect(profile(oauth(provider, **auth), API)).token().result(20)


def refreshed(provider):
    """A token whose refresh token is presented at a URL of its own."""
    clock, inputs = Clock(), {**INPUTS, "username": "ada", "password": "open sesame"}
    auth = oauth(provider, grant_type="password", refresh_url=f"{provider.url}/refresh")
    connection = engine(inputs=inputs, clock=clock).connect(profile(auth, API))
    connection.token().result(20)
    clock.ahead += 4000
    return connection.token().result(20)


def revoked(provider):
    connection = engine(inputs=INPUTS).connect(profile(oauth(provider, revoke_request={"url": f"{provider.url}/revoke"}), API))
    connection.token().result(20)
    return connection.revoke().result(20)


def stepped(provider):
    steps = [{"name": "nonce", "request": {"method": "POST", "url": f"{provider.url}/step", "fields": [{"in": "payload", "key": "s", "value": "{{ inputs.client_secret }}"}]}}]  # fmt: skip
    return token(provider, before=steps)


def discovered(provider):
    auth = {"type": "oauth2", "grant_type": "client_credentials", "issuer": provider.url}
    return engine(inputs=INPUTS).connect(profile(auth, API)).token().result(20)


def signed_in(provider, **auth):
    made = {"type": "oauth2", "grant_type": "authorization_code", "redirect_uri": "https://bot.example/callback", "client_auth": "none", **auth}
    return engine(inputs={"client_id": "robot"}).connect(profile(made, API), subject="anna").begin_authorization().result(20)


def registered(provider):
    made = {"type": "oauth2", "grant_type": "authorization_code", "redirect_uri": "https://bot.example/callback", "issuer": provider.url, "registration": {"client_name": "Acme bot"}}
    return engine(inputs={}).connect(profile(made, API), subject="anna").begin_authorization().result(20)


def by_device(provider):
    made = {"type": "oauth2", "grant_type": "device_code", "device_authorization_url": f"{provider.url}/device", "token_url": f"{provider.url}/token", "client_auth": "none"}
    return engine(inputs={"client_id": "robot"}).connect(profile(made, API), subject="anna").begin_authorization().result(20)


def introspected(provider):
    """What "test auth" asks of a token that was just got: a redirect of that is a warning, and no answer."""
    auth = {"type": "oauth2", "grant_type": "client_credentials", "issuer": provider.url}
    report = probe(engine(inputs=INPUTS), profile(auth, provider.url, test={"request": {"url": "/me"}}))
    assert INPUTS["client_secret"] not in repr(report)
    raise UsageError(f"introspection: {[stage.status for stage in report.stages if stage.name == 'introspection']}")


def failure_of(ask, provider):
    try:
        ask(provider)
    except AuthweaveError as error:
        return error
    return None


CALLS = {
    "token": ("/token", token), "refresh": ("/refresh", refreshed), "revoke": ("/revoke", revoked), "step": ("/step", stepped),
    "discovery": ("/.well-known/openid-configuration", discovered), "authorization server metadata": ("/.well-known/oauth-authorization-server", discovered),
    "registration": ("/register", registered), "device": ("/device", by_device),
    "introspection": ("/introspect", introspected),
}  # fmt: skip


@pytest.mark.parametrize(("call", "status"), few([(call, status) for status in STATUSES for call in CALLS], every=8))
@pytest.mark.parametrize("where", ["elsewhere", "same origin"])
def test_no_token_call_follows(call, status, where):
    """Each kind of call, each status: it arrives once where the profile says, nothing else is called, and the caller gets an error of ours."""
    path, ask = CALLS[call]
    with Server(answers(body=b"{}")) as other:
        provider = Provider(path, status, f"{other.url}token" if where == "elsewhere" else "/followed")
        with serving(provider):
            failure = failure_of(ask, provider)

    assert not isinstance(failure, ProfileError), failure
    assert failure is not None or call in ("authorization server metadata", "refresh"), "it was taken for an answer"
    assert INPUTS["client_secret"] not in str(failure)

    assert 0 == other.connections
    assert len(provider.at_path) >= 1, "the call was not made: the test would pass emptily"
    assert not [request for request in provider.asked if request.target == "/followed"]
