"""The way to a host: routes, the egress check and proxies."""

import socket
import time

import pytest

import sockets
from authweave.errors import (
    ConnectFailure,
    DeadlineExceeded,
    EgressRefused,
    ProxyFailure,
    TlsFailure,
)
from authweave.wire import Route
from certificates import server_context
from sockets import Server, answers, free_port, says, tls_server
from thorough import every
from wiring import AUTHORITY, SECRET, failure_of, get, getaddrinfo_of, wire


def test_a_route_leads_a_host_elsewhere_and_keeps_its_name():
    """Host, SNI and certificate stay those of the URL; only address, port and the authority are the route's."""
    names = []
    context = server_context(AUTHORITY.issue("api.example"))
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    with Server(answers(), tls=context) as server:
        route = Route("127.0.0.1", server.port, AUTHORITY.pem)
        routed = wire(ca=None, routes={("API.example", 443): route}, proxy="http://127.0.0.1:1", check=None)
        reply = routed.send(get("https://api.example/v1"), deadline=2)

    [asked] = server.requests
    assert reply.status == 200
    assert ["api.example"] == names == asked.values("host")


def test_the_authority_of_a_route_is_for_its_host_only():
    """Another host with a certificate of that authority is not believed."""
    with tls_server(answers(), AUTHORITY, "api.example", "127.0.0.1") as server:
        routed = wire(ca=None, routes={("api.example", 443): Route("127.0.0.1", server.port, AUTHORITY.pem)})
        routed.send(get("https://api.example/"), deadline=2)
        error = failure_of(TlsFailure, lambda: routed.send(get(server.url), deadline=2))

    assert error.detail == "unknown_ca"


def test_every_address_is_checked_and_the_checked_one_is_called():
    """The policy sees each address before any connection; the name is resolved once, so it cannot change meanwhile."""
    asked, resolved = [], []

    def resolve(host, port, *_):
        resolved.append(host)
        return getaddrinfo_of("127.0.0.1")(host, port, 0, 1) if len(resolved) == 1 else pytest.fail("asked again")

    with tls_server(answers(), AUTHORITY, "api.example") as server:
        sender = wire(resolve=resolve, check=lambda *where: asked.append(where))
        sender.send(get(f"https://api.example:{server.port}/"), deadline=2)

    assert [("api.example", "127.0.0.1", server.port)] == asked


@every("url", ["https://api.example/", "https://2130706433/", "https://127.1/", "https://[::1]/"])
def test_one_forbidden_address_refuses_the_call(url):
    """If any address of the name is forbidden, no connection is made to any of them."""

    def check(host, ip, port):
        if ip in ("127.0.0.1", "::1"):
            raise EgressRefused(f"{ip} may not be called", stage="dns", host=host)

    def resolve(host, port, family, kind):
        if host == "api.example":
            return getaddrinfo_of("192.0.2.1", "127.0.0.1")(host, port, family, kind)
        return socket.getaddrinfo(host, port, family, kind)

    began = time.monotonic()
    failure_of(EgressRefused, lambda: wire(check=check, resolve=resolve).send(get(url), deadline=5))

    assert time.monotonic() - began < 4


def test_a_tunnel_through_a_proxy():
    """CONNECT names the host, credentials go to the proxy alone, and TLS is with the host behind it."""
    with tls_server(answers(), AUTHORITY, "api.example") as server:
        behaviour = sockets.connect_proxy(server.port, authorization="Basic dTpwQHc=")
        with Server(behaviour) as proxy:
            environ = {"HTTPS_PROXY": f"http://u:p%40w@127.0.0.1:{proxy.port}"}
            reply = wire(environ=environ).send(get("https://api.example/x", ("X-Key", SECRET)), deadline=2)

    [tunnelled], [asked] = proxy.requests, server.requests
    assert tunnelled.line == "CONNECT api.example:443 HTTP/1.1"
    assert asked.values("proxy-authorization") == []
    assert SECRET.encode() not in tunnelled.head
    assert f"http://127.0.0.1:{proxy.port} (from HTTPS_PROXY)" == reply.proxy
    assert reply.tls.certificate.subject == "CN=api.example"
    assert "p@w" not in repr(reply)


