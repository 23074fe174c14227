"""The deadline of the wire is total: whatever a server, a resolver or a port does, the call ends in time."""

import sys
import threading
import time

import pytest

import sockets
from authweave.errors import (
    ConnectFailure,
    DeadlineExceeded,
    DnsFailure,
)
from authweave.net.dialing import PATIENCE
from authweave.net.resolving import MOST_LOOKUPS
from authweave.wire import Call
from sockets import Server, answers, tls_server
from thorough import every
from wiring import AUTHORITY, failure_of, get, getaddrinfo_of, wire


@every(
    "behaviour, stage",
    [
        (sockets.hang, "headers"),
        (sockets.hang_after_request, "headers"),
        (sockets.hang_after_headers, "body"),
        (sockets.drip_headers(0.02), "headers"),
        (sockets.drip_body(0.02), "body"),
    ],
    ids=["hang", "hang after request", "hang after headers", "drip headers", "drip body"],
)
@every("tls", [False, True])
def test_the_deadline_is_total(behaviour, stage, tls):
    """However slowly a server answers, the call ends in time and names the stage; each byte is no new chance."""
    server = tls_server(behaviour, AUTHORITY, "127.0.0.1") if tls else Server(behaviour)
    with server:
        sender = wire()
        began = time.monotonic()
        error = failure_of(DeadlineExceeded, lambda: sender.send(get(server.url), deadline=0.4))
        took = time.monotonic() - began

    assert stage == error.stage
    assert 0.35 < took < 5
    assert "0.4 s" in str(error)


def test_the_deadline_holds_while_sending():
    """A server that does not read a large body does not hold the caller."""
    with Server(sockets.hang) as server:
        call = Call("POST", server.url, (), bytes(64 * 1024 * 1024))
        began = time.monotonic()
        error = failure_of(DeadlineExceeded, lambda: wire().send(call, deadline=0.4))

    assert error.stage == "send"
    assert time.monotonic() - began < 5


def test_the_deadline_holds_in_the_handshake():
    """A port that accepts and says nothing does not hold the TLS handshake."""
    with Server(sockets.hang) as server:
        url = f"https://127.0.0.1:{server.port}/"
        error = failure_of(DeadlineExceeded, lambda: wire().send(get(url), deadline=0.3))

    assert error.stage == "tls"


def test_the_deadline_holds_while_connecting():
    """A port that never accepts is a ConnectFailure by the deadline."""
    with sockets.never_accepting() as port:
        url = f"http://127.0.0.1:{port}/"
        began = time.monotonic()
        error = failure_of(ConnectFailure, lambda: wire().send(get(url), deadline=0.4))

    assert (error.stage, error.detail) == ("connect", "timeout")
    assert time.monotonic() - began < 5


def test_the_deadline_holds_for_dns():
    """A resolver that hangs is left alone at the deadline."""
    answered = threading.Event()

    def hangs(*_):
        answered.wait(10)
        return []

    began = time.monotonic()
    error = failure_of(DnsFailure, lambda: wire(resolve=hangs).send(get("https://slow.example/"), deadline=0.3))
    took = time.monotonic() - began
    answered.set()

    assert (error.stage, error.detail, error.host) == ("dns", "timeout", "slow.example")
    assert took < 5


def test_no_time_left_is_said_at_once():
    """A deadline of nothing ends before anything is done."""
    failure_of(DeadlineExceeded, lambda: wire(resolve=None).send(get("https://api.example/"), deadline=0))


def test_a_dead_resolver_costs_a_bounded_number_of_threads():
    """Forty lookups of one dead name share one thread; many dead names share a bounded number."""
    answered = threading.Event()
    asked = []

    def hangs(host, *_):
        asked.append(host)
        answered.wait(10)
        return []

    sender = wire(resolve=hangs)

    def ask(number):
        failure_of(DnsFailure, lambda: sender.send(get(f"https://dead{number}.example/"), deadline=0.4))

    def ask_at_once(numbers):
        threads = [threading.Thread(target=ask, args=(number,)) for number in numbers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    ask_at_once([0] * 40)
    for_one_name = len(asked)
    ask_at_once(range(1, MOST_LOOKUPS + 10))
    for_many = len(asked)
    answered.set()

    assert for_one_name == 1
    assert MOST_LOOKUPS // 2 < for_many <= MOST_LOOKUPS


@pytest.mark.skipif(sys.platform != "linux", reason="needs more than one loopback address")
def test_a_dead_first_address_leaves_time_for_the_next():
    """The first address gets its share, not the whole deadline."""
    with Server(answers()) as server, sockets.never_accepting("127.0.0.2", server.port):
        sender = wire(resolve=getaddrinfo_of("127.0.0.2", "127.0.0.1"))
        reply = sender.send(get(f"http://localhost:{server.port}/"), deadline=1.0)

    assert reply.address[0] == "127.0.0.1"
    assert PATIENCE < 5
