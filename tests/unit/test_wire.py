"""The wire against real sockets: what is sent, what is read, and what is told of it."""

import gc
import gzip
import logging
import os
import socket
import subprocess
import sys
import threading
import time
import traceback
import zlib
from pathlib import Path

import pytest

import sockets
from authweave.errors import (
    AnswerTooLarge,
    DnsFailure,
    EgressRefused,
    PlacementError,
    ProtocolFailure,
    TlsFailure,
    WireError,
)
from authweave.wire import Call
from certificates import Authority
from sockets import Server, answers, http, says, tls_server
from thorough import every, few
from wiring import AUTHORITY, SECRET, failure_of, get, getaddrinfo_of, wire


def test_the_transports_own_headers_are_sent_once_each():
    """Host, User-Agent, Accept-Encoding, Content-Length and Connection stand once, and the length is right."""
    with Server(answers()) as server:
        wire().send(Call("POST", server.url + "x?a=b", (("X-One", "1"),), "grüße".encode()), deadline=2)

    [asked] = server.requests
    assert asked.line == "POST /x?a=b HTTP/1.1"
    assert [f"127.0.0.1:{server.port}"] == asked.values("host")
    assert asked.values("content-length") == ["7"]
    assert asked.values("accept-encoding") == ["gzip"]
    assert asked.values("connection") == ["close"]
    assert asked.values("x-one") == ["1"]
    assert asked.values("user-agent")[0].startswith("authweave/")
    assert "grüße".encode() == asked.body


def test_framing_of_the_caller_gives_way():
    """A wrong Content-Length, Transfer-Encoding or Connection of the caller never reaches the wire."""
    given = (("content-length", "99"), ("Transfer-Encoding", "chunked"), ("Connection", "keep-alive"), ("TE", "x"))
    with Server(answers()) as server:
        wire().send(Call("POST", server.url, given, b"abc"), deadline=2)

    [asked] = server.requests
    assert asked.values("content-length") == ["3"]
    assert asked.values("connection") == ["close"]
    assert asked.values("transfer-encoding") + asked.values("te") == []


def test_a_given_user_agent_and_accept_encoding_replace_ours():
    """What the caller writes for these two is sent instead, not besides."""
    with Server(answers()) as server:
        wire().send(get(server.url, ("user-agent", "bot/1"), ("ACCEPT-ENCODING", "identity")), deadline=2)

    [asked] = server.requests
    assert asked.values("user-agent") == ["bot/1"]
    assert asked.values("accept-encoding") == ["identity"]


@pytest.mark.parametrize(("method", "body", "length"), [("GET", None, []), ("POST", None, ["0"]), ("GET", b"", ["0"])])
def test_the_length_of_nothing(method, body, length):
    """No body has no length, but for methods that have one by nature: RFC 9110 §8.6."""
    with Server(answers()) as server:
        wire().send(Call(method, server.url, (), body), deadline=2)

    assert length == server.requests[0].values("content-length")


@every(
    "call",
    [
        Call("GET", "https://api.example/", (("X-Key", SECRET + "\r\nX: y"),)),
        Call("GET", "https://api.example/", (("X-Key", SECRET + "\n"),)),
        Call("GET", "https://api.example/", (("X-Key", SECRET + "\0"),)),
        Call("GET", "https://api.example/", (("X-Key", SECRET + "é"),)),
        Call("GET", "https://api.example/", (("X-Key", " " + SECRET),)),
        Call("GET", "https://api.example/", (("X-Key\r\n" + SECRET, "v"),)),
        Call("GET", "https://api.example/", ((SECRET + ":", "v"),)),
        Call("GET", "https://api.example/", (("", "v"),)),
        Call("GET", "https://api.example/", (("Host", "other.example"),)),
        Call("GET", "https://api.example/", (("User-Agent", "a"), ("user-agent", "b"))),
        Call("GET\r\n" + SECRET, "https://api.example/"),
        Call("", "https://api.example/"),
        Call("CONNECT", "https://api.example/"),
        Call("GET", f"https://api.example/{SECRET}\r\n"),
        Call("GET", f"https://api.example/{SECRET} x"),
        Call("GET", f"https://api.example/{SECRET}\t"),
        Call("GET", f"https://user:{SECRET}@api.example/"),
        Call("GET", f"https://api.example/#{SECRET}"),
        Call("GET", f"//api.example/{SECRET}"),
        Call("GET", f"ftp://api.example/{SECRET}"),
        Call("GET", f"https:///{SECRET}"),
        Call("GET", f"https://api.example:99999/{SECRET}"),
        Call("GET", "https://[::1/"),
        Call("GET", "https://api_.-.example/"),
        Call("GET", "https://" + "a" * 64 + ".example/"),
        Call("GET", f"https://api.example\\@evil.example/{SECRET}"),
        Call("GET", ""),
    ],
    ids=lambda call: repr(call.url + "".join(map(repr, call.headers)))[:60].replace(SECRET, "…"),
)
def test_what_cannot_be_sent_is_refused_without_being_quoted(call):
    """Line breaks, control characters and unreadable URLs end before the network, and the message holds no value."""
    error = failure_of(PlacementError, lambda: wire(resolve=None).send(call, deadline=1))

    assert SECRET not in str(error)


