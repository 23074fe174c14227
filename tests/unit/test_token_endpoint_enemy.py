"""The token endpoint as an enemy, over real sockets: whatever it answers ends in time, in an error of ours, and costs little.

Every door that authweave itself calls (tokens, refreshes, revocation, metadata, registration, introspection, sign-ins,
steps) meets every answer of `enemies`.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from authorizing import AuthorizationServer
from authweave.answers.responses import LARGEST, MOST_VALUES, NotJson, parse_answer, response_scope
from authweave.discovery.registration import read_registration
from authweave.engine import Engine
from authweave.errors import (
    AuthweaveError,
    DeadlineExceeded,
    EndpointPaused,
    ProtocolFailure,
    RateLimited,
    RegistrationError,
    TokenAnswerError,
    TokenEndpointError,
    UnexpectedFailure,
    WireError,
)
from authweave.net.kept import Kept
from authweave.probe.run import test_profile as probe_profile
from authweave.tokens.pauses import Pauses
from authweave.values import NEVER, TaskResponse, Token
from authweave.wire import Call, Wire
from certificates import Authority
from enemies import BROKEN, CHUNKED, ENDLESS, ENEMIES, GOOD, HARMLESS, PACKED, drips, floods, packed, whole
from parts.vectors import load
from services import CLIENT_SECRET, INPUTS, Api, Clock, Identity, Reply, Still, connect, engine, oauth, profile, serving
from services import says as says_json
from signing_in import answer_to, begun_by, code_auth
from sockets import Behaviour, Peer, Server, hang_after_request, http, says, tls_server
from thorough import every, few

API = "https://api.example.com"
DEADLINE = 0.5
MARGIN = 15.0
"""Seconds that a busy machine may take beside the deadline; what would go on without one goes on for a minute."""
REFRESH, ID_TOKEN = "R-planted-4711", "eyJ-planted.id.token"
VECTORS = {vector["id"]: vector for vector in load("policy_token_responses.json")["vectors"]}
JSON = ("Content-Type", "application/json")


def hasty(deadline: float = DEADLINE, **options: Any) -> Engine:
    """An engine that has little time and asks once."""
    options.setdefault("attempts", 1)
    return engine(settings={"deadline": deadline, "test_deadline": 20.0, **options.pop("settings", {})}, **options)


# ---- each door, each answer


def by_grant(url: str, run: Engine) -> Any:
    return connect(oauth(f"{url}token"), API, run=run).token().result(30)


def by_refresh(url: str, run: Engine) -> Any:
    """With a refresh token that a person's consent gave: there is no other way to a token."""
    return connect(oauth(f"{url}token", grant_type="refresh_token"), API, run=run, inputs={**INPUTS, "refresh_token": REFRESH}).token().result(30)


def by_revocation(url: str, run: Engine) -> Any:
    with serving(Identity()) as identity:
        connection = connect(oauth(identity, revoke_request={"url": f"{url}revoke"}), API, run=run)
        connection.token().result(30)
        return connection.revoke().result(30)


def by_discovery(url: str, run: Engine) -> Any:
    return connect({"type": "oauth2", "grant_type": "client_credentials", "issuer": url.rstrip("/")}, API, run=run).token().result(30)


def by_registration(url: str, run: Engine) -> Any:
    with serving(Identity()) as identity:
        auth = oauth(identity, registration={"client_name": "Acme bot"}, registration_url=f"{url}register")
        return connect(auth, API, run=run, inputs={"client_id": "", "client_secret": ""}).token().result(30)


def by_device(url: str, run: Engine) -> Any:
    with serving(Identity()) as identity:
        auth = oauth(identity, grant_type="device_code", device_authorization_url=f"{url}device")
        return begun_by(connect(auth, API, run=run, subject="anna"))


def by_code(url: str, run: Engine) -> Any:
    connection = connect(code_auth(f"{url}token"), API, run=run, subject="anna")
    begun = begun_by(connection, session="s")
    return connection.complete_authorization(answer_to(begun), session="s").result(30)


def by_step(url: str, run: Engine) -> Any:
    with serving(Identity()) as identity:
        step = {"name": "first", "request": {"url": f"{url}first"}, "response": {"keep": {"nonce": "{{ response.json.access_token }}"}}}
        return connect(oauth(identity, before=[step]), API, run=run).token().result(30)


def by_introspection(url: str, run: Engine) -> Any:
    """As `test` asks: what comes of it is a stage of the report, which is the answer here."""
    with serving(AuthorizationServer(clients={"robot": CLIENT_SECRET})) as server:
        server.metadata |= {"introspection_endpoint": f"{url}introspect"}
        written = profile({"type": "oauth2", "grant_type": "client_credentials", "issuer": server.issuer}, API)
        return next(stage for stage in probe_profile(run, written).stages if stage.name == "introspection")


DOORS: dict[str, Callable[[str, Engine], Any]] = {
    "token": by_grant, "refresh": by_refresh, "revocation": by_revocation, "discovery": by_discovery, "registration": by_registration,
    "device": by_device, "code": by_code, "step": by_step, "introspection": by_introspection,
}  # fmt: skip
PRESENTS_ONCE = ("refresh", "code")
"""Doors where something is presented that may be used up by then."""


