"""Diagnoses of the way, each from a real socket, the real resolver or a proxy that is not ours: names, connections, proxies, deadlines."""

from __future__ import annotations

import socket

import pytest

import sockets
from authweave.errors import WireError
from diagnosed import diagnosed
from parts.tinyproxy import PASSWORD, USERNAME
from probing import GIVES_TOKEN, INPUTS, REFRESH, between, oauth, refuse_leaks, report_of, run, stage, wire, written
from sockets import Server, answers, says, tls_server
from wiring import AUTHORITY, getaddrinfo_of

ELSEWHERE = "https://auth.acme.invalid"


def to(folder, url, **how):
    """The report of a profile whose token endpoint is there."""
    return run(written(folder, oauth(f"{url.rstrip('/')}/oauth/token", **how.pop("auth", {}))), **how)


# ---- names


@pytest.mark.diagnoses("dns_failure")
def test_a_name_that_nobody_knows(tmp_path):
    """The resolver of this machine is asked for a name under .invalid (RFC 6761 §6.4); the input that made it is what to look at."""
    path = written(tmp_path, oauth("https://{{ inputs.tenant }}.acme.invalid/oauth/token"), inputs={"tenant": {}})
    report = run(path, given={"tenant": "wrong"})

    told = diagnosed(report, "dns_failure", report.diagnoses[0].fixes[0].key, token="inconclusive", credential="not_tested", retry="only if the resolver did not answer")
    assert "wrong.acme.invalid" in told.sentence
    assert "Credentials were not tested" in told.sentence
    assert {"inputs.tenant", "auth.token_url"} <= {fix.key for fix in told.fixes}
    assert ("failed", "skipped") == (stage(report, "dns").status, stage(report, "connect").status)


def resolving(number):
    """What getaddrinfo of this machine says in this case."""

    def resolve(*_):
        raise socket.gaierror(number, "said by getaddrinfo")

    return resolve


@pytest.mark.diagnoses("dns_failure")
@pytest.mark.parametrize(
    ("number", "key", "words"),
    [
        (socket.EAI_NONAME, "auth.token_url", "NXDOMAIN"), (socket.EAI_AGAIN, "settings: proxy", "did not answer"), (socket.EAI_FAIL, "settings: proxy", "did not answer"),
        *([(socket.EAI_NODATA, "auth.token_url", "has no address")] if hasattr(socket, "EAI_NODATA") else []),
    ],
)  # fmt: skip
def test_a_missing_name_is_not_a_silent_resolver(tmp_path, number, key, words):
    """A name that does not exist is a matter of the URL; a resolver that does not answer, one of this machine."""
    report = to(tmp_path, ELSEWHERE, wire_=wire(resolve=resolving(number)))

    diagnosed(report, "dns_failure", key, token="inconclusive", says=words)


@pytest.mark.diagnoses("dns_failure")
def test_the_api_has_another_host_than_the_token_endpoint(tmp_path):
    """A token was obtained; it is `servers` that names nobody."""
    with Server(GIVES_TOKEN) as identity:
        report = run(written(tmp_path, oauth(f"{identity.url}t"), servers=["https://api.acme.invalid"]), wire_=wire(resolve=resolving(socket.EAI_NONAME)))

    diagnosed(report, "dns_failure", "servers", token="obtained", credential="inconclusive", says="api.acme.invalid")


# ---- connections


@pytest.mark.diagnoses("connect_refused")
def test_nothing_listens(tmp_path):
    """Host and port are named; nothing is said of the credential."""
    port = sockets.free_port()
    report = to(tmp_path, f"http://127.0.0.1:{port}")

    diagnosed(report, "connect_refused", "auth.token_url", token="inconclusive", credential="not_tested", says=(f"127.0.0.1 port {port}", "Credentials were not tested"), retry="yes, later")