@pytest.mark.parametrize("url", ["http://api.example/", "http://10.0.0.1/", "http://localhost.evil.example/"])
def test_clear_text_leaves_this_machine_never(url):
    """`http://` is refused for every host but this machine."""
    error = failure_of(EgressRefused, lambda: wire().send(get(url), deadline=1))

    assert error.detail == "scheme"


def test_a_resolver_cannot_turn_localhost_into_another_machine():
    """`http://localhost` is called only if every address is of this machine."""
    here = wire(resolve=getaddrinfo_of("127.0.0.1", "192.0.2.1"))

    error = failure_of(EgressRefused, lambda: here.send(get("http://localhost:8080/"), deadline=1))

    assert (error.detail, error.host) == ("scheme", "localhost")


def test_a_host_name_in_any_alphabet():
    """An internationalised name is sent as DNS knows it: RFC 5891."""
    asked = []

    def resolve(host, *_):
        asked.append(host)
        return []

    failure_of(DnsFailure, lambda: wire(resolve=resolve).send(get("https://BÜCHER.example/ü"), deadline=1))

    assert asked == ["xn--bcher-kva.example"]


def test_a_reply_is_the_answer_as_it_came():
    """Status, reason, repeated headers and body are kept; a redirect is an answer and is not followed."""
    headers = (("Set-Cookie", "a=1"), ("set-cookie", "b=2"), ("Location", "https://elsewhere.example/"))
    with Server(says(http(302, *headers, body=b"moved", reason="Found"))) as server:
        reply = wire().send(get(server.url), deadline=2)

    assert (reply.status, reply.reason, reply.http_version, reply.body) == (302, "Found", "HTTP/1.1", b"moved")
    assert reply.header_lines("SET-COOKIE") == ("a=1", "b=2")
    assert reply.header("location") == "https://elsewhere.example/"
    assert ("127.0.0.1", server.port) == reply.address
    assert server.connections == 1


@pytest.mark.parametrize("deadline", [float("inf"), 10**12])
def test_a_deadline_may_be_far_away(deadline):
    """Somebody who does not want to be in a hurry is served, too."""
    with Server(answers()) as server:
        assert wire().send(get(server.url), deadline=deadline).status == 200


def test_interim_answers_are_passed_over():
    """100 and 103 come before the answer and are not it: RFC 9110 §15.2."""
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    with Server(says(early + http(201, body=b"made"))) as server:
        reply = wire().send(get(server.url), deadline=2)

    assert (reply.status, reply.body) == (201, b"made")


def test_tls_details_are_in_the_reply():
    """Version, cipher, subject, issuer, names and end of the certificate can be shown."""
    with tls_server(answers(), AUTHORITY, "127.0.0.1") as server:
        reply = wire().send(get(server.url), deadline=2)

    assert reply.tls.version == "TLSv1.3"
    assert reply.tls.verified
    assert reply.tls.certificate.subject == "CN=127.0.0.1"
    assert reply.tls.certificate.issuer == "CN=authweave test authority"
    assert reply.tls.certificate.names == ("127.0.0.1",)
    assert reply.tls.certificate.not_after.endswith("Z")


@every("chunked", [True, False])
@every("coding", ["gzip", "x-gzip", "deflate", "bare deflate", "two members", "padded", "identity"])
def test_bodies_are_decoded(coding, chunked):
    """gzip (any number of members, padding after it) and deflate (wrapped or bare) are decoded, in any framing."""
    text = os.urandom(3000) + b"weave" * 40_000
    bare = zlib.compressobj(wbits=-15)
    body, name = {
        "gzip": (gzip.compress(text), "gzip"),
        "x-gzip": (gzip.compress(text), "X-GZIP"),
        "deflate": (zlib.compress(text), "deflate"),
        "bare deflate": (bare.compress(text) + bare.flush(), "deflate"),
        "two members": (gzip.compress(text[:9]) + gzip.compress(text[9:]), "identity, gzip"),
        "padded": (gzip.compress(text) + bytes(20), "gzip"),
        "identity": (text, "identity"),
    }[coding]
    frame = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:7], body[7:])) + b"0\r\n\r\n"
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {name}\r\n".encode()
    sent = head + (b"Transfer-Encoding: chunked\r\n\r\n" + frame if chunked else b"\r\n" + body)

    with Server(says(sent)) as server:
        reply = wire().send(get(server.url), deadline=5)

    assert text == reply.body


