"""`client()` and `async_client()` follow the operator's routes, as calls of authweave's own do: over real TLS, in the name of the real host."""

from __future__ import annotations

import asyncio
import ssl

import httpx
import pytest

from authweave import Engine
from authweave.errors import EgressRefused
from authweave.settings import Settings
from authweave.wire import Route, Wire
from certificates import Authority, server_context
from services import profile
from sockets import Server, answers, free_port, http, redirects

AUTHORITY = Authority()
KEY = "k3y-of-the-routes"
COLOURS = pytest.mark.parametrize("colour", ["sync", "async"])


def get(colour, connection, url, **options):
    options = {"follow_redirects": True, **options}
    if colour == "sync":
        with connection.client(**options) as client:
            return client.get(url)

    async def run():
        async with connection.async_client(**options) as client:
            return await client.get(url)

    return asyncio.run(run())


def tls(behaviour, *names):
    """A TLS server that keeps the name that it was asked for in the handshake."""
    context = server_context(AUTHORITY.issue(*names))
    server = Server(behaviour, tls=context)
    server.named = []
    context.sni_callback = lambda _, name, __: server.named.append(name)
    return server


def connected(routes, *servers, wire=None, egress=None, auth=None, inputs=None, **settings):
    wire = Wire(routes=routes, environ={}, **(wire or {}))
    found = Settings.load({"sources": [], **settings}, env={})
    made = profile(auth or {"type": "api_key", "fields": [{"in": "header", "key": "X-Key", "value": "{{ inputs.api_key }}"}]}, *servers)
    return Engine(settings=found, wire=wire, inputs=inputs or {"api_key": KEY}, egress=egress).connect(made)


@COLOURS
def test_a_request_goes_where_the_route_leads(colour):
    """Host, SNI and URL stay those of the real place; the route's own authority is believed there, and the credential is sent."""
    with tls(answers(), "api.example") as server:
        connection = connected({("api.example", 443): Route("127.0.0.1", server.port, AUTHORITY.pem)}, "https://api.example")
        for url in ("/v1", "https://API.example:443/v1"):
            answer = get(colour, connection, url)
            assert (200, "accepted") == (answer.status_code, answer.extensions["authweave"].verdict)

    assert ["api.example"] * 2 == [name.lower() for name in server.named]
    assert [KEY] * 2 == [value for asked in server.requests for value in asked.values("x-key")]
    assert ["api.example"] * 2 == [asked.values("host")[0] for asked in server.requests]


@COLOURS
def test_before_any_proxy(colour, monkeypatch):
    """As with calls of authweave's own: what the environment or the caller says of proxies and NO_PROXY is for what has no route."""
    nowhere = f"http://127.0.0.1:{free_port()}"
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, nowhere)
    with tls(answers(), "api.example") as server:
        connection = connected({("api.example", 443): Route("127.0.0.1", server.port, AUTHORITY.pem)}, "https://api.example", "https://api.example:8443")
        for excepted in ("", "api.example"):
            monkeypatch.setenv("NO_PROXY", excepted)
            monkeypatch.setenv("no_proxy", excepted)
            assert 200 == get(colour, connection, "/v1").status_code
        monkeypatch.delenv("NO_PROXY")
        monkeypatch.delenv("no_proxy")
        assert 200 == get(colour, connection, "/v1", proxy=nowhere).status_code
        with pytest.raises(httpx.ConnectError):  # the proxy's: another port has no route
            get(colour, connection, "https://api.example:8443/v1")


@COLOURS
def test_the_authority_of_a_route_is_believed_there_alone(colour):
    """Another host with a certificate of that authority, reached without a route, is not."""
    with tls(answers(), "127.0.0.1") as other, tls(redirects(f"https://127.0.0.1:{other.port}/x"), "api.example") as server:
        connection = connected({("api.example", 443): Route("127.0.0.1", server.port, AUTHORITY.pem)}, "https://api.example")
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            get(colour, connection, "/v1")

    assert (1, 0) == (len(server.requests), len(other.requests))