@pytest.mark.diagnoses("connect_timeout")
def test_packets_are_dropped(tmp_path):
    """A queue that is full answers no more than a firewall does: rather a proxy is missing than a port wrong."""
    with sockets.never_accepting() as port:
        report = to(tmp_path, f"http://127.0.0.1:{port}", deadline=0.4)

    diagnosed(report, "connect_timeout", "settings: proxy", token="inconclusive", says="firewall", retry="yes, later")


@pytest.mark.diagnoses("connect_unreachable")
def test_no_way_leads_there(tmp_path):
    """The kernel refuses a stream to the broadcast address, wherever this machine stands."""
    report = to(tmp_path, "https://255.255.255.255")

    diagnosed(report, "connect_unreachable", "auth.token_url", token="inconclusive", says="no way", retry="yes, later")


@pytest.mark.diagnoses("connect_reset")
def test_a_firewall_resets(tmp_path):
    """A RST in the place of an answer to the handshake: what firewalls do that read the name in it."""

    def resets(peer):
        peer.socket.recv(1)
        peer.reset()

    with Server(resets) as server:
        report = to(tmp_path, f"https://127.0.0.1:{server.port}")

    diagnosed(report, "connect_reset", "settings: proxy", token="inconclusive", says="reset", retry="yes, later")


@pytest.mark.diagnoses("connection_lost")
@pytest.mark.parametrize("behaviour", [sockets.close, sockets.reset, says(b"HTTP/1.1 200 OK\r\nX-Half: ")], ids=["closed", "reset", "half a head"])
def test_the_connection_ends_without_an_answer(tmp_path, behaviour):
    """Closed, reset, or cut in its headers: no answer, and perhaps a request that was processed."""
    report = report_of(tmp_path, behaviour)

    diagnosed(report, "connection_lost", "auth.token_url", token="inconclusive", credential="not_tested", retry="once, if repeating is harmless")


@pytest.mark.diagnoses("not_http")
@pytest.mark.parametrize("banner", [b"SSH-2.0-OpenSSH_9.2p1\r\n", b"220 mail.example ESMTP\r\n\r\n", b"\x00\x00\x12\x04\x00\x00\x00\x00\x00"], ids=["ssh", "smtp", "h2"])
def test_something_else_listens(tmp_path, banner):
    """Whole or cut, what does not begin as HTTP is something else."""
    report = report_of(tmp_path, says(banner))

    diagnosed(report, "not_http", "auth.token_url", token="inconclusive", says="something else listens there", retry="no")


@pytest.mark.diagnoses("not_http")
def test_headers_without_an_end(tmp_path):
    """No client reads 300 KiB of headers."""
    report = report_of(tmp_path, says(b"HTTP/1.1 200 OK\r\nX-Much: " + b"x" * 300_000 + b"\r\n\r\n"))

    diagnosed(report, "not_http", "auth.token_url", token="inconclusive", says="of headers")


@pytest.mark.diagnoses("answer_too_large")
@pytest.mark.parametrize("behaviour", [answers(200, body=b"x" * 1_200_000), sockets.gzip_bomb(8)], ids=["large", "gzip bomb"])
def test_an_answer_without_measure(tmp_path, behaviour):
    """As it is, or once it is inflated: reading ends."""
    report = report_of(tmp_path, behaviour)

    diagnosed(report, "answer_too_large", "auth.token_url", token="inconclusive", says="a few KiB", retry="no")


@pytest.mark.diagnoses("egress_refused")
@pytest.mark.parametrize(
    ("url", "settings"),
    [("http://localhost:8080", {"resolve": getaddrinfo_of("192.0.2.1")}), ("http://127.0.0.1:8080", {"loopback_http": False})],
    ids=["the name leads away", "the operator allows none"],
)
def test_clear_text_stays_here(tmp_path, url, settings):
    """Nothing is sent, and the fix is https."""
    report = to(tmp_path, url, wire_=wire(**settings))

    diagnosed(report, "egress_refused", "auth.token_url", token="inconclusive", says=("so nothing was sent", "write https://"), retry="no")