def test_a_proxy_that_is_spoken_to_over_tls():
    """An https proxy carries TLS in TLS."""
    with tls_server(answers(), AUTHORITY, "api.example") as server:
        behaviour = sockets.connect_proxy(server.port)
        with tls_server(behaviour, AUTHORITY, "127.0.0.1") as proxy:
            reply = wire(proxy=proxy.url).send(get("https://api.example/"), deadline=3)

    assert reply.status == 200
    assert reply.tls.certificate.subject == "CN=api.example"


def test_a_local_http_call_goes_through_a_local_proxy_in_absolute_form():
    """Clear text reaches a proxy on this machine as RFC 9112 §3.2.2 says, and no other proxy."""
    with Server(answers()) as proxy:
        wire(environ={"http_proxy": f"127.0.0.1:{proxy.port}"}).send(get("http://localhost:9/a?b"), deadline=2)
        elsewhere = wire(environ={"http_proxy": "http://proxy.example:3128"}, resolve=getaddrinfo_of("127.0.0.1"))
        elsewhere.send(get(f"http://localhost:{proxy.port}/direct"), deadline=2)

    assert [asked.line for asked in proxy.requests] == ["GET http://localhost:9/a?b HTTP/1.1", "GET /direct HTTP/1.1"]


@pytest.mark.parametrize("url", ["https://api.example/", "http://127.0.0.1:9/"])
def test_a_proxy_that_wants_credentials(url):
    """407 is the proxy's failure; the message names the variable and never the password."""
    with Server(sockets.wants_proxy_credentials) as proxy:
        where = f"http://user:{SECRET}@127.0.0.1:{proxy.port}"
        error = failure_of(ProxyFailure, lambda: wire(environ={"all_proxy": where}).send(get(url), deadline=2))

    assert (error.stage, error.detail, error.facts["status"]) == ("proxy", "credentials", 407)
    assert "all_proxy" in str(error)
    assert SECRET not in str(error) + repr(error.facts)


@every(
    "behaviour, detail",
    [
        (answers(403), "refused"),
        (answers(502), "refused"),
        (sockets.close, "protocol"),
        (sockets.reset, "protocol"),
        (says(b"SSH-2.0-OpenSSH\r\n"), "protocol"),
    ],
)
def test_a_proxy_that_does_not_open_the_way(behaviour, detail):
    """A refused CONNECT and a proxy that is none are told apart, with the origin of the setting."""
    with Server(behaviour) as proxy:
        sender = wire(proxy=f"http://127.0.0.1:{proxy.port}", proxy_from="authweave.toml: proxy")
        error = failure_of(ProxyFailure, lambda: sender.send(get("https://api.example/"), deadline=2))

    assert ("proxy", detail, "api.example") == (error.stage, error.detail, error.host)
    assert "authweave.toml: proxy" in str(error)


@pytest.mark.parametrize("setting", ["socks5://u:{secret}@h:1", "http://u:{secret}@", "http://u:{secret}@h:99999"])
def test_a_proxy_setting_that_cannot_be_used(setting):
    """An unreadable setting is named by its origin and not quoted."""
    environ = {"HTTPS_PROXY": setting.format(secret=SECRET)}
    error = failure_of(ProxyFailure, lambda: wire(environ=environ).send(get("https://api.example/"), deadline=2))

    assert error.detail == "invalid"
    assert "HTTPS_PROXY" in str(error)
    assert SECRET not in str(error)


def test_a_proxy_that_is_not_there():
    """Nothing listens at the proxy, or it has no address: the proxy's failure, not the host's."""
    gone = wire(proxy=f"http://127.0.0.1:{sockets.free_port()}")
    unknown = wire(proxy="http://proxy.example:1", resolve=lambda *_: [])

    first = failure_of(ProxyFailure, lambda: gone.send(get("https://api.example/"), deadline=2))
    second = failure_of(ProxyFailure, lambda: unknown.send(get("https://api.example/"), deadline=2))

    assert (first.detail, first.facts["why"]) == ("unreachable", "refused")
    assert (second.detail, second.facts["why"]) == ("unreachable", "no_address")