@every(
    "coding, body, detail",
    [
        ("br", b"x", "encoding"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"x")), "encoding"),
        ("gzip", b"not gzip at all", "encoding"),
        ("gzip", gzip.compress(b"x" * 1000)[:-9], "truncated"),
        ("deflate", zlib.compress(b"x" * 1000)[:-5], "truncated"),
    ],
    ids=["unknown", "twice", "not at all", "gzip cut off", "deflate cut off"],
)
def test_bodies_in_codings_that_are_not_read(coding, body, detail):
    """Unknown, nested, false and cut content codings are a ProtocolFailure that says so."""
    with Server(answers(200, ("Content-Encoding", coding), body=body)) as server:
        error = failure_of(ProtocolFailure, lambda: wire().send(get(server.url), deadline=2))

    assert ("body", detail) == (error.stage, error.detail)


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_an_answer_without_a_body_may_name_any_coding(method):
    """HEAD and 204 answers carry the headers of a body that is not there."""
    sent = b"HTTP/1.1 %d X\r\nContent-Encoding: br\r\nContent-Length: 77\r\n\r\n" % (200 if method == "HEAD" else 204)
    with Server(says(sent)) as server:
        reply = wire().send(Call(method, server.url), deadline=2)

    assert reply.body == b""


def test_the_cap_holds_for_the_decoded_body():
    """Exactly the cap is read; one byte more is AnswerTooLarge, or is cut off where that was asked for."""
    exact = gzip.compress(b"x" * 1000)
    with Server(answers(200, ("Content-Encoding", "gzip"), body=exact)) as server:
        whole = wire().send(get(server.url), deadline=2, cap=1000)
        cut = wire().send(get(server.url), deadline=2, cap=999, truncate=True)
        error = failure_of(AnswerTooLarge, lambda: wire().send(get(server.url), deadline=2, cap=999))

    assert (len(whole.body), whole.truncated) == (1000, False)
    assert (len(cut.body), cut.truncated) == (999, True)
    assert error.stage == "body"


BOMB = """
import resource, sys
from authweave.errors import AnswerTooLarge
from authweave.wire import Call, Wire
url = sys.argv[1]
wire = Wire(environ={})
wire.send(Call("GET", url + "small"), deadline=20, truncate=True, cap=10)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    wire.send(Call("GET", url), deadline=20)
except AnswerTooLarge:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_gzip_bomb_costs_little_memory():
    """A body that would inflate to 128 MiB is refused, and adds less than 8 MiB to the process."""
    plugin = str(Path(__file__).parents[2] / "plugin")
    with Server(sockets.gzip_bomb(128)) as server:
        ran = subprocess.run(
            [sys.executable, "-c", BOMB, server.url], capture_output=True, text=True, timeout=60, check=True,
            env={**os.environ, "PYTHONPATH": plugin},
        )  # fmt: skip

    kibibytes = int(ran.stdout) if sys.platform == "linux" else int(ran.stdout) // 1024
    assert kibibytes < 8 * 1024


def test_the_stages_are_told_as_they_pass():
    """Each stage is reported with its time, in order, and without a header value."""
    heard = []
    with tls_server(answers(200, ("X-Answer", SECRET)), AUTHORITY, "127.0.0.1") as server:
        reply = wire().send(get(server.url, ("X-Key", SECRET)), deadline=2, events=heard.append)

    assert [event.stage for event in heard] == ["dns", "connect", "tls", "sent", "headers", "body"]
    assert tuple(heard) == reply.stages
    assert all(event.duration >= 0 for event in heard)
    assert sorted(event.at for event in heard) == [event.at for event in heard]
    assert heard[4].detail["status"] == 200
    assert heard[5].detail["bytes"] == 2
    assert SECRET not in repr(heard)


def test_a_failed_call_tells_the_stages_before():
    """What was passed before the failure is known to whoever listened."""
    heard = []
    with Server(sockets.close) as server:
        failure_of(ProtocolFailure, lambda: wire().send(get(server.url), deadline=2, events=heard.append))

    assert [event.stage for event in heard] == ["dns", "connect", "sent"]


@pytest.mark.parametrize("stage", few(["dns", "connect", "tls", "sent", "headers", "body"], every=6))
def test_a_listener_that_fails_leaves_no_connection_open(stage):
    """An exception of the caller's own listener comes out as it is, and the connection is closed."""

    def listen(event):
        if event.stage == stage:
            raise LookupError(stage)

    with tls_server(answers(), AUTHORITY, "127.0.0.1") as server:
        call = get(server.url)
        with pytest.raises(LookupError, match=stage):
            wire().send(call, deadline=2, events=listen)
        gc.collect()  # an open socket would be a ResourceWarning here, and warnings are errors