@pytest.mark.diagnoses("network")
def test_rules_that_fail_in_their_own_way(tmp_path):
    """An operator's check of addresses may raise what nobody here knows."""

    def check(host, ip, port):
        raise WireError(f"no rules for {ip}", stage="connect", host=host, detail="rules")

    with Server(GIVES_TOKEN) as identity:
        report = to(tmp_path, identity.url, wire_=wire(check=check))

    assert [] == identity.requests
    diagnosed(report, "network", "auth.token_url", token="inconclusive", says="no rules for 127.0.0.1", retry="yes, later")


# ---- deadlines


@pytest.mark.diagnoses("read_timeout")
def test_a_request_without_an_answer(tmp_path):
    """The server has it: it may have acted on it."""
    report = report_of(tmp_path, sockets.hang_after_request, deadline=0.3)

    told = diagnosed(report, "read_timeout", "settings: deadline", token="inconclusive", says="it may have acted on it", retry="only for grants that may be repeated")
    assert "used up" not in told.sentence


@pytest.mark.diagnoses("read_timeout")
def test_a_refresh_token_without_an_answer(tmp_path):
    """One that rotates may be used up by a request that nobody answered."""
    report = report_of(tmp_path, sockets.hang_after_request, auth={"grant_type": "refresh_token"}, inputs={**INPUTS, "refresh_token": REFRESH}, deadline=0.3)

    diagnosed(report, "read_timeout", "settings: deadline", token="inconclusive", says="a refresh token that rotates) may be used up")


@pytest.mark.diagnoses("read_timeout")
def test_a_handshake_without_an_end(tmp_path):
    """Nothing was asked, so nothing was processed: it is the port that is in doubt."""
    with Server(sockets.hang) as server:
        report = to(tmp_path, f"https://127.0.0.1:{server.port}", deadline=0.3)

    told = diagnosed(report, "read_timeout", "auth.token_url", token="inconclusive", says=("nothing could be asked", "is this the right port?"))
    assert "processed" not in told.sentence


@pytest.mark.diagnoses("read_timeout")
def test_an_api_without_an_answer(tmp_path):
    """The token was obtained; the check hangs."""
    report = report_of(tmp_path, GIVES_TOKEN, sockets.hang_after_headers, test_deadline=0.6)

    diagnosed(report, "read_timeout", "settings: test_deadline", token="obtained", credential="inconclusive")


# ---- proxies


@pytest.fixture
def behind():
    """A token endpoint with TLS that a proxy can reach; its port."""
    with tls_server(GIVES_TOKEN, AUTHORITY, "localhost", "127.0.0.1") as server:
        yield server


def proxied(folder, behind, proxy, *, servers=("https://api.acme.example",), **environ):
    """A run whose environment names this proxy."""
    path = written(folder, oauth(f"https://localhost:{behind.port}/oauth/token"), servers=servers, test=None)
    return run(path, wire_=wire(ca=AUTHORITY.pem, environ={"HTTPS_PROXY": proxy, **environ}))


@pytest.mark.diagnoses("proxy_credentials")
def test_a_proxy_that_wants_credentials(tmp_path, tinyproxy, behind):
    """tinyproxy's 407: the variable is named, and what to write in it; with the credentials the same way is open."""
    proxy = tinyproxy(credentials=True)
    refused = proxied(tmp_path, behind, proxy)
    wrong = proxied(tmp_path, behind, proxy.replace("//", f"//{USERNAME}:wrong-{PASSWORD}@"))
    right = proxied(tmp_path, behind, proxy.replace("//", f"//{USERNAME}:{PASSWORD}@"))

    told = diagnosed(refused, "proxy_credentials", "settings: proxy", token="inconclusive", credential="not_tested", says=("407", "HTTPS_PROXY", "http://user:password@host:port"), retry="no")
    assert "HTTPS_PROXY" == told.fixes[0].place
    diagnosed(wrong, "proxy_credentials", "settings: proxy", token="inconclusive", says="does not accept the credentials")
    assert "obtained" == right.token.word
    for report in (refused, wrong, right):
        refuse_leaks(report, PASSWORD)
    assert "failed" == stage(refused, "connect").status