def outcome_of(door: str, behaviour: Behaviour, caplog: pytest.LogCaptureFixture, deadline: float = DEADLINE) -> tuple[Any, int]:
    """What the door gives or raises, and how often it knocked; it did so in time, and told nobody a secret."""
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    attempts = 3 if door in PRESENTS_ONCE else 1
    with Server(behaviour) as server:
        run = hasty(deadline, attempts=attempts)
        start = time.monotonic()
        try:
            outcome = DOORS[door](server.url, run)
        except AuthweaveError as error:
            outcome = error
        took = time.monotonic() - start
        run.close()
    assert took < deadline + MARGIN
    told = f"{outcome!s} {outcome!r} {getattr(outcome, '__dict__', '')} {caplog.text}"
    for secret in (CLIENT_SECRET, REFRESH, ID_TOKEN):
        assert secret not in told
    if isinstance(outcome, AuthweaveError):
        assert (None, None) == (outcome.__cause__, outcome.__context__)
        assert len(str(outcome)) < 1500
    return outcome, len(server.requests)


READS_NOTHING = ("revocation", "step")
"""Doors that need nothing of the body: its status says it all (RFC 7009 §2.2), or what is kept of it is null."""
ONLY_BODIES = ("gzip in gzip that is not told", "Content-Length too short")
"""Answers that are whole as far as HTTP goes, and hold nothing to read."""
CASES = [(door, name) for number, name in enumerate(ENEMIES) for door in dict.fromkeys(["token", [*DOORS][number % len(DOORS)]]) if not (door in READS_NOTHING and name in ONLY_BODIES)]
"""Each answer at the door that all grants share, and at one of the others, by turns."""


@pytest.mark.parametrize(("door", "name"), few(CASES, every=47))
def test_an_enemy_ends_in_time_and_in_an_error_of_ours(door, name, caplog):
    """Slow, endless, broken, packed: each ends within the deadline, as what we call it, and with nothing secret in it.

    A code and a refresh token are presented once, although there was time for more.
    """
    outcome, asked = outcome_of(door, ENEMIES[name], caplog, 4 * DEADLINE if door == "introspection" else DEADLINE)

    if door == "introspection":
        assert "warning" == outcome.status
    else:
        assert isinstance(outcome, AuthweaveError), outcome
        assert not isinstance(outcome, UnexpectedFailure), outcome
    if door in PRESENTS_ONCE:
        assert asked <= 1


@pytest.mark.parametrize("name", few(HARMLESS, every=3))
def test_what_is_only_odd_is_read(name, caplog):
    """The negative twin: odd answers that everybody reads alike are answers."""
    outcome, _ = outcome_of("token", HARMLESS[name], caplog, 20.0)

    assert isinstance(outcome, Token), outcome
    assert "AT" == outcome.access_token.reveal()


@pytest.mark.parametrize("door", few([door for door in DOORS if door != "introspection"], every=4))
def test_a_slow_tls_handshake(door, caplog):
    """One byte of the handshake after the other: the deadline is that of the whole call."""
    asked = []

    def behave(peer: Peer) -> None:
        asked.append(peer.socket.recv(65536)[:1])
        peer.drip(b"\x16\x03\x03\x40\x00" + bytes(10_000), 0.02)

    with Server(behave) as server:
        start = time.monotonic()
        with pytest.raises(AuthweaveError) as caught:
            DOORS[door](server.url.replace("http:", "https:"), hasty())
        assert time.monotonic() - start < DEADLINE + MARGIN

    assert not isinstance(caught.value, UnexpectedFailure)
    assert {b"\x16"} == set(asked)


# ---- time, counted


class Ticking:
    """A clock that moves only by being looked at: as many looks as there were, whatever the machine."""

    def __init__(self, step: float) -> None:
        self.step = step
        self.looks = 0

    def __call__(self) -> float:
        self.looks += 1
        return self.looks * self.step


@pytest.mark.parametrize("name", few([*(name for name in ENDLESS if "nothing" not in name), "100 quick"], every=5))
def test_reads_are_bounded(name):
    """However much comes: so many looks at the clock, one for each read and each piece, and it is over. Then nobody listens any more."""
    clock = Ticking(0.01)
    behaviour = ENDLESS.get(name) or floods(b"", b"HTTP/1.1 100 \r\n\r\n", 1)
    with Server(behaviour) as server, pytest.raises(WireError):
        Wire(environ={}, proxy="", clock=clock).send(Call("POST", f"{server.url}token", (), b"x"), deadline=20.0)

    assert clock.looks <= 20.0 / 0.01 + 10


@pytest.mark.parametrize("unit", [b"1\r\nx\r\n", b"2\r\nxy\r\n"])
def test_the_time_is_looked_at_within_one_read(unit):
    """Thousands of chunks come with one read: the deadline holds between them, too."""
    clock = Ticking(0.01)
    with Server(says(CHUNKED + unit * 2000 + b"0\r\n\r\n")) as server, pytest.raises(DeadlineExceeded) as caught:
        Wire(environ={}, proxy="", clock=clock).send(Call("GET", server.url), deadline=5.0)

    assert "body" == caught.value.stage
    assert clock.looks < 5.0 / 0.01 + 10