@every("behaviour", [sockets.close, sockets.hang, sockets.reset, sockets.truncated(), says(b"x\r\n")])
def test_an_error_holds_nothing_of_the_request(behaviour):
    """No cause, no context, and no frame of the transport whose locals hold a header or the body."""
    with Server(behaviour) as server:
        call = Call("POST", f"{server.url}?k={SECRET}", (("Authorization", SECRET),), SECRET.encode())
        sender = wire()
        with pytest.raises(WireError) as caught:
            sender.send(call, deadline=0.3)
        error = caught.value

    assert error.__cause__ is None
    assert error.__context__ is None
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)][1:]  # the first is this test's own
    assert [frame.f_code.co_name for frame in frames] == ["send"]
    assert SECRET not in repr([frame.f_locals for frame in frames])
    assert SECRET not in str(error) + repr(error.__dict__)


def test_calls_and_replies_print_no_secrets():
    """Their repr shows neither URL, headers nor body."""
    with Server(answers(200, ("Set-Cookie", SECRET), body=SECRET.encode())) as server:
        call = Call("POST", f"{server.url}?key={SECRET}", (("Authorization", SECRET),), SECRET.encode())
        reply = wire().send(call, deadline=2)

    assert SECRET not in repr(call) + repr(reply)


def test_nothing_of_a_call_is_logged(caplog):
    """At the most talkative level nothing of our calls is logged; a host's own use of httpcore still is."""
    import httpcore

    with caplog.at_level(logging.DEBUG), Server(answers(200, ("Set-Cookie", SECRET))) as server:
        wire().send(get(server.url, ("Authorization", SECRET)), deadline=2)
        ours = [record.getMessage() for record in caplog.records]
        with httpcore.ConnectionPool() as pool:
            pool.request("GET", server.url)

    assert ours == []
    assert any(record.name == "httpcore.http11" for record in caplog.records)


def test_one_wire_serves_many_threads():
    """Calls at the same time do not meet: each thread gets its own answer, and contexts are made once."""

    def echo(peer):
        peer.send(http(body=peer.request().line.encode()))

    with tls_server(echo, AUTHORITY, "127.0.0.1") as server:
        shared, got = wire(), {}

        def ask(number):
            got[number] = shared.send(get(f"{server.url}{number}"), deadline=10).body

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert {number: f"GET /{number} HTTP/1.1".encode() for number in range(24)} == got


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Python 3.12 warns of forking beside threads: the claim
def test_a_wire_works_after_a_fork():
    """A child that was forked while lookups were under way can call at once."""
    answered = threading.Event()

    def slow(host, port, family, kind):
        if host == "slow.example":
            answered.wait(10)
            return []
        return socket.getaddrinfo("127.0.0.1", port, family, kind)

    def wait():
        failure_of(DnsFailure, lambda: shared.send(get("https://slow.example/"), deadline=0.5))

    with tls_server(answers(), AUTHORITY, "localhost") as server:
        shared = wire(resolve=slow)
        call = get(f"https://localhost:{server.port}/")
        shared.send(call, deadline=5)
        waiting = threading.Thread(target=wait)
        waiting.start()
        time.sleep(0.05)
        child = os.fork()
        if child == 0:
            try:
                os._exit(0 if shared.send(call, deadline=5).status == 200 else 1)
            finally:
                os._exit(2)
        _, status = os.waitpid(child, 0)
        answered.set()
        waiting.join()

    assert os.waitstatus_to_exitcode(status) == 0


def test_ssl_cert_file_replaces_the_default_authorities(tmp_path):
    """SSL_CERT_FILE is believed; a file that changed is read again."""
    path = tmp_path / "ca.pem"
    path.write_text(Authority("someone else").pem)
    with tls_server(answers(), AUTHORITY, "127.0.0.1") as server:
        sender = wire(ca=None, environ={"SSL_CERT_FILE": str(path)})
        failure_of(TlsFailure, lambda: sender.send(get(server.url), deadline=2))
        path.write_text(AUTHORITY.pem + "\n")
        reply = sender.send(get(server.url), deadline=2)

    assert reply.status == 200


def test_importing_the_wire_loads_no_network_library():
    """The command line starts fast: httpcore and ssl come with the first call."""
    plugin = str(Path(__file__).parents[2] / "plugin")
    heavy = "{'httpcore', 'h11', 'ssl', 'certifi'}"
    code = f"import sys, authweave.wire; authweave.wire.Wire(); print(sorted({heavy} & set(sys.modules)))"
    environ = {**os.environ, "PYTHONPATH": plugin}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)

    assert ran.stdout.strip() == "[]"
