"""A process with a network and a name server of its own, asked by the C library: names that change, that mix, and every purpose. Prints JSON.

Public addresses answer there and internal ones do, too. Whatever leads inside must be refused, and no internal server may be connected to.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import httpx
from dns_answers import NameServer
from h2_answers import h2_says

from authweave import Engine, TaskRequest, loads
from authweave.errors import AuthweaveError
from authweave.probe import test_profile as probe
from authweave.settings import Settings
from authweave.wire import Call, Wire
from certificates import server_context
from outside import AUTHORITY, INPUTS, trust
from sockets import Peer, Server, connect_proxy, http, says

V4, V6, OTHER = "93.184.216.34", "2606:4700:4700::1111", "1.1.1.1"
INSIDE = ["127.0.0.1", "169.254.169.254", "10.0.0.1", "fd00:ec2::254"]
NAMES = {
    "idp.example.com": [[V4]], "api.example.com": [[V4]], "files.example.com": [[V4]], "two.example.com": [[OTHER]],
    "turns.example.com": [[V4], ["127.0.0.1"]], "flips.example.com": [[V4], ["10.0.0.1"]] * 50, "worse.example.com": [[V4], [V4, "169.254.169.254"]],
    "mixed.example.com": [["127.0.0.1", V4]], "mixed6.example.com": [[V4, "fd00:ec2::254"]], "mapped.example.com": [["::ffff:10.0.0.1"]],
    "alias.example.com": [["-> inside.example.com"]], "nat64.example.com": [["64:ff9b::a00:1"]], "zero.example.com": [["0.0.0.0"]], "all.example.com": [["::"]],
    "inside.example.com": [["10.0.0.1"]], "inside6.example.com": [["fd00:ec2::254"]], "metadata.example.com": [["169.254.169.254"]],
}  # fmt: skip
LEADS_INSIDE = ["mixed", "mixed6", "mapped", "alias", "nat64", "zero", "all", "inside", "inside6", "metadata"]
IDP = "https://idp.example.com"
INNER = ["https://inside.example.com", "https://alias.example.com", "https://mixed6.example.com"]
ENDPOINTS = ["token_endpoint", "authorization_endpoint", "device_authorization_endpoint", "registration_endpoint", "revocation_endpoint", "introspection_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint"]
ALL_INPUTS = {**INPUTS, "consumer_key": "me", "consumer_secret": "s3cret"}
STATUSES = [301, 302, 303, 307, 308]


class Public:
    """What answers at the public addresses: tokens, metadata as they are said, redirects as they are said."""

    def __init__(self) -> None:
        self.metadata: dict[str, Any] = {}
        self.redirect: tuple[int, str] | None = None
        self.token: dict[str, Any] = {"access_token": "tok-1", "token_type": "Bearer", "expires_in": 900}
        self.asked: list[str] = []

    def __call__(self, peer: Peer) -> None:
        while True:
            path = peer.request().line.split()[1]
            self.asked.append(path)
            if self.redirect and path.startswith("/hop"):
                status, location = self.redirect
                peer.send(http(status, ("Location", location)))
            else:
                peer.send(http(200, ("Content-Type", "application/json"), body=json.dumps(self.metadata if "well-known" in path else self.token).encode()))


class Late:
    """A clock that is an hour on after `later`."""

    def __init__(self) -> None:
        self.later = 0

    def __call__(self) -> float:
        return time.time() + self.later


def engine(egress: str, *, environ: dict[str, str] | None = None, inputs: Any = ALL_INPUTS, clock: Any = time.time, **more: Any) -> Engine:
    environ = environ or {}
    return Engine(settings=Settings.load({"sources": [], **more}, env={}), wire=Wire(ca=AUTHORITY.pem, environ=environ), inputs=inputs, egress=egress, clock=clock)


def profile(auth: dict[str, Any], *servers: str, **more: Any) -> Any:
    text = {"format": 1, "name": "acme", "identity_provider": "Acme", "servers": list(servers) or ["https://api.example.com"], "auth": auth, **more}
    return loads(json.dumps(text), "acme.json")


def oauth(**more: Any) -> dict[str, Any]:
    return {"type": "oauth2", "grant_type": "client_credentials", "token_url": f"{IDP}/token", **more}


def get(egress: str, host: str) -> int:
    return engine(egress).wire.send(Call("GET", f"https://{host}/"), deadline=10).status


def connected(egress: str, server: str, **more: Any) -> Any:
    return engine(egress, **more).connect(profile({"type": "bearer"}, server))


def by_client(egress: str, server: str, path: str = "/", **options: Any) -> int:
    with connected(egress, server).client(verify=trust(), **options) as client:
        return client.get(path, follow_redirects=True).status_code


def by_async_client(egress: str, server: str, path: str = "/", **options: Any) -> int:
    async def send() -> int:
        async with connected(egress, server).async_client(verify=trust(), **options) as client:
            return (await client.get(path, follow_redirects=True)).status_code

    return asyncio.run(send())


def outcome(call: Callable[[], Any]) -> str:
    """`sent`, or the code of the error, with that of what is below it."""
    try:
        call()
    except AuthweaveError as error:
        return str(error.code) + (": may not be called" if "may not be called" in str(error) or "may not be called" in str(error.__cause__) else "")
    except httpx.HTTPError as error:
        return type(error).__name__
    return "sent"


def changing(dns: NameServer) -> dict[str, Any]:
    """One name after the other, asked again and again: what came of each call, by each door."""
    doors: dict[str, Callable[[str], Any]] = {
        "wire": lambda host: get("strict", host),
        "client": lambda host: by_client("strict", f"https://{host}"),
        "async": lambda host: by_async_client("strict", f"https://{host}"),
    }
    found: dict[str, Any] = {}
    for door, call in doors.items():
        for name in ("turns", "flips", "worse"):
            dns.asked.clear()
            found[f"{name} by {door}"] = [outcome(lambda call=call, name=name: call(f"{name}.example.com")) for _ in range(6)]
    dns.asked.clear()
    with connected("strict", "https://flips.example.com").client(verify=trust()) as client:  # one pool: a name that changed does not change what is open
        found["flips in one pool"] = [client.get("/").status_code for _ in range(6)]
    return found


def purposes() -> dict[str, str]:
    """Each purpose led inside, everything before it being public."""
    return {f"{name} {number}": outcome(way) for number, inner in enumerate(INNER) for name, way in ways_inside(inner).items()}


def ways_inside(inner: str) -> dict[str, Callable[[], Any]]:
    """What calls the internal server, by purpose."""
    return {
        "token": lambda: token(oauth(token_url=f"{inner}/token")),
        "before": lambda: token(oauth(before=[{"name": "first", "request": {"url": f"{inner}/x"}}])),
        "after": lambda: token(oauth(after=[{"name": "then", "request": {"url": f"{inner}/x"}}])),
        "issuer": lambda: token({"type": "oauth2", "grant_type": "client_credentials", "issuer": inner}),
        "session": lambda: token({"type": "session", "token_url": f"{inner}/x", "token_response": {"access_token": "{{ response.json.access_token }}"}, "fields": [{"in": "header", "key": "X-S", "value": "{{ token.access_token }}"}]}),
        "password": lambda: token(oauth(grant_type="password", token_url=f"{inner}/token")),
        "revocation": lambda: revoked(inner),
        "device": lambda: signed_in(oauth(grant_type="device_code", device_authorization_url=f"{inner}/device")),
        "sign_in": lambda: signed_in({"type": "oauth1", "request_token_url": f"{inner}/r", "authorization_url": f"{IDP}/a", "access_token_url": f"{IDP}/t"}),
        "task": lambda: by_client("strict", inner),
        "async task": lambda: by_async_client("strict", inner),
        "test": lambda: tested(inner),
        "http/2": lambda: by_client("strict", inner, http2=True),
        "server of the host": lambda: given(inner),
    }


def token(auth: dict[str, Any], **more: Any) -> Any:
    return engine("strict").connect(profile(auth, **more)).token().result(20)


def refreshed(public: Public, egress: str) -> str:
    """A refresh token that would be shown inside: refused there, and the grant gives a new token. Says where that came from."""
    public.token = {"access_token": "tok-1", "token_type": "Bearer", "expires_in": 900, "refresh_token": "r-1"}
    clock = Late()
    connection = engine(egress, clock=clock).connect(profile(oauth(grant_type="password", refresh_url="https://inside.example.com/refresh")))
    connection.token().result(20)
    clock.later = 3600
    public.token = {"access_token": "tok-2", "token_type": "Bearer", "expires_in": 900}
    return str(connection.token().result(20).access_token.reveal())


def revoked(inner: str) -> Any:
    connection = engine("strict").connect(profile(oauth(revoke_request={"url": f"{inner}/revoke"})))
    connection.token().result(20)
    return connection.revoke().result(20)


def signed_in(auth: dict[str, Any]) -> Any:
    return engine("strict").connect(profile(auth, subject="user"), subject="me").begin_authorization(redirect_uri="https://app.example.com/back" if auth["type"] == "oauth1" else None).result(20)


def tested(inner: str) -> None:
    """Test auth: the report says what was refused."""
    report = probe(engine("strict"), profile({"type": "bearer"}, inner, test={"request": {"url": "/me"}}))
    [error] = [one for one in report.diagnoses if one.severity == "error"]
    if error.code != "egress_refused":
        raise AssertionError(str(error))
    raise AuthweaveError(f"may not be called: {error}")


def given(inner: str) -> Any:
    made = loads(json.dumps({"format": 1, "name": "acme", "identity_provider": "A", "auth": {"type": "bearer"}}), "acme.json")
    with engine("strict").connect(made, servers=[inner]).client(verify=trust()) as client:
        return client.get("/")


def metadata(public: Public) -> dict[str, str]:
    """Every URL that metadata name, one after the other, led inside by its name; what is done that would call it."""
    found: dict[str, str] = {}
    usual = {"issuer": IDP, **{name: f"{IDP}/{name}" for name in ENDPOINTS}, "response_types_supported": ["code"]}
    does: dict[str, Callable[[], Any]] = {
        "token_endpoint": lambda: token(discovered()),
        "authorization_endpoint": lambda: None,  # a browser goes there
        "device_authorization_endpoint": lambda: signed_in(discovered(grant_type="device_code")),
        "registration_endpoint": lambda: engine("strict", inputs={}).connect(profile(discovered(grant_type="authorization_code", registration={}), subject="user"), subject="me").begin_authorization(redirect_uri="http://127.0.0.1:8765/").result(20),
        "revocation_endpoint": discovered_revoked,
        "introspection_endpoint": introspected,
    }
    for name in ENDPOINTS:
        public.metadata = {**usual, name: "https://inside.example.com/x"}
        found[name] = outcome(does.get(name, lambda: None))
        public.metadata = {**usual, name: "https://10.0.0.1/x"}
        found[f"{name} by address"] = outcome(lambda: token(discovered()))
    public.metadata = {**usual, "issuer": "https://inside.example.com"}
    found["issuer mismatch"] = outcome(lambda: token(discovered()))
    public.metadata = usual
    found["nothing wrong"] = outcome(lambda: token(discovered()))
    return found


def discovered(**more: Any) -> dict[str, Any]:
    return {"type": "oauth2", "grant_type": "client_credentials", "issuer": IDP, **more}


def discovered_revoked() -> Any:
    connection = engine("strict").connect(profile(discovered()))
    connection.token().result(20)
    return connection.revoke().result(20)


def introspected() -> None:
    report = probe(engine("strict"), profile(discovered(), test={"request": {"url": "/me"}}))
    [stage] = [one for one in report.stages if one.name == "introspection"]
    if "may not be called" in str(stage.text):
        raise AuthweaveError(f"may not be called: {stage.text}")


def redirected(public: Public) -> dict[str, str]:
    """Every redirect status, by both clients and over HTTP/2, to internal names, addresses and schemes; and to a public place."""
    found: dict[str, str] = {}
    targets = ["https://inside.example.com/", "https://mixed.example.com/", "https://alias.example.com/", "https://169.254.169.254/latest", "http://169.254.169.254/latest", "https://[fd00:ec2::254]/", "https://2130706433/", "https://localhost/", "http://api.example.com/", "https://api.example.com:6379/", "https://api.example.com:8443/"]
    for status in STATUSES:
        for target in targets:
            public.redirect = status, target
            found[f"client {status} {target}"] = outcome(lambda: by_client("strict", "https://api.example.com", "/hop"))
            found[f"async {status} {target}"] = outcome(lambda: by_async_client("strict", "https://api.example.com", "/hop"))
        public.redirect = status, "https://files.example.com/signed"
        found[f"client {status} fine"] = outcome(lambda: by_client("strict", "https://api.example.com", "/hop"))
    public.redirect = 302, "https://inside.example.com/token"
    found["token call"] = outcome(lambda: token(oauth(token_url=f"{IDP}/hop")))
    return found


def proxied(proxy: str) -> dict[str, str]:
    """A proxy of the environment, of settings and of the caller, in every variable and scheme; nobody listed it."""
    found: dict[str, str] = {}
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        for scheme in ("http", "https", "socks5", "socks4a"):
            url = proxy.replace("http://", f"{scheme}://")
            found[f"{name} {scheme}"] = outcome(lambda name=name, url=url: engine("strict", environ={name: url}).wire.send(Call("GET", f"{IDP}/"), deadline=5))
            os.environ[name] = url
            found[f"client {name} {scheme}"] = outcome(lambda name=name, url=url: client_behind({name: url}))
            found[f"async {name} {scheme}"] = outcome(lambda name=name, url=url: async_client_behind({name: url}))
            found[f"client {name} {scheme} trust_env=False"] = outcome(lambda name=name, url=url: client_behind({name: url}, trust_env=False))
            del os.environ[name]
    found["proxy="] = outcome(lambda: client_behind({}, proxy=proxy))
    found["NO_PROXY inside"] = outcome(lambda: engine("strict", environ={"HTTPS_PROXY": proxy, "NO_PROXY": "inside.example.com"}, egress_proxies=[proxy]).wire.send(Call("GET", "https://inside.example.com/"), deadline=5))
    found["NO_PROXY public"] = outcome(lambda: engine("strict", environ={"HTTPS_PROXY": proxy, "NO_PROXY": "*"}).wire.send(Call("GET", f"{IDP}/"), deadline=5))
    return found


def client_behind(environ: dict[str, str], **options: Any) -> Any:
    with connected("strict", "https://api.example.com", environ=environ).client(verify=trust(), **options) as client:
        return client.get("/")


def async_client_behind(environ: dict[str, str], **options: Any) -> Any:
    async def send() -> Any:
        async with connected("strict", "https://api.example.com", environ=environ).async_client(verify=trust(), **options) as client:
            return await client.get("/")

    return asyncio.run(send())


def main() -> None:
    public = Public()
    with ExitStack() as stack:
        context = server_context(AUTHORITY.issue(*NAMES, V4, "localhost", *INSIDE))
        over_h2 = server_context(AUTHORITY.issue(*NAMES))
        over_h2.set_alpn_protocols(["h2"])
        for ip in (V4, V6):
            stack.enter_context(Server(public, tls=context, host=ip, port=443))
        two = stack.enter_context(Server(h2_says(200, ("content-type", "text/plain"), body=b"two"), tls=over_h2, host=OTHER, port=443))
        token_answer = http(200, ("Content-Type", "application/json"), ("Connection", "close"), body=b'{"access_token": "inside", "token_type": "Bearer"}')
        inside = [stack.enter_context(Server(says(token_answer), tls=context, host=ip, port=443)) for ip in INSIDE]
        proxy = stack.enter_context(Server(connect_proxy(443)))
        dns = NameServer(NAMES)
        told: dict[str, Any] = {"changing": changing(dns), "fixed": {name: [outcome(lambda name=name: get("strict", f"{name}.example.com")), outcome(lambda name=name: by_client("strict", f"https://{name}.example.com"))] for name in LEADS_INSIDE}}
        told["purposes"] = purposes()
        told["refreshed"] = refreshed(public, "strict")
        told["metadata"] = metadata(public)
        told["redirected"] = redirected(public)
        told["http/2"] = [by_client("strict", "https://two.example.com", http2=True), by_async_client("strict", "https://two.example.com", http2=True), two.connections]
        told["proxied"] = proxied(f"http://127.0.0.1:{proxy.port}")
        told["proxy connections"] = proxy.connections
        told["inside"] = {server.host: server.connections for server in inside}
        dns.asked.clear()
        told["open"] = [outcome(lambda: get("open", "turns.example.com")) for _ in range(2)] + [outcome(lambda name=name: get("open", f"{name}.example.com")) for name in ("inside", "inside6", "metadata", "alias")]
        told["inside without"] = {server.host: server.connections for server in inside}
        told["refreshed without"] = refreshed(public, "open")
        sent = connected("strict", "https://inside.example.com").authorize(TaskRequest("GET", "/x")).result(5)
        told["authorize is for who sends"] = bool(sent.header("authorization"))
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