def test_a_byte_a_second():
    """The vector: one byte a second is always in time for a read timeout, and never for the deadline."""
    clock = Ticking(0.25)
    data = http(200, JSON, body=GOOD)
    with Server(drips(b"", data, 0.001)) as server, pytest.raises(DeadlineExceeded):
        Wire(environ={}, proxy="", clock=clock).send(Call("GET", server.url), deadline=8.0)

    assert clock.looks <= 8.0 / 0.25 + 4 < len(data)


# ---- memory

COST = """
import os, resource, sys
from authweave.engine import Engine
from authweave.errors import AuthweaveError
from authweave.loading import loads
from authweave.settings import Settings
from authweave.wire import Wire
def get(run, url):
    text = '{"format": 1, "name": "acme", "identity_provider": "Acme", "servers": ["https://api.example.com"], "auth": {"type": "oauth2", "grant_type": "client_credentials", "token_url": "%stoken"}}' % url
    try:
        return run.connect(loads(text, "acme.json")).token().result(20) and "token"
    except AuthweaveError as error:
        return type(error).__name__
def engine():
    return Engine(wire=Wire(environ={}, proxy=""), inputs={"client_id": "robot", "client_secret": "s"}, settings=Settings.load({"sources": []}, env={}), attempts=1)
good, *large = sys.argv[1:]
for url in large:
    if not os.fork():
        run = engine()
        first = get(run, good)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        second = get(run, url)
        print(first, second, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, flush=True)
        os._exit(0)
    os.wait()
"""
"""For each, in a process of its own: a token call that warms everything up, and then the one that is measured."""
JUST_UNDER = 1024 * 1024 - 200
"""Bytes that the wire takes, so that whoever reads them has to mind."""


