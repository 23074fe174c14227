"""`client()` and `async_client()` under an egress policy: over sockets, each hop anew; and the doors that cannot promise it."""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack

import httpx
import pytest

from authweave import TaskRequest, loads
from authweave.errors import AuthweaveError, EgressRefused, NeedsClient, UsageError
from certificates import server_context
from httpx2_instead import needs_httpx
from outside import AUTHORITY, INTERNAL, PUBLIC, Outside, guarded, internal, names, public, trust
from sockets import Server, answers, connect_proxy, redirects
from thorough import every, few


def connected(engine, *servers: str, **more):
    text = {"format": 1, "name": "acme", "identity_provider": "Acme", "servers": list(servers), "auth": {"type": "bearer"}, **more}
    return engine.connect(loads(json.dumps(text), "acme.json"))


def believing(options: dict) -> dict:
    """The options with what is believed; without it where `verify` is None, because the profile says so."""
    said = {"verify": trust(), **options}
    return {name: value for name, value in said.items() if value is not None}


def sync(connection, url: str, **options):
    with connection.client(**believing(options)) as client:
        return client.get(url, follow_redirects=True)


def in_a_loop(connection, url: str, **options):
    async def send():
        async with connection.async_client(**believing(options)) as client:
            return await client.get(url, follow_redirects=True)

    return asyncio.run(send())


BOTH = pytest.mark.parametrize("send", [sync, in_a_loop])


@BOTH
def test_a_request_goes_to_the_checked_address(send):
    """The name is looked up once for a connection, every address is asked about, and the request carries its credential there."""
    policy, found = Outside(), names(api=[[PUBLIC], [INTERNAL]])
    with public(answers(), "api.example.com") as server, internal(answers(), "api.example.com", port=server.port) as inside:
        response = send(connected(guarded(policy, found), f"https://api.example.com:{server.port}"), "/v1")

    [asked] = server.requests
    assert response.status_code == 200
    assert asked.values("authorization") == ["Bearer t0ken-of-the-test"]
    assert asked.values("host") == [f"api.example.com:{server.port}"]
    assert found.asked == ["api.example.com"]
    assert inside.connections == 0
    assert {("task", "acme")} == {(one.purpose, one.profile) for one in policy.asked if one.address}


@BOTH
def test_a_name_that_leads_inside_is_not_called(send):
    """At the second connection the name leads to this machine: what worked once is refused, and nothing connects."""
    found = names(api=[[PUBLIC], [INTERNAL]])
    with public(answers(200, ("Connection", "close")), "api.example.com") as server, internal(answers(), "api.example.com", port=server.port) as inside:
        connection = connected(guarded(Outside(), found), f"https://api.example.com:{server.port}")
        send(connection, "/v1")
        with pytest.raises(EgressRefused, match="loopback"):
            send(connection, "/v1")

    assert (1, 0) == (server.connections, inside.connections)


@BOTH
@pytest.mark.parametrize("addresses", [[INTERNAL], [PUBLIC, INTERNAL], ["::1"], ["::ffff:127.0.0.1"], ["169.254.169.254"]], ids=str)
def test_strict_connects_nowhere_inside(send, addresses):
    """The built-in policy: one bad address is enough."""
    with internal(answers(), "api.example.com") as inside, pytest.raises(EgressRefused):
        send(connected(guarded("strict", names(api=addresses)), f"https://api.example.com:{inside.port}"), "/v1")

    assert inside.connections == 0


@BOTH
def test_every_address_of_a_name_is_asked_about(send):
    """One that may be called does not help the others, wherever it stands among them: nothing is connected to."""
    with public(answers(), "api.example.com") as server, internal(answers(), "api.example.com", port=server.port) as inside:
        for addresses in ([PUBLIC, INTERNAL], [INTERNAL, PUBLIC], [PUBLIC, "::1"]):
            with pytest.raises(EgressRefused, match="loopback"):
                send(connected(guarded(Outside(), names(api=addresses)), f"https://api.example.com:{server.port}"), "/v1")

    assert (0, 0) == (server.connections, inside.connections)


@BOTH
@pytest.mark.parametrize("status", few([301, 302, 303, 307, 308], every=3))
def test_each_hop_is_checked_again(send, status):
    """A redirect to an internal address, an internal name, or plain http is refused, before DNS or after it."""
    with internal(answers(), "inside.example.com") as inside:
        for target in (f"https://{INTERNAL}:{inside.port}/", f"https://inside.example.com:{inside.port}/", f"http://{INTERNAL}:{inside.port}/", f"https://localhost:{inside.port}/", "http://169.254.169.254/", "https://2130706433/", "https://127.1/"):
            policy = Outside(ports=frozenset({inside.port}))
            with public(redirects(target, status), "api.example.com") as server:
                engine = guarded(policy, names(api=[PUBLIC], inside=[INTERNAL]))
                with pytest.raises(EgressRefused, match="by a redirect"):
                    send(connected(engine, f"https://api.example.com:{server.port}"), "/v1")

    assert inside.connections == 0