def test_a_proxy_that_hangs():
    """A CONNECT without an answer ends at the deadline, in stage proxy."""
    with Server(sockets.hang) as proxy:
        sender = wire(proxy=f"http://127.0.0.1:{proxy.port}")
        error = failure_of(DeadlineExceeded, lambda: sender.send(get("https://api.example/"), deadline=0.3))

    assert error.stage == "proxy"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433"])
def test_behind_a_proxy_addresses_are_still_checked(host):
    """What is an address already is checked here, and the proxy's own address is asked of its own policy."""
    seen = []

    def check(host, ip, port):
        raise EgressRefused(f"{ip} may not be called", stage="dns", host=host)

    with Server(sockets.close) as proxy:
        sender = wire(proxy=f"http://127.0.0.1:{proxy.port}", check=check, check_proxy=lambda *a: seen.append(a))
        failure_of(EgressRefused, lambda: sender.send(get(f"https://{host}/"), deadline=2))
        failure_of(ProxyFailure, lambda: sender.send(get("https://api.example/"), deadline=2))

    assert [("127.0.0.1", "127.0.0.1", proxy.port)] == seen
    assert proxy.connections == 1


@every(
    "no_proxy, direct",
    [
        ("*", True), ("api.example", True), (".example", True), ("example", True), ("EXAMPLE", True),
        ("*.example", True), ("other.test, api.example:{port}", True), ("api.example:1", False),
        ("i.example", False), ("", False), ("10.0.0.0/8", False),
    ],
)  # fmt: skip
def test_no_proxy(no_proxy, direct):
    """Domains with all below them, ports and * are excepted; part of a label is not."""
    with tls_server(answers(), AUTHORITY, "api.example") as server, Server(sockets.close) as proxy:
        environ = {"https_proxy": f"http://127.0.0.1:{proxy.port}", "NO_PROXY": no_proxy.format(port=server.port)}
        sender = wire(environ=environ, resolve=getaddrinfo_of("127.0.0.1"))
        call = get(f"https://api.example:{server.port}/")
        if direct:
            assert sender.send(call, deadline=2).proxy is None
        else:
            failure_of(ProxyFailure, lambda: sender.send(call, deadline=2))


@pytest.mark.parametrize(("no_proxy", "direct"), [("127.0.0.0/8", True), ("127.0.0.1", True), ("10.0.0.0/8", False)])
def test_no_proxy_with_networks(no_proxy, direct):
    """An address is excepted by itself or by its network."""
    with tls_server(answers(), AUTHORITY, "127.0.0.1") as server, Server(sockets.close) as proxy:
        sender = wire(environ={"https_proxy": f"http://127.0.0.1:{proxy.port}", "no_proxy": no_proxy})
        if direct:
            assert sender.send(get(server.url), deadline=2).proxy is None
        else:
            failure_of(ProxyFailure, lambda: sender.send(get(server.url), deadline=2))


def test_an_ipv6_address():
    """An address in brackets is called, named in brackets in Host, and checked against the certificate."""
    try:
        server = Server(answers(), tls=server_context(AUTHORITY.issue("::1")), host="::1")
        server.__enter__()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    try:
        reply = wire().send(get(f"https://[0:0::1]:{server.port}/"), deadline=2)
    finally:
        server.__exit__()

    assert ("::1", server.port) == reply.address
    assert server.requests[0].values("host") == [f"[::1]:{server.port}"]


def test_nothing_listens_where_a_route_leads():
    """The error names the host that was called, too: of the other end of a route nobody may have heard."""
    routed = wire(ca=None, routes={("api.example", 443): Route("127.0.0.1", free_port())})

    error = failure_of(ConnectFailure, lambda: routed.send(get("https://api.example/"), deadline=2))

    assert "no connection to 127.0.0.1, where calls for api.example go (" in str(error)
