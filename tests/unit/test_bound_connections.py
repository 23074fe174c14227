"""Connections that one flow has for itself, in httpx and on our own wire; and what is said where the library is missing."""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from authweave.clients.bound_connections import MOST_IDLE, Connections, Lease
from authweave.clients.bound_transports import AsyncBoundTransport, BoundAuth, BoundTransport
from authweave.proofs.security_contexts import Kept as KeptContexts
from authweave.proofs.security_contexts import offered, token_in
from authweave.values import TaskRequest, TaskResponse
from authweave.wire import Call, Kept, Wire
from services import Reply, talks
from sockets import Server
from thorough import every


class Numbered:
    """Says on which connection a request came, and with which header `X-Flow`."""

    def __init__(self, *, closes=False):
        self.numbers, self.seen, self.lock, self.closes = itertools.count(1), [], threading.Lock(), closes

    def __call__(self, peer):
        with self.lock:
            number = next(self.numbers)

        def handle(request):
            with self.lock:
                self.seen.append((number, next(iter(request.values("x-flow")), "")))
            close = (("Connection", "close"),) if self.closes else ()
            return Reply(401 if "x-first" in dict(request.headers) else 200, str(number).encode(), (("Content-Length", str(len(str(number)))), *close))

        talks(handle)(peer)


class TwoLegs(httpx.Auth):
    """Two requests for each, as NTLM has it."""

    def sync_auth_flow(self, request):
        request.headers["x-first"] = "1"
        yield request
        del request.headers["x-first"]
        yield request

    async def async_auth_flow(self, request):
        for asked in self.sync_auth_flow(request):
            yield asked


def client(origin, **options):
    transport = BoundTransport()
    return httpx.Client(transport=transport, auth=BoundAuth(TwoLegs(), transport), base_url=origin, **options)


def on_one_connection(seen):
    """Every flow (by its header) had one connection only."""
    flows = {}
    for number, flow in seen:
        flows.setdefault(flow, set()).add(number)
    return all(len(numbers) == 1 for numbers in flows.values())


def test_both_requests_of_a_flow_go_over_one_connection():
    """Many flows at once, from threads: none is between the two requests of another."""
    behaviour = Numbered()
    with Server(behaviour) as server, client(server.url) as http, ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(lambda flow: http.get("/", headers={"X-Flow": str(flow)}).status_code, range(30)))

    assert [200] * 30 == statuses
    assert on_one_connection(behaviour.seen)
    assert len({number for number, _ in behaviour.seen}) <= 6


@pytest.mark.thorough
def test_in_event_loops_too():
    """Tasks as threads."""
    behaviour = Numbered()

    async def run(url):
        transport = AsyncBoundTransport()
        async with httpx.AsyncClient(transport=transport, auth=BoundAuth(TwoLegs(), transport), base_url=url) as http:
            return await asyncio.gather(*(http.get("/", headers={"X-Flow": str(flow)}) for flow in range(20)))

    with Server(behaviour) as server:
        answers = asyncio.run(run(server.url))

    assert {200} == {answer.status_code for answer in answers}
    assert on_one_connection(behaviour.seen)


def test_in_event_loops_a_connection_comes_back_too():
    """One flow after the other goes over the same connection, also after one that broke off: nothing stays leased."""
    behaviour = Numbered()

    async def run(url):
        transport = AsyncBoundTransport()
        async with httpx.AsyncClient(transport=transport, auth=BoundAuth(TwoLegs(), transport), base_url=url) as http:
            texts = [(await http.get("/")).text for _ in range(2)]
            with pytest.raises(httpx.ConnectError):
                await http.get("http://127.0.0.1:9/")
            return [*texts, (await http.get("/")).text], len(transport.connections._idle)

    with Server(behaviour) as server:
        assert (["1", "1", "1"], 2) == asyncio.run(run(server.url))


def test_a_connection_comes_back_when_the_answer_is_closed():
    """Not before: whoever streams has it for themselves."""
    behaviour = Numbered()
    with Server(behaviour) as server, client(server.url) as http:
        with http.stream("GET", "/") as first:
            second = http.get("/").text
            assert "2" == second
        third = http.get("/").text

    assert (200, True) == (first.status_code, third in ("1", "2"))