@COLOURS
def test_what_the_caller_believes_counts(colour):
    """`verify` is the caller's word; without it and without an authority the stranger's certificate is refused."""
    with tls(answers(), "api.example") as server:
        connection = connected({("api.example", 443): Route("127.0.0.1", server.port)}, "https://api.example")
        with pytest.raises(httpx.ConnectError):
            get(colour, connection, "/v1")
        assert 200 == get(colour, connection, "/v1", verify=ssl.create_default_context(cadata=AUTHORITY.pem)).status_code


@COLOURS
def test_a_redirect_from_route_to_route_goes_without(colour):
    """Another origin is another origin, wherever both are connected to."""
    with tls(answers(), "other.example") as other, tls(redirects("https://other.example/x"), "api.example") as server:
        routes = {("api.example", 443): Route("127.0.0.1", server.port, AUTHORITY.pem), ("other.example", 443): Route("127.0.0.1", other.port, AUTHORITY.pem)}
        answer = get(colour, connected(routes, "https://api.example"), "/v1")

    assert "inconclusive" == answer.extensions["authweave"].verdict
    assert ([[KEY]], [[]]) == ([asked.values("x-key") for asked in server.requests], [asked.values("x-key") for asked in other.requests])


@COLOURS
def test_under_strict_a_route_is_the_operators_own_word(colour):
    """What has a route goes there, though that is this machine; what has none is held to the policy as ever, redirects among it."""
    with tls(redirects("https://127.0.0.1/x"), "api.example") as server:
        connection = connected({("api.example", 443): Route("127.0.0.1", server.port, AUTHORITY.pem)}, "https://api.example", egress="strict")
        assert 302 == get(colour, connection, "/v1", follow_redirects=False).status_code
        with pytest.raises(EgressRefused, match="loopback"):
            get(colour, connection, "/v1")

    assert [KEY] * 2 == [value for asked in server.requests for value in asked.values("x-key")]


@COLOURS
@pytest.mark.parametrize("egress", [None, "strict"])
def test_connections_that_are_bound_follow_them_too(colour, egress):
    """NTLM's client leases connections of its own."""
    pytest.importorskip("spnego")
    with tls(answers(), "api.example") as server:
        connection = connected({("api.example", 443): Route("127.0.0.1", server.port, AUTHORITY.pem)}, "https://api.example", egress=egress, auth={"type": "ntlm"}, inputs={"username": "E\\me", "password": "pa55"})
        assert 200 == get(colour, connection, "/v1").status_code


@COLOURS
@pytest.mark.parametrize("egress", [None, "strict"])
def test_what_follows_an_answer_there_is_nobodys(colour, egress):
    """Behind a route, too, a connection over which more came than the answer is not used again."""

    def behave(peer):
        while True:
            peer.request()
            peer.send(http(body=b"ONE") + http(body=b"TWO"))

    def ask(connection):
        if colour == "sync":
            with connection.client() as client:
                return [client.get("/v1").content for _ in range(2)]

        async def run():
            async with connection.async_client() as client:
                return [(await client.get("/v1")).content for _ in range(2)]

        return asyncio.run(run())

    with tls(behave, "api.example") as server:
        routes = {("api.example", 443): Route("127.0.0.1", server.port, AUTHORITY.pem)}
        assert [b"ONE"] * 2 == ask(connected(routes, "https://api.example", egress=egress))

    assert 2 == server.connections


@COLOURS
def test_who_gives_a_transport_decides(colour):
    """A transport or mounts of the caller's own are not routed away from."""
    connection = connected({("api.example", 443): Route("127.0.0.1", free_port())}, "https://api.example")
    transport = httpx.MockTransport(lambda request: httpx.Response(204))

    assert 204 == get(colour, connection, "/v1", transport=transport).status_code
    assert 204 == get(colour, connection, "/v1", mounts={"all://": transport}).status_code


@COLOURS
def test_as_the_settings_write_them(colour, tmp_path):
    """`routes` and `ca` of a file: the same for the program as for the command line."""
    ca = tmp_path / "ca.pem"
    ca.write_text(AUTHORITY.pem)
    with tls(answers(), "api.example") as server:
        settings = Settings.load({"sources": [], "routes": {"api.example:443": f"127.0.0.1:{server.port}"}, "ca": str(ca)}, env={})
        made = profile({"type": "api_key"}, "https://api.example")
        assert 200 == get(colour, Engine(settings=settings, inputs={"api_key": KEY}).connect(made), "/v1").status_code
