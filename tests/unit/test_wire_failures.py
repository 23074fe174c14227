"""What every kind of broken server becomes: a named failure with its stage, never a foreign exception."""

import gzip
import random
import socket
import ssl
import threading
import time
import warnings

import pytest

import sockets
from authweave.errors import (
    ConnectFailure,
    DnsFailure,
    InvalidInput,
    ProtocolFailure,
    SettingsError,
    TlsFailure,
    WireError,
)
from authweave.wire import TLS_DETAILS, ClientCertificate, Reply
from certificates import DAY, Authority, self_signed, server_context
from sockets import Server, answers, http, says, tls_server
from thorough import every
from wiring import AUTHORITY, SECRET, failure_of, get, wire


@every(
    "behaviour, stage, detail",
    [
        (sockets.reset, "headers", "reset"),
        (sockets.close, "headers", "no_answer"),
        (sockets.truncated(), "body", "content_length"),
        (says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"), "body", "truncated"),
        (says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n"), "body", "garbage"),
        (says(b"HTTP/1.1 200 OK\r\nX-Half: "), "headers", "truncated"),
        (says(b"220 mail.example ESMTP\r\n\r\n" + SECRET.encode()), "headers", "garbage"),
        (says(b"HTTP/1.1 999999 " + SECRET.encode() + b"\r\n\r\n"), "headers", "garbage"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), "headers", "garbage"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: " + SECRET.encode() + b"\r\n\r\n"), "headers", "garbage"),
        (says(b"HTTP/1.1 200 OK\r\n" + b"X-Much: " + b"x" * 300_000 + b"\r\n\r\n"), "headers", "headers_too_large"),
    ],
)
def test_what_is_not_http_is_a_protocol_failure(behaviour, stage, detail):
    """Garbage, resets and cut answers are named, and what the server sent is never quoted."""
    with Server(behaviour) as server:
        error = failure_of(ProtocolFailure, lambda: wire().send(get(server.url), deadline=3))

    assert (stage, detail, "127.0.0.1") == (error.stage, error.detail, error.host)
    assert SECRET not in str(error)


def test_nothing_listens():
    """A refused connection names address and port."""
    port = sockets.free_port()
    error = failure_of(ConnectFailure, lambda: wire().send(get(f"http://127.0.0.1:{port}/"), deadline=2))

    assert (error.stage, error.detail) == ("connect", "refused")
    assert f"127.0.0.1 port {port}" in str(error)


@every(
    "outcome, detail",
    [
        (socket.gaierror(socket.EAI_NONAME, "unknown"), "nxdomain"),
        (socket.gaierror(socket.EAI_AGAIN, "later"), "timeout"),
        (OSError("anything"), "timeout"),
        (UnicodeError("label too long"), "nxdomain"),
        ([], "no_address"),
    ],
)
def test_names_that_do_not_resolve(outcome, detail):
    """A name that does not exist, one without address and a resolver that is not there are told apart."""

    def resolve(*_):
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    error = failure_of(DnsFailure, lambda: wire(resolve=resolve).send(get("https://typo.example/"), deadline=2))

    assert ("dns", detail, "typo.example") == (error.stage, error.detail, error.host)


BROKEN = {
    "expired": lambda: AUTHORITY.issue("127.0.0.1", begins=-2 * DAY, ends=-DAY),
    "not_yet_valid": lambda: AUTHORITY.issue("127.0.0.1", begins=DAY),
    "self_signed": lambda: self_signed("127.0.0.1"),
    "unknown_ca": lambda: Authority("Corporate Inspection").issue("127.0.0.1"),
    "name_mismatch": lambda: AUTHORITY.issue("other.example", "www.other.example"),
}
QUOTED = {
    "expired": "authweave test authority",
    "not_yet_valid": "begins on",
    "self_signed": "CN=127.0.0.1",
    "unknown_ca": "Corporate Inspection",
    "name_mismatch": "www.other.example",
}


@every("tls12", [False, True])
@every("detail", BROKEN)
def test_broken_certificates_are_told_apart(detail, tls12):
    """Each kind says dates, issuer or names; no request reaches the server; nothing advises to stop verifying."""
    with Server(answers(), tls=server_context(BROKEN[detail](), tls12=tls12)) as server:
        error = failure_of(TlsFailure, lambda: wire().send(get(server.url), deadline=2))

    assert ("tls", detail) == (error.stage, error.detail)
    assert QUOTED[detail] in str(error)
    assert error.facts["not_after"]
    assert server.requests == []
    assert "verif" not in str(error).lower()
    assert detail in TLS_DETAILS


def test_a_broken_certificate_is_told_without_a_second_look():
    """A server that hangs the second time gives the same error, within the deadline."""
    first = threading.Semaphore(1)
    context = server_context(self_signed("127.0.0.1"))

    def only_once(peer):
        if first.acquire(blocking=False):
            context.wrap_socket(peer.socket, server_side=True)
        else:
            peer.hang()

    with Server(only_once) as server:
        began = time.monotonic()
        url = f"https://127.0.0.1:{server.port}/"
        error = failure_of(TlsFailure, lambda: wire().send(get(url), deadline=0.6))

    assert (error.detail, error.facts) == ("self_signed", {})
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("tls12", [False, True])
def test_client_certificates(tls12):
    """A server that wants one: missing and wrong ones are named, a right one is shown."""
    clients = Authority("clients")
    right, wrong = clients.issue("me.example"), Authority("others").issue("me.example")
    context = server_context(AUTHORITY.issue("127.0.0.1"), clients_of=clients, tls12=tls12)

    def showing(issued):
        return wire(client=issued and ClientCertificate(issued.certificate, issued.key))

    with Server(answers(), tls=context) as server:
        missing = failure_of(TlsFailure, lambda: showing(None).send(get(server.url), deadline=2))
        refused = failure_of(TlsFailure, lambda: showing(wrong).send(get(server.url), deadline=2))
        reply = showing(right).send(get(server.url), deadline=2)

    assert (missing.detail, missing.stage) == ("client_certificate_required", "tls")
    assert (refused.detail, refused.stage) == ("client_certificate_refused", "tls")
    assert reply.status == 200


def test_certificates_that_cannot_be_read():
    """A key of another certificate, text that is no key, and an authority file that is not there are named."""
    one, other = AUTHORITY.issue("one.example"), AUTHORITY.issue("other.example")
    with Server(answers()) as server:
        url = get(f"https://127.0.0.1:{server.port}/")
        swapped = wire(client=ClientCertificate(one.certificate, other.key))
        assert failure_of(InvalidInput, lambda: swapped.send(url, deadline=2)).name == "tls.certificate"
        no_key = wire(client=ClientCertificate(one.certificate, SECRET))
        error = failure_of(InvalidInput, lambda: no_key.send(url, deadline=2))
        missing = failure_of(SettingsError, lambda: wire(ca="/nowhere/ca.pem").send(url, deadline=2))

    assert error.name == "tls.private_key"
    assert SECRET not in str(error)
    assert "/nowhere/ca.pem" in str(missing)


def test_an_old_tls_version():
    """A server that speaks nothing newer than TLS 1.1 is named as that."""
    context = server_context(AUTHORITY.issue("127.0.0.1"))
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore"):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with Server(answers(), tls=context) as server:
        error = failure_of(TlsFailure, lambda: wire().send(get(server.url), deadline=2))

    assert error.detail == "protocol_version"


def test_the_wrong_scheme_is_named_both_ways():
    """TLS spoken to a plain port, and plain HTTP to a TLS port."""
    with Server(lambda peer: peer.send(http(400))) as plain:
        url = f"https://127.0.0.1:{plain.port}/"
        spoke_tls = failure_of(TlsFailure, lambda: wire().send(get(url), deadline=2))
    with tls_server(answers(), AUTHORITY, "127.0.0.1") as secured:
        url = f"http://127.0.0.1:{secured.port}/"
        spoke_plain = failure_of(TlsFailure, lambda: wire().send(get(url), deadline=2))
    with Server(says(b"\x15\x03\x01\x00\x02\x02\x46")) as alerting:
        answered_alert = failure_of(TlsFailure, lambda: wire().send(get(alerting.url), deadline=2))

    assert spoke_tls.detail == "tls_on_http_port"
    assert "http_on_tls_port" == spoke_plain.detail == answered_alert.detail


def test_verification_can_be_given_up_by_the_operator_alone():
    """`verify=False` calls a server that signed itself, and the reply says that nothing was verified."""
    with Server(answers(), tls=server_context(self_signed("127.0.0.1"))) as server:
        reply = wire(verify=False).send(get(server.url), deadline=2)

    assert not reply.tls.verified
    assert reply.tls.certificate.subject == "CN=127.0.0.1"


def test_no_answer_makes_a_foreign_exception():
    """Two hundred answers with bytes changed, dropped and doubled: each is a Reply or a WireError, in time."""
    chance = random.Random(6750)
    body = gzip.compress(b"weave" * 50)
    chunks = b"%x\r\n%b\r\n0\r\nX-Trailer: 1\r\n\r\n" % (len(body), body)
    sound = [
        http(200, ("Content-Encoding", "gzip"), ("Set-Cookie", "a=b"), body=body),
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks,
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 401 No\r\nWWW-Authenticate: Bearer\r\n\r\nx",
    ]

    def damaged(peer):
        data = bytearray(chance.choice(sound))
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(data))
            data[place : place + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
        peer.request()
        peer.send(bytes(data))

    outcomes = set()
    with Server(damaged) as server:
        sender = wire()
        for _ in range(200):
            try:
                outcomes.add(type(sender.send(get(server.url), deadline=2)))
            except WireError as error:
                outcomes.add(type(error))

    assert {Reply, ProtocolFailure} <= outcomes