@pytest.mark.diagnoses("proxy_refused")
def test_a_proxy_that_refuses_the_way(tmp_path, tinyproxy, behind):
    """tinyproxy lets CONNECT through to some ports alone; NO_PROXY is what goes around it."""
    proxy = tinyproxy(ports=(443,))
    refused = proxied(tmp_path, behind, proxy, servers=["https://api.acme.example"])
    around = proxied(tmp_path, behind, proxy, NO_PROXY="localhost")

    told = diagnosed(refused, "proxy_refused", "settings: proxy", token="inconclusive", says=("refused CONNECT", "403", "set NO_PROXY=localhost", "HTTPS_PROXY"), retry="no")
    assert "HTTPS_PROXY" == told.fixes[0].place
    assert f"calls to servers[0] go through {proxy} (from HTTPS_PROXY)" in told.evidence
    assert "obtained" == around.token.word


@pytest.mark.diagnoses("proxy_refused")
def test_the_api_does_not_go_through_the_proxy(tmp_path, tinyproxy, behind):
    """Token and API calls may go different ways: the report tells both."""
    proxy = tinyproxy(ports=(443,))
    report = proxied(tmp_path, behind, proxy, servers=["https://api.acme.example"], NO_PROXY="api.acme.example")

    told = diagnosed(report, "proxy_refused", "settings: proxy")
    assert "calls to servers[0] go directly (NO_PROXY names it)" in told.evidence
    assert f"calls to auth.token_url go through {proxy} (from HTTPS_PROXY)" in told.evidence


@pytest.mark.diagnoses("proxy_refused")
def test_a_proxy_of_the_settings(tmp_path, tinyproxy, behind):
    """The setting is named as such, and `none` is what goes direct."""
    path = written(tmp_path, oauth(f"https://localhost:{behind.port}/t"), test=None)
    report = run(path, wire_=wire(ca=AUTHORITY.pem, proxy=tinyproxy(ports=(443,))))

    diagnosed(report, "proxy_refused", "settings: proxy", says=("write `none` to go direct", "settings: proxy"))


@pytest.mark.diagnoses("proxy_unreachable")
def test_a_proxy_that_is_not_there(tmp_path, behind):
    """The host was never called."""
    report = proxied(tmp_path, behind, f"http://127.0.0.1:{sockets.free_port()}")

    assert 0 == behind.connections
    diagnosed(report, "proxy_unreachable", "settings: proxy", token="inconclusive", says=("localhost was not called", "HTTPS_PROXY"), retry="yes, later")


@pytest.mark.diagnoses("proxy_protocol")
def test_a_proxy_that_is_something_else(tmp_path, behind):
    """A port that speaks SSH."""
    with Server(says(b"SSH-2.0-OpenSSH_9.2p1\r\n")) as ssh:
        report = proxied(tmp_path, behind, ssh.url)

    diagnosed(report, "proxy_protocol", "settings: proxy", token="inconclusive", says="does not speak HTTP", retry="no")


@pytest.mark.diagnoses("proxy_invalid")
@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "http://127.0.0.1:99999", "not a proxy"])
def test_a_proxy_that_cannot_be_used(tmp_path, behind, proxy):
    """Of another kind, or not readable: nothing is called, and where it was named is what to change."""
    report = proxied(tmp_path, behind, proxy)

    told = diagnosed(report, "proxy_invalid", "settings: proxy", token="inconclusive", says="write http://host:port", retry="no")
    assert "HTTPS_PROXY" == told.fixes[0].place
    assert 0 == behind.connections


def test_the_same_way_without_a_fault(tmp_path):
    """The twin of them all: nothing is diagnosed where nothing is wrong."""
    with between() as (identity, api):
        report = run(written(tmp_path, oauth(f"{identity.url}t"), servers=[api.url.rstrip("/")]))

    assert ((), "obtained", "accepted") == (report.diagnoses, report.token.word, report.credential.word)