def test_a_failed_request_gives_its_connection_back():
    """Nothing is held for a flow that has ended in an error."""
    with client("http://127.0.0.1:9") as http:
        for _ in range(3):
            with pytest.raises(httpx.ConnectError):
                http.get("/")
        connections = http._transport.connections

    assert [] == connections._idle


def test_idle_connections_are_few():
    """Of more than some twenty the oldest are closed."""
    connections = Connections(object)
    leases = []
    for number in range(MOST_IDLE + 5):
        lease = Lease()
        request = httpx.Request("GET", f"https://h{number}.example", extensions={"authweave_lease": lease})
        connections.of(request)
        leases.append(lease)
    surplus = [one for lease in leases for one in (*connections.answered(lease), *connections.ended(lease))]

    assert (5, MOST_IDLE) == (len(surplus), len(connections.rest()))


@pytest.mark.parametrize(("closes", "numbers"), [(False, [1, 1, 1]), (True, [1, 2, 3])], ids=["kept", "closed by the server"])
def test_calls_of_our_own_over_a_connection_that_is_kept(closes, numbers):
    """As long as the server keeps it; each call has its own time and its own stages."""
    behaviour = Numbered(closes=closes)
    wire = Wire(environ={}, proxy="")
    with Server(behaviour) as server, Kept() as kept:
        replies = [wire.send(Call("GET", server.url), deadline=5, kept=kept) for _ in range(3)]

    assert [str(number) for number in numbers] == [reply.body.decode() for reply in replies]
    assert ("dns" in [event.stage for event in replies[1].stages]) is closes


def test_a_kept_connection_is_for_one_origin():
    """Another host has another one, and nothing is left open."""
    wire = Wire(environ={}, proxy="")
    with Server(Numbered()) as one, Server(Numbered()) as other, Kept() as kept:
        replies = [wire.send(Call("GET", server.url), deadline=5, kept=kept) for server in (one, other, one)]

    assert [200, 200, 200] == [reply.status for reply in replies]


MISSING = """
import sys
sys.modules["spnego"] = None
from authweave.errors import ApplyError
from authweave.proofs.security_contexts import kerberos, ntlm
for make in (lambda: ntlm("u", "p", "h", "ntlm"), lambda: kerberos("HTTP", "h", delegate=False, mutual=True, extra="kerberos")):
    try:
        make()
    except ApplyError as error:
        print(error)
"""


def test_a_missing_library_is_named_with_the_command():
    """`pip install` of the extra, and nothing else is needed to load such a profile."""
    known = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", MISSING], env=known, capture_output=True, text=True, check=False)
    said = [*done.stdout.splitlines(), *done.stderr.splitlines()]

    assert ["the package pyspnego is not installed: pip install 'authweave[ntlm]'", "the package pyspnego is not installed: pip install 'authweave[kerberos]'"] == said


def test_nothing_of_it_is_loaded_before_it_is_used():
    """The command line starts without it."""
    known = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    program = "import sys, authweave.extensions.catalog; authweave.extensions.catalog.default_catalog(); print('spnego' in sys.modules)"

    assert "False" == subprocess.run([sys.executable, "-c", program], env=known, capture_output=True, text=True, check=True).stdout.strip()


def test_contexts_are_kept_once_and_not_for_ever():
    """An answer finds its context once; one that never comes is forgotten in the end."""
    kept = KeptContexts()
    for number in range(1500):
        kept.hold(str(number), number)

    assert (None, 1499, None, None) == (kept.take("0"), kept.take("1499"), kept.take("1499"), kept.take(None))


@every("lines, found", [
    (["NTLM"], (True, None)), (["Negotiate, NTLM TlRMTQ=="], (True, b"NTLM")), (["Negotiate"], (False, None)), (["NTLM !!!"], (False, None)), ([], (False, None)),
    (["ntlm AAA"], (True, None)),
])  # fmt: skip
def test_what_a_server_offers(lines, found):
    """The scheme in any case, and its token where it can be read."""
    assert found == offered(TaskResponse(401, tuple(("WWW-Authenticate", line) for line in lines)), "ntlm")


def test_the_token_of_a_request():
    """Of this scheme alone."""
    request = TaskRequest("GET", "https://h.example", (("authorization", "ntlm  abc=="),))

    assert ("abc==", None) == (token_in(request, "ntlm"), token_in(request, "negotiate"))