def filled(unit: bytes, size: int = JUST_UNDER) -> bytes:
    """JSON of that size that is a list of these."""
    return b"[" + unit * (size // len(unit)) + b"0]"


LARGE: dict[str, Behaviour] = {
    **{name: behaviour for name, behaviour in PACKED.items() if "bomb" in name},
    "lists": packed(gzip.compress(filled(b"[],"))), "maps": packed(gzip.compress(filled(b"{},"))),
    "small lists": packed(gzip.compress(filled(b"[],", LARGEST - 10))), "pairs": packed(gzip.compress(filled(b'{"a":0},', LARGEST - 10))),
    "numbers": whole(filled(b"1,")), "wide text": whole(b'{"error":"' + "\U0001f600".encode() + b"x" * JUST_UNDER + b'"}'),
    "wide text, smaller": whole(b'{"error":"' + "\U0001f600".encode() + b"x" * (LARGEST - 100) + b'"}'),
    "deep": whole(b"[" * JUST_UNDER), "form": whole(b"a=b&" * (JUST_UNDER // 4)), "one long member": whole(b"access_token=" + b"%41" * (JUST_UNDER // 3)),
    "page": says(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<title>" + b"x" * JUST_UNDER), "a mebibyte of token": whole(b'{"access_token":"' + b"A" * 1_000_000 + b'"}'),
    "cookies": whole(GOOD, *[b"Set-Cookie: a=" + b"\\" * 50] * 1500), "endless body": ENDLESS["a body"], "endless 103": ENDLESS["103"], "endless chunks": ENDLESS["chunks"],
}  # fmt: skip


@pytest.mark.parametrize("names", [pytest.param([*LARGE], id="all", marks=pytest.mark.thorough), pytest.param([*LARGE][:1], id="one")])
def test_what_is_large_costs_little_memory(names):
    """An answer that unpacks to 64 MiB, or that would take thirty times its size once it is read, adds less than 8 MiB to the process."""
    with contextlib.ExitStack() as stack:
        good, *servers = [stack.enter_context(Server(behaviour)) for behaviour in (whole(GOOD), *(LARGE[name] for name in names))]
        ran = subprocess.run(
            [sys.executable, "-c", COST, good.url, *(server.url for server in servers)], capture_output=True, text=True, timeout=90 + 20 * len(names), check=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "plugin")},
        )  # fmt: skip

    for name, line in zip(names, ran.stdout.splitlines(), strict=True):
        first, second, kibibytes = line.split()
        assert "token" == first
        assert (second == "token") == (name == "cookies"), name
        assert int(kibibytes) // (1 if sys.platform == "linux" else 1024) < 8 * 1024, name


@every("body, words", [
    (filled(b"[],", LARGEST - 10), "values"), (b"[" * 65 + b"]" * 65, "deep"), (b'{"a":' * 100 + b"1" + b"}" * 100, "deep"), (b" " * LARGEST + b"1", "KiB"),
])  # fmt: skip
def test_json_of_strangers_is_bounded(body, words):
    """In size, in values, in depth; each is said."""
    with pytest.raises(NotJson, match=words):
        parse_answer(body)


def test_json_within_the_bounds():
    """The negative twin: what a generous server sends is read."""
    body = json.dumps({"access_token": "A" * 65536, "x": [{"y": n} for n in range(5000)], "deep": json.loads("[" * 60 + "]" * 60)}).encode()

    assert body.count(b",") < MOST_VALUES
    assert 5000 == len(parse_answer(body)["x"])


@every("said", [
    "text/html; charset=punycode", "text/html; charset=unicode_escape", "text/html; charset=idna", "text/html; charset=utf-7", "text/html; charset=rot13",
    "text/html; charset=zlib", "text/html; charset=undefined", "text/html; charset*" + "9" * 5000 + "=x", "a;" + '";' * 40_000, "a/b; charset=\0", "a/b; charset=" + "u" * 5000,
])  # fmt: skip
def test_a_charset_that_would_cost_time_is_none(said):
    """What is no plain encoding of text, or takes the square of the length to read, is passed over: the text is UTF-8."""
    response = TaskResponse(200, (("Content-Type", said),), "é\\d+a-b".encode() * 30_000)

    assert ("é\\d+a-b" * 30_000) == response_scope(response)["text"]


@every("said", ["utf-8", "UTF8", '"iso-8859-1"', "Shift_JIS", "utf-16", "windows-1252", "gb18030", "us-ascii", "euc-kr"])
def test_a_charset_of_text_is_read(said):
    """The negative twin."""
    name = said.strip('"')
    response = TaskResponse(200, (("Content-Type", f"text/html; charset={said}"),), "abc".encode(name))

    assert "abc" == response_scope(response)["text"]


def test_cookies_that_would_cost_time_are_passed_over():
    """Reading quotes and backslashes took the square of the length in many a version of Python."""
    lines = [("Set-Cookie", 'a="' + "\\" * 90_000 + '"'), ("Set-Cookie", "good=1"), *[("Set-Cookie", f"n{n}=1") for n in range(5000)]]

    found = response_scope(TaskResponse(200, tuple(lines)))["cookies"]

    assert "1" == found["good"]
    assert "a" not in found
    assert len(found) <= 300


# ---- a connection that is kept


@every("after", [
    b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL", b"x", b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL", b"\0" * 100_000,
])  # fmt: skip
@every("is_later", [False, True])
def test_an_answer_that_nobody_asked_for_answers_nothing(after, is_later):
    """What follows an answer, at once or later, is not taken for the next one: the connection is not used again."""

    sent = threading.Event()

    def behave(peer: Peer) -> None:
        peer.request()
        if is_later:
            peer.send(http(body=b"ONE"))
            peer.closing.wait(0.05)
            peer.send(after)
        else:
            peer.send(http(body=b"ONE") + after)
        sent.set()
        peer.hang()

    with Server(behave) as server, Kept() as kept:
        wire = Wire(environ={}, proxy="")
        bodies = []
        for _ in range(3):
            sent.clear()
            bodies.append(wire.send(Call("GET", server.url), deadline=5, kept=kept).body)
            sent.wait(20)

    assert ([b"ONE"] * 3, 3) == (bodies, server.connections)


@pytest.mark.parametrize("head", [b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"Transfer-Encoding: chunked\r\nContent-Length: 13\r\n"])
def test_an_answer_with_two_ends_ends_its_connection(head):
    """Content-Length and chunks at once (RFC 9112 §6.3): nobody knows what comes next."""
    answer = b"HTTP/1.1 200 OK\r\n" + head + b"\r\n3\r\nONE\r\n0\r\n\r\n"

    def behave(peer: Peer) -> None:
        for _ in range(3):
            peer.request()
            peer.send(answer)

    with Server(behave) as server, Kept() as kept:
        bodies = [Wire(environ={}, proxy="").send(Call("GET", server.url), deadline=5, kept=kept).body for _ in range(3)]

    assert ([b"ONE"] * 3, 3) == (bodies, server.connections)


def test_a_quiet_connection_is_kept_over_tls_too():
    """The negative twin: tickets of TLS 1.3 are no answer, so the next call goes over the same connection."""
    authority = Authority()

    def behave(peer: Peer) -> None:
        for _ in range(3):
            peer.request()
            peer.send(http(body=b"ONE"))

    with tls_server(behave, authority, "127.0.0.1") as server, Kept() as kept:
        wire = Wire(environ={}, proxy="", ca=authority.pem)
        for _ in range(3):
            assert b"ONE" == wire.send(Call("GET", server.url), deadline=5, kept=kept).body

    assert 1 == server.connections


def test_what_follows_over_tls_answers_nothing_either():
    """Decrypted already, or still in the socket."""
    authority, sent = Authority(), threading.Event()

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(http(body=b"ONE"))
        peer.closing.wait(0.05)
        peer.send(http(body=b"EVIL"))
        sent.set()
        peer.hang()

    with tls_server(behave, authority, "127.0.0.1") as server, Kept() as kept:
        wire = Wire(environ={}, proxy="", ca=authority.pem)
        bodies = []
        for _ in range(2):
            sent.clear()
            bodies.append(wire.send(Call("GET", server.url), deadline=5, kept=kept).body)
            sent.wait(20)

    assert ([b"ONE"] * 2, 2) == (bodies, server.connections)


# ---- the vectors, each with what it requires


def answer(body: Any, status: int = 200, *headers: tuple[str, str]) -> bytes:
    """A whole answer, JSON unless bytes are given."""
    return http(status, *(headers or (JSON,)), body=body if isinstance(body, bytes) else json.dumps(body).encode())


def written(vector: dict[str, Any]) -> bytes:
    """The answer of a vector, as its fields and its generator say."""
    body = vector.get("body", "").encode()
    if "json" in vector:
        body = json.dumps(vector["json"]).encode()
    elif "* 5000" in (generator := vector.get("generator", "")) or "*5000" in generator:
        body = b'{"access_token":"AT","token_type":"Bearer","expires_in":' + b"9" * 5000 + b"}"
    elif "65536" in generator:
        body = b'{"access_token":"' + b"A" * 65536 + b'","token_type":"Bearer","expires_in":60}'
    headers = dict(vector["headers"])
    length = headers.pop("Content-Length", str(len(body)))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {vector['status']} Said\r\n{lines}Content-Length: {length}\r\n\r\n".encode() + body


def is_token(text: str = "AT", lifetime: float | None = None) -> Callable[[Any], bool]:
    def holds(outcome: Any) -> bool:
        ends = NEVER if lifetime is None else outcome.issued_at + lifetime
        return isinstance(outcome, Token) and outcome.access_token.reveal() == text and abs(outcome.expires_at - ends if lifetime is not None else 0.0) < 1e-3

    return holds


def is_error(kind: type[AuthweaveError], word: str = "") -> Callable[[Any], bool]:
    return lambda outcome: type(outcome) is kind and word in (getattr(outcome, "kind", ""), getattr(outcome, "detail", ""), getattr(outcome, "error", ""), "")


REQUIRED: dict[str, tuple[Callable[[Any], bool], int]] = {
    "no-content-type": (is_token(), 1),
    "400-temporarily_unavailable": (is_error(TokenEndpointError, "temporarily_unavailable"), 3),
    "expires-empty-string": (is_token(), 1),
    "expires-5000-digits": (is_error(TokenAnswerError, "json_malformed"), 1),
    "scope-narrowed": (lambda token: token.scope == "read", 1),
    "slow-loris": (is_error(DeadlineExceeded), 1),
    "truncated-json": (is_error(TokenAnswerError, "empty_or_partial_body"), 3),
    "id_token-present": (is_token(lifetime=60), 1),
    "expires-missing": (lambda token: token.expires_at == NEVER and token.renew_at - token.issued_at == pytest.approx(600), 1),
    "access_token-64KiB": (is_token("A" * 65536, 60), 1),
    "token_type-missing": (lambda token: token.token_type == "Bearer", 1),
    "expires-zero": (is_token(lifetime=0), 1),
    "content-length-longer-than-body": (is_error(ProtocolFailure, "content_length"), 3),
    "duplicate-keys": (is_error(TokenAnswerError, "json_malformed"), 1),
    "html-200": (is_error(TokenAnswerError, "html_instead_of_json"), 1),
    "expires-null": (is_token(), 1),
    "400-invalid_client": (is_error(TokenEndpointError, "invalid_client"), 1),
    "expires-nan": (is_error(TokenAnswerError, "json_malformed"), 1),
    "access_token-empty": (is_error(TokenAnswerError, "token_field_missing"), 1),
    "302": (is_error(TokenAnswerError, "redirect_to_login"), 1),
    "429-no-retry-after": (is_error(RateLimited), 3),
}
"""What comes of each vector, and how often the endpoint is asked by a grant that may be repeated."""


def test_every_vector_is_here():
    """None is left out."""
    assert set(VECTORS) == set(REQUIRED)


@pytest.mark.parametrize("id", REQUIRED)
def test_vectors(id, caplog):
    """Each answer, by a grant in the client's own name, with three attempts."""
    caplog.set_level(logging.DEBUG)
    holds, times = REQUIRED[id]
    behaviour = drips(b"", answer({"access_token": "AT"}), 0.1) if id == "slow-loris" else says(written(VECTORS[id]))
    with Server(behaviour) as server:
        run = engine(attempts=3, settings={"deadline": 1.0 if id == "slow-loris" else 20.0})
        try:
            outcome = connect(oauth(f"{server.url}token"), API, run=run).token().result(30)
        except AuthweaveError as error:
            outcome = error

    assert holds(outcome), outcome
    assert times == len(server.requests)
    for secret in (CLIENT_SECRET, "a.b.c"):
        assert secret not in f"{outcome!s} {outcome!r} {caplog.text}"


@pytest.mark.parametrize("id", ["truncated-json", "content-length-longer-than-body", "html-200", "duplicate-keys"])
@pytest.mark.parametrize("door", PRESENTS_ONCE)
def test_what_may_be_used_up_is_presented_once(id, door, caplog):
    """An answer that was lost may have rotated the refresh token, or spent the code: neither is sent again on a guess."""
    outcome, asked = outcome_of(door, says(written(VECTORS[id])), caplog, 20.0)

    assert isinstance(outcome, TokenAnswerError | WireError)
    assert 1 == asked


def test_what_was_not_done_is_asked_again(caplog):
    """The negative twin: `temporarily_unavailable` says that nothing was done."""
    _, asked = outcome_of("refresh", says(written(VECTORS["400-temporarily_unavailable"])), caplog, 20.0)

    assert 3 == asked


def test_temporarily_unavailable_is_asked_again_within_the_deadline():
    """With pauses that grow, and not at all where the next would end too late."""
    waits: list[float] = []
    with serving(Identity(script=[says_json({"error": "temporarily_unavailable"}, 400)] * 2)) as identity:
        run = engine()
        run.flights.rest = waits.append
        assert "T1" == connect(oauth(identity), API, run=run).token().result(20).access_token.reveal()
    assert [True, True] == [0.2 < waits[0] <= 0.5, 0.4 < waits[1] <= 1.0]

    unavailable = Identity(script=[says_json({"error": "temporarily_unavailable"}, 400)] * 9)
    with serving(unavailable), pytest.raises((TokenEndpointError, WireError)):
        connect(oauth(unavailable), API, run=engine(settings={"deadline": 0.2})).token().result(20)
    assert unavailable.count <= 1


def test_a_web_page_is_shown_in_200_characters():
    """Its title, without the secret that a server may have put there, and nothing of the page."""
    page = f"<html><title>{CLIENT_SECRET} {'t' * 5000}</title><body>{'b' * 5000}</body></html>".encode()
    with Server(says(http(200, ("Content-Type", "text/html"), body=page))) as server, pytest.raises(TokenAnswerError) as caught:
        connect(oauth(f"{server.url}token"), API).token().result(20)

    assert CLIENT_SECRET not in str(caught.value)
    assert str(caught.value).count("t" * 50) <= 200 // 50
    assert "bbbb" not in str(caught.value)


@every("length", [100, 16_384, 16_385, 200_000])
def test_long_words_of_a_server_take_no_time(length):
    """Words are shown in part, or not at all: what is looked through for secrets is bounded, and half a secret is never shown."""
    words = (CLIENT_SECRET * (length // len(CLIENT_SECRET) + 1))[:length]
    with Server(says(answer({"error": "invalid_request", "error_description": words}, 400))) as server, pytest.raises(TokenEndpointError) as caught:
        connect(oauth(f"{server.url}token"), API).token().result(20)

    said = caught.value.error_description or ""
    assert len(said) <= 200
    assert CLIENT_SECRET[:8] not in said


@every("uri", ["javascript:alert(1)", "data:text/html,x", "https://user@evil.example/", "//evil.example", "vbscript:x", 7, ["https://a.example"]])
def test_an_error_uri_that_is_no_page_is_left_out(uri):
    """People click on it."""
    with Server(says(answer({"error": "invalid_request", "error_uri": uri}, 400))) as server, pytest.raises(TokenEndpointError) as caught:
        connect(oauth(f"{server.url}token"), API).token().result(20)

    assert caught.value.error_uri is None


@every("member", ["refresh_token", "id_token", "scope", "token_type"])
def test_half_a_character_is_kept_nowhere(member):
    """It could be sent to nobody: a refresh token of that kind would fail each renewal from then on. The next answer is as good as any."""
    odd = Reply(200, GOOD[:-1] + f',"{member}":"a\\ud800"'.encode() + b"}") if member != "token_type" else Reply(200, b'{"access_token":"AT","token_type":"\\ud800"}')
    with serving(Identity(script=[odd])) as identity:
        connection = connect(oauth(identity), API)
        with pytest.raises(TokenAnswerError, match="half a character"):
            connection.token().result(20)

        assert "T1" == connection.token().result(20).access_token.reveal()


# ---- storms: an API, or an endpoint, that is never content; a hundred requests a second

RATE = 100
SECONDS = 6
"""Of the clock: each request takes a hundredth of one, and each wait what it takes."""


def nobody(_: str) -> bool:
    return False


def stormed(token_url: str, api: Api, *, requests: int = SECONDS * RATE, **auth: Any) -> Counter[str]:
    """So many requests, one after the other, over sockets: what became of them."""
    clock = Still()
    run = engine(clock=clock)
    run.flights.rest = lambda pause: setattr(clock, "ahead", clock.ahead + pause)
    connection = connect(oauth(token_url, **auth), api, run=run)
    outcomes: Counter[str] = Counter()
    with httpx.Client(auth=connection.auth, trust_env=False) as client:
        for _ in range(requests):
            clock.ahead += 1 / RATE
            try:
                outcomes[str(client.get(f"{api.url}/x").status_code)] += 1
            except AuthweaveError as error:
                outcomes[type(error).__name__] += 1
    assert "UnexpectedFailure" not in outcomes
    return outcomes


@pytest.mark.parametrize(("identity", "most"), few([
    ({}, 3), ({"refresh": True}, 3), ({"expires_in": None}, 3), ({"expires_in": 0}, 10), ({"expires_in": 0, "refresh": True}, 10), ({"expires_in": 1}, 12),
    ({"expires_in": 0.001}, 10), ({"expires_in": "0"}, 10), ({"expires_in": -1}, 10),
], every=3))  # fmt: skip
def test_an_api_that_refuses_everything_is_no_storm(identity, most):
    """A new token for a refused one, and then a pause: of five seconds, ten, twenty … a minute. Each request is sent twice at most.

    Tokens that end at once make no difference: an expired one is replaced once a second, until the API accepts one.
    """
    with serving(Identity(**identity)) as asked, serving(Api(accepts=nobody)) as api:
        outcomes = stormed(f"{asked.url}/token", api)

    assert asked.count <= most
    assert api.count <= outcomes["401"] + asked.count
    assert SECONDS * RATE == outcomes["401"] + outcomes["EndpointPaused"]


def test_tokens_that_end_at_once_are_used_once():
    """The negative twin: an API that accepts them gets one for each request, as the endpoint wants it; nothing is kept, nothing goes round."""
    with serving(Identity(expires_in=0)) as identity, serving(Api()) as api:
        outcomes = stormed(f"{identity.url}/token", api, requests=40)

    assert ({"200": 40}, 40) == (dict(outcomes), identity.count)
    assert 40 == len(set(api.tokens))


def test_one_place_that_always_refuses_holds_up_no_other():
    """Tokens that end at once, one path of the API that says 401 to everybody: the others go on."""

    class Picky(Api):
        def __call__(self, request: Any) -> Reply:
            self.asked.append(request)
            return self.refusal if request.target == "/admin" else self.good

    with serving(Identity(expires_in=0)) as identity, serving(Picky()) as api:
        clock = Clock()
        connection = connect(oauth(identity), api, run=engine(clock=clock))
        with httpx.Client(auth=connection.auth, trust_env=False) as client:
            for number in range(30):
                clock.ahead += 0.1
                assert 200 == client.get(f"{api.url}/ok").status_code
                if number % 5 == 0:
                    client.get(f"{api.url}/admin")

    assert identity.count <= 30 + 2 * 6


@pytest.mark.parametrize(("said", "most"), few([
    (says_json({"error": "invalid_client"}, 401), 1), (says_json({}, 429), 9), (says_json({}, 500), 21), (says_json({}, 429, ("Retry-After", "0")), 9),
    (says_json({"error": "invalid_request"}, 400), 6), (Reply(200, b'{"access_token":"AT","tok'), 18), (says_json({"error": "temporarily_unavailable"}, 400), 18),
    (says_json({}, 429, ("Retry-After", "1")), 9), (says_json({}, 503, ("Retry-After", "0")), 9), (says_json({}, 503, ("Retry-After", "-5")), 21),
    (says_json({}, 429, ("Retry-After", "9" * 30)), 1), (says_json({}, 429, ("Retry-After", "soon")), 9), (says_json({}, 429, ("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT")), 9),
    (says_json({}, 502), 21), (says_json({}, 504), 21), (says_json({}, 403), 6), (says_json({}, 404), 6), (says_json({"error": "invalid_grant"}, 400), 6),
    (says_json({"error": "slow_down"}, 400), 18), (says_json({"error": "server_error"}, 500), 21), (says_json({"expires_in": 60}), 6), (Reply(204, b""), 18),
    (Reply(200, b'{"access_token":"AT","expires_in":NaN}'), 6), (Reply(200, b"<html>portal", (("Content-Type", "text/html"),)), 6), (Reply(302, b"", (("Location", "/login"),)), 6),
    (Reply(200, GOOD, (JSON, ("Content-Encoding", "gzip"))), 21), (Reply(200, b'{"access_token":"' + b"A" * 1_200_000 + b'"}'), 21), (Reply(200, filled(b"[],", 200_000)), 6),
    (says_json({"access_token": "a b", "token_type": "Bearer"}), 6), (says_json({"access_token": "AT", "token_type": "mac"}), 6), (says_json({"access_token": ["AT"]}), 6),
], every=16))  # fmt: skip
def test_an_endpoint_that_always_fails_is_no_storm(said, most):
    """Six hundred requests in six seconds: each way to fail has its pause, and the endpoint is asked a few times."""
    with serving(Identity(script=[said] * 700)) as identity, serving(Api()) as api:
        outcomes = stormed(f"{identity.url}/token", api)

    assert 1 <= identity.count <= most, outcomes
    assert (0, SECONDS * RATE) == (api.count, outcomes.total())


@pytest.mark.thorough
@pytest.mark.parametrize("behaviour", [BROKEN["accepts and closes"], BROKEN["RST"], BROKEN["HTTP/0.9"], BROKEN["status 101"]])
def test_an_endpoint_that_breaks_off_is_no_storm(behaviour):
    """The same for what does not even answer."""
    with Server(behaviour) as server, serving(Api()) as api:
        stormed(f"{server.url}token", api)

    assert len(server.requests) <= 21


@pytest.mark.thorough
def test_an_endpoint_that_hangs_is_no_storm():
    """Five calls without an answer, and nobody asks for a while."""
    with Server(hang_after_request) as server, serving(Api()) as api:
        run = engine(settings={"deadline": 0.3})
        connection = connect(oauth(f"{server.url}token"), api, run=run)
        outcomes: Counter[str] = Counter()

        def ask(_: int) -> None:
            with httpx.Client(auth=connection.auth, trust_env=False, timeout=60) as client, contextlib.suppress(DeadlineExceeded, EndpointPaused):
                client.get(f"{api.url}/x")

        with ThreadPoolExecutor(20) as pool:
            list(pool.map(ask, range(300)))

    assert len(server.requests) <= 6, outcomes


@pytest.mark.thorough
@pytest.mark.parametrize("expires_in", [600, 0])
def test_threads_and_tasks_make_no_storm(expires_in):
    """Twenty threads and fifty tasks at an API that refuses everything: renewals are shared, and so are the pauses.

    Tokens that end at once cost a few more until the first refusal is heard of, then one a second, however many requests there are.
    """
    start = time.monotonic()
    with serving(Identity(expires_in=expires_in)) as identity, serving(Api(accepts=nobody)) as api:
        connection = connect(oauth(identity), api)

        def ask(_: int) -> None:
            with httpx.Client(auth=connection.auth, trust_env=False, timeout=60) as client:
                for _ in range(10):
                    with contextlib.suppress(EndpointPaused):
                        assert 401 == client.get(f"{api.url}/x").status_code

        async def ask_beside() -> None:
            async with httpx.AsyncClient(auth=connection.auth, trust_env=False) as client:
                async def one() -> None:
                    for _ in range(5):
                        with contextlib.suppress(EndpointPaused):
                            assert 401 == (await client.get(f"{api.url}/x", timeout=60)).status_code

                await asyncio.gather(*(one() for _ in range(50)))

        with ThreadPoolExecutor(21) as pool:
            tasks = pool.submit(lambda: asyncio.run(ask_beside()))
            list(pool.map(ask, range(20)))
            tasks.result(120)
    seconds = time.monotonic() - start

    assert identity.count <= 3 + seconds / 5 + (0 if expires_in else seconds + 10)


PROCESS = """
import collections, sys, time, httpx
from authweave.engine import Engine
from authweave.errors import EndpointPaused
from authweave.loading import loads
from authweave.settings import Settings
from authweave.wire import Wire
token_url, api, store, key, seconds, engines = sys.argv[1:]
text = '{"format": 1, "name": "acme", "identity_provider": "Acme", "servers": ["%s"], "auth": {"type": "oauth2", "grant_type": "client_credentials", "token_url": "%s"}}' % (api, token_url)
settings = Settings.load({"sources": [], "store": store, "store_key": key}, env={})
runs = [Engine(wire=Wire(environ={}, proxy=""), inputs={"client_id": "robot", "client_secret": "s"}, settings=settings) for _ in range(int(engines))]
clients = [httpx.Client(auth=run.connect(loads(text, "acme.json")).auth, trust_env=False, timeout=60) for run in runs]
print("ready", flush=True)
sys.stdin.readline()
end, count = time.monotonic() + float(seconds), 0
while time.monotonic() < end:
    for client in clients:
        try:
            assert client.get(api + "/x").status_code == 401
        except EndpointPaused:
            pass
        count += 1
    time.sleep(0.04)
print(count, flush=True)
"""
"""One of the processes of a platform: 25 requests a second."""


@pytest.mark.thorough
@pytest.mark.parametrize(("processes", "engines", "expires_in"), [(4, 1, 600), (2, 2, 600), (4, 1, 0)])
def test_processes_and_engines_make_no_storm(tmp_path, processes, engines, expires_in):
    """Several processes, each with engines of its own, on one SQLite store: what one has renewed the others take before they refuse it, too."""
    key = tmp_path / "key"
    key.write_text(base64.b64encode(os.urandom(32)).decode() + "\n")
    key.chmod(0o600)
    with serving(Identity(expires_in=expires_in)) as identity, serving(Api(accepts=nobody)) as api:
        how = [f"{identity.url}/token", api.url, f"sqlite:///{tmp_path}/tokens.db", str(key), "4", str(engines)]
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "plugin")}
        with contextlib.ExitStack() as stack:
            running = [
                stack.enter_context(subprocess.Popen([sys.executable, "-c", PROCESS, *how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env))
                for _ in range(processes)
            ]  # fmt: skip
            assert {"ready"} == {one.stdout.readline().strip() for one in running}
            start = time.monotonic()
            for one in running:
                one.stdin.write("go\n")
                one.stdin.flush()
            counts = [int(one.stdout.readline()) for one in running]
            seconds = time.monotonic() - start

    owners = processes * engines
    assert sum(counts) > 2 * owners
    assert api.count <= 2 * sum(counts)
    assert identity.count <= 2 + owners * (1 + seconds / 5) + (0 if expires_in else owners * (seconds + 1))


# ---- one client's pauses are its own


def test_pauses_of_our_own_grow_and_end():
    """"Too many requests" three times in a row is waited for as it was said; then longer each time, up to a minute; anything else ends that."""
    now = [1_000_000.0]
    pauses = Pauses(clock=lambda: now[0])
    client = ("https://idp.example", "robot")

    waits = []
    for _ in range(12):
        waits.append(pauses.crowd(client, now[0]) - now[0])
        now[0] += waits[-1]
    assert [0.0] * 3 == waits[:3]
    assert all(0.8 * usual <= wait <= 1.2 * usual for wait, usual in zip(waits[3:], (2, 4, 8, 16, 32, 60, 60, 60, 60), strict=True))
    assert 0.0 == pauses.until(("https://idp.example", "other"))

    pauses.uncrowd(client)
    assert now[0] + 7 == pauses.crowd(client, now[0] + 7)


@every("said", [b'{"client_id":"\\ud800","client_secret":"s"}', b'{"client_id":"a\\r\\nb","client_secret":"s"}', b'{"client_id":"","client_secret":"s"}', b'{"client_id":["a"]}'])
def test_a_registration_that_nobody_could_use_is_none(said):
    """A client_id that cannot be sent is not kept: it would be there for ever."""
    with Server(says(http(201, JSON, body=said))) as server, pytest.raises(RegistrationError, match="no client_id"):
        by_registration(server.url, hasty(20.0))


def test_a_registration_ends_in_a_number_of_seconds():
    """A secret that lives for 10^300 seconds is one that lives for 300 years: a greater point in time is no date."""
    token = read_registration(TaskResponse(201, (JSON,), b'{"client_id":"i","client_secret":"s","client_secret_expires_at":1' + b"0" * 300 + b"}"), API, "client_secret_basic", 1e9)

    assert token.expires_at <= 1.2e10