@BOTH
def test_a_redirect_to_a_public_place_still_works(send):
    """A presigned URL on another public origin is fetched, without the credential, and the policy is told that it is a hop."""
    policy = Outside()
    with public(answers(body=b"file"), "files.example.com") as files, ExitStack() as stack:
        server = stack.enter_context(public(redirects(f"https://files.example.com:{files.port}/signed"), "api.example.com"))
        engine = guarded(policy, names(api=[PUBLIC], files=[PUBLIC]))
        response = send(connected(engine, f"https://api.example.com:{server.port}", f"https://files.example.com:{files.port}"), "/v1")

    [asked] = files.requests
    assert response.content == b"file"
    assert asked.values("authorization") == []
    assert ["task", "redirect"] == [one.purpose for one in policy.asked if one.address]


@BOTH
def test_a_redirect_is_not_the_choice_of_a_value(send):
    """Under `egress_hosts` the host that an input names is listed; where its server leads is no value's choice, and goes without credential."""
    policy = Outside(hosts=frozenset({"tableau.example.com"}))
    with public(answers(body=b"file"), "files.example.com") as files, ExitStack() as stack:
        server = stack.enter_context(public(redirects(f"https://files.example.com:{files.port}/signed"), "tableau.example.com"))
        engine = guarded(Outside(hosts=policy.hosts, ports=frozenset({server.port, files.port})), names(tableau=[PUBLIC], files=[PUBLIC]), inputs={"token": "t0ken", "host": "tableau.example.com"})
        connection = connected(engine, f"https://{{{{ inputs.host }}}}:{server.port}", inputs={"host": {"format": "hostname"}})
        assert send(connection, "/v1").content == b"file"

    assert [[]] == [asked.values("authorization") for asked in files.requests]


@BOTH
def test_an_absolute_url_of_a_conversation_goes_nowhere(send):
    """What a conversation supplies is refused by its origin already; nothing is looked up."""
    found = names(api=[PUBLIC])
    with internal(answers(), "api.example.com") as inside:
        connection = connected(guarded("strict", found), "https://api.example.com")
        for url in (f"https://127.0.0.1:{inside.port}/", f"https://api.example.com@127.0.0.1:{inside.port}/", f"https://127。0。0。1:{inside.port}/", f"http://api.example.com:{inside.port}/"):
            with pytest.raises((AuthweaveError, httpx.HTTPError, httpx.InvalidURL)):
                send(connection, url)

    assert inside.connections == 0
    assert found.asked == []


@BOTH
def test_transports_of_the_caller_are_refused(send):
    """A transport or mounts of their own would go around the policy; a proxy has to be a listed one."""
    connection = connected(guarded("strict", names()), "https://api.example.com")
    for options in ({"transport": httpx.HTTPTransport()}, {"mounts": {"all://": httpx.HTTPTransport()}}):
        with pytest.raises(UsageError, match="takes no"):
            send(connection, "/", **options)
    with Server(connect_proxy(1)) as proxy:
        for given in (f"http://127.0.0.1:{proxy.port}", httpx.Proxy(f"http://127.0.0.1:{proxy.port}", auth=("a", "b"))):
            with pytest.raises(EgressRefused, match="egress_proxies"):
                send(connection, "/", proxy=given)
    assert proxy.connections == 0


@BOTH
def test_a_proxy_of_the_environment_is_held_to_the_list(send, monkeypatch):
    """HTTPS_PROXY counts where it is listed, and refuses where it is not; httpx itself does not read it past the policy."""
    with Server(answers(body=b"through"), tls=server_context(AUTHORITY.issue("api.example.com"))) as server, Server(connect_proxy(server.port)) as proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        monkeypatch.setenv("HTTPS_PROXY", url)
        monkeypatch.setenv("ALL_PROXY", url)
        unlisted = connected(guarded("strict", names(), environ={"HTTPS_PROXY": url}), "https://api.example.com")
        with pytest.raises(EgressRefused, match="egress_proxies"):
            send(unlisted, "/")
        assert proxy.connections == 0
        listed = connected(guarded("strict", names(), environ={"HTTPS_PROXY": url}, egress_proxies=[url]), "https://api.example.com")
        response = send(listed, "/")

    assert response.content == b"through"
    assert proxy.connections == 1


@needs_httpx
@BOTH
def test_a_name_without_address_is_a_failure_of_httpx(send):
    """Who catches httpx's own errors for the network goes on doing so."""
    with pytest.raises(httpx.ConnectError, match="no such name"):
        send(connected(guarded("strict", names()), "https://api.example.com"), "/")


@needs_httpx
@BOTH
def test_the_next_address_gets_its_turn(send):
    """Where nothing listens at the first of the checked addresses, the next one is called."""
    policy = Outside(also=frozenset({"127.0.0.8"}))
    with public(answers(), "api.example.com") as server:
        response = send(connected(guarded(policy, names(api=["127.0.0.8", PUBLIC])), f"https://api.example.com:{server.port}"), "/v1")

    assert response.status_code == 200


@BOTH
def test_a_client_with_a_certificate_is_held_to_it(send):
    """A profile with `tls` has a client of its own kind, whose requests go the same way: pinned, and to nothing inside."""
    issued = AUTHORITY.issue("client.example.com")
    tls = {"inputs": {"cert": {"type": "pem"}, "key": {"type": "pem", "secret": True}}, "tls": {"certificate": "{{ inputs.cert }}", "private_key": "{{ inputs.key }}"}}
    inputs = {"token": "t0ken", "cert": issued.certificate, "key": issued.key}
    found = names(api=[[PUBLIC], [INTERNAL]])
    with public(answers(200, ("Connection", "close")), "api.example.com") as server, internal(answers(), "api.example.com", port=server.port) as inside:
        connection = connected(guarded(Outside(), found, inputs=inputs), f"https://api.example.com:{server.port}", **tls)
        assert send(connection, "/v1", verify=None).status_code == 200
        with pytest.raises(EgressRefused, match="loopback"):
            send(connection, "/v1", verify=None)

    assert (1, 0) == (server.connections, inside.connections)


@BOTH
def test_bound_connections_are_held_to_it(send):
    """NTLM's client leases connections of its own; each of them is made to a checked address, too."""
    pytest.importorskip("spnego")
    inputs = {"username": "EXAMPLE\\me", "password": "pa55"}
    with internal(answers(), "api.example.com") as inside:
        connection = connected(guarded("strict", names(api=[INTERNAL]), inputs=inputs), f"https://api.example.com:{inside.port}", auth={"type": "ntlm"})
        with pytest.raises(EgressRefused, match="loopback"):
            send(connection, "/v1")

    assert inside.connections == 0


def test_doors_without_the_connection_say_so():
    """`auth` raises at construction; `authorize` and `headers_for` check what can be read off the URL, and leave DNS to who sends."""
    connection = connected(guarded("strict", names()), "https://api.example.com", "https://api.example.com:8443")

    with pytest.raises(NeedsClient, match=r"client\(\).*egress_of_tasks"):
        _ = connection.auth
    assert connection.authorize(TaskRequest("GET", "https://api.example.com:8443/x")).result(5).header("authorization")
    assert connection.headers_for("https://api.example.com/x").result(5)["Authorization"]


@every("server", ["https://10.0.0.1", "https://localhost", "https://[::1]", "http://127.0.0.1:9", "https://metadata.google.internal", "https://intranet"])
def test_servers_that_a_host_names_are_checked_too(server: str):
    """`connect(servers=…)` from a form is no way around it: each door refuses an internal host, before anything is sent."""
    engine = guarded("strict", names())
    connection = engine.connect(loads('{"format": 1, "name": "acme", "identity_provider": "A", "auth": {"type": "bearer"}}', "acme.json"), servers=[server])

    for door in (lambda: connection.authorize(TaskRequest("GET", f"{server}/x")), lambda: connection.headers_for(f"{server}/x")):
        with pytest.raises(EgressRefused, match="may not be called"):
            door().result(5)


def test_a_host_that_guards_its_own_network_has_auth():
    """With egress_of_tasks="host" the door opens; what can be read off the URL is still refused, on the quick way as well."""
    engine = guarded("strict", names(), egress_of_tasks="host")
    seen = []
    transport = httpx.MockTransport(lambda request: seen.append(str(request.url)) or httpx.Response(200))
    with httpx.Client(auth=connected(engine, "https://api.example.com", "https://api.example.com:9999").auth, transport=transport) as client:
        client.get("https://api.example.com/a")
        client.get("https://api.example.com/b")
    inside = engine.connect(loads('{"format": 1, "name": "b", "identity_provider": "A", "auth": {"type": "bearer"}}', "b.json"), servers=["https://localhost"])
    with httpx.Client(auth=inside.auth, transport=transport) as client, pytest.raises(EgressRefused):
        client.get("https://localhost/")

    assert seen == ["https://api.example.com/a", "https://api.example.com/b"]
