"""What the auth step of a request costs with a warm token: `python tests/benchmarks/auth_step.py [--rounds 300] [--check]`.

A step is what a client does with an auth object for one request: make the flow, take the request from it, give it a 200
answer, run it to its end. authweave's auth comes from `Engine.connect(…).auth` and is warmed by one real request to a
loopback server, as in a program; its step holds the expiry check, the conflict rule and the origin guard. All contestants
take turns in one process, in an order shuffled each round. Requests and answers are fresh, and made outside the timed part.
Shown are microseconds per step (p10 and median over the rounds; a round is one batch) and the ratio to a minimal
hand-written auth of the same colour. `--check` ends with 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import random
import statistics
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from authweave.engine import Engine
from authweave.loading import loads
from authweave.settings import Settings

MINIMAL = "minimal hand-written"
OURS = "authweave"
TARGET = 2.0
BATCH = 100
TOKEN = "2YotnFZFEjr1zCsicMWpAA"
BEARER = f"Bearer {TOKEN}"


class StaticHeader(httpx.Auth):
    """A header, and nothing else: no token that ends, no answer looked at."""

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """For `httpx.Client`."""
        request.headers["Authorization"] = BEARER
        yield request

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """For `httpx.AsyncClient`."""
        request.headers["Authorization"] = BEARER
        yield request


class Minimal(httpx.Auth):
    """What one would write by hand: token, expiry check, header, one retry after 401. No guard, no lock, no refresh window."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Stands for the token call, which no warm step reaches."""
        self.token, self.expires_at = TOKEN, time.time() + 3600

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """For `httpx.Client`."""
        if time.time() >= self.expires_at:
            self.renew()
        request.headers["Authorization"] = f"Bearer {self.token}"
        response = yield request
        if response.status_code == 401:
            self.renew()
            request.headers["Authorization"] = f"Bearer {self.token}"
            yield request

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """For `httpx.AsyncClient`."""
        if time.time() >= self.expires_at:
            self.renew()
        request.headers["Authorization"] = f"Bearer {self.token}"
        response = yield request
        if response.status_code == 401:
            self.renew()
            request.headers["Authorization"] = f"Bearer {self.token}"
            yield request


Steps = Callable[[list[tuple[Any, Any]]], Any]


@dataclass
class Contestant:
    """One line of a table. `steps` runs a batch of (request, answer); `pair` makes a fresh one; `has_expiry` says that
    its tokens end, so that the target compares it.
    """

    name: str
    steps: Steps
    pair: Callable[[], tuple[Any, Any]]
    sent_with: Callable[[Any, Any], str]
    has_expiry: bool = True
    times: list[float] = field(default_factory=list)


class Loopback(ThreadingHTTPServer):
    """A token endpoint at /token and an API everywhere else; counts the tokens that it gave."""

    daemon_threads = True
    tokens_given = 0

    @property
    def url(self) -> str:
        """Without a slash at the end."""
        return f"http://127.0.0.1:{self.server_port}"


class Answers(BaseHTTPRequestHandler):
    """The handler of `Loopback`."""

    def do_POST(self) -> None:
        """Give a token."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.tokens_given += 1  # type: ignore[attr-defined]  # it is a Loopback
        self._answer({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600})

    def do_GET(self) -> None:
        """Accept the token and nothing else."""
        self._answer({}, 200 if self.headers.get("Authorization") == BEARER else 401)

    def _answer(self, content: Any, status: int = 200) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def main() -> int:
    """Measure, print, and compare with the targets."""
    options = _options()
    with loopback() as server, asyncio.Runner() as runner:
        tables = {"sync": _in_sync(server), "async": _in_async(server, runner)}
        everybody = [contestant for table in tables.values() for contestant in table]
        for contestant in everybody:
            warmed(contestant)
        given = server.tokens_given
        measure(everybody, options.rounds)
        if server.tokens_given != given:
            raise SystemExit("somebody got a token while the clock ran: that was no warm step")
    missed = [_told(colour, table) for colour, table in tables.items()]
    return 1 if options.check and any(missed) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300, help=f"batches of {BATCH} steps for each (default: 300)")
    parser.add_argument("--check", action="store_true", help="end with 1 if a target is missed")
    return parser.parse_args()


@contextmanager
def loopback() -> Iterator[Loopback]:
    """The server, on a free port."""
    with Loopback(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def _in_sync(server: Loopback) -> list[Contestant]:
    client = httpx.Client(trust_env=False)

    def contestant(name: str, auth: Any, *, has_expiry: bool = True, maker: Any = client) -> Contestant:
        return Contestant(name, sync_steps(auth), pairs_of(maker, server), sync_bearer(auth), has_expiry)

    ours = connection(server).auth
    found = [
        contestant("static header", StaticHeader(), has_expiry=False),
        contestant(MINIMAL, Minimal(), has_expiry=False),
        contestant(OURS, ours),
    ]
    client.get(f"{server.url}/warm", auth=ours).raise_for_status()
    if peer := _imported("httpx_auth"):
        theirs = peer.OAuth2ClientCredentials(f"{server.url}/token", "client", "secret")
        client.get(f"{server.url}/warm", auth=theirs).raise_for_status()
        found.append(contestant("httpx_auth", theirs))
    if peer := _imported("authlib.integrations.httpx_client"):
        maker = peer.OAuth2Client("client", "secret", token=_token())
        found.append(contestant("authlib", maker.token_auth, maker=maker))
    if peer := _imported("requests_oauth2client"):
        found.append(_with_requests(peer, server))
    return found


def _in_async(server: Loopback, runner: asyncio.Runner) -> list[Contestant]:
    client = httpx.AsyncClient(trust_env=False)

    def contestant(name: str, auth: Any, *, has_expiry: bool = True, maker: Any = client) -> Contestant:
        return Contestant(name, _async_steps(auth, runner), pairs_of(maker, server), _async_bearer(auth, runner), has_expiry)

    async def warm(auth: Any) -> None:
        (await client.get(f"{server.url}/warm", auth=auth)).raise_for_status()

    ours = connection(server).auth
    found = [
        contestant("static header", StaticHeader(), has_expiry=False),
        contestant(MINIMAL, Minimal(), has_expiry=False),
        contestant(OURS, ours),
    ]
    runner.run(warm(ours))
    if peer := _imported("httpx_auth"):
        theirs = peer.OAuth2ClientCredentials(f"{server.url}/token", "client", "secret")
        runner.run(warm(theirs))
        found.append(contestant("httpx_auth", theirs))
    if peer := _imported("authlib.integrations.httpx_client"):
        maker = peer.AsyncOAuth2Client("client", "secret", token=_token())
        found.append(contestant("authlib", maker.token_auth, maker=maker))
    return found


def connection(server: Loopback, *, tenant: str = "", **settings: Any) -> Any:
    """A client credentials profile, connected as a program does it; nothing of this machine's settings is seen."""
    return engine(**settings).connect(profile(server.url), tenant=tenant)


def profile(url: str) -> Any:
    """A client credentials profile for the token endpoint at `url`/token and the API beside it."""
    text = json.dumps({
        "format": 1, "name": "acme", "identity_provider": "Acme", "servers": [url],
        "auth": {"type": "oauth2", "grant_type": "client_credentials", "token_url": f"{url}/token"},
    })  # fmt: skip
    return loads(text, "acme.json")


def engine(**settings: Any) -> Engine:
    """An engine with these settings and no others; its store is memory if they name none."""
    loaded = Settings.load({"sources": [], "store": "memory:", **settings}, env={})
    return Engine(inputs={"client_id": "client", "client_secret": "secret"}, settings=loaded)


def _token() -> dict[str, Any]:
    return {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600, "expires_at": int(time.time()) + 3600}


def _imported(name: str) -> Any:
    """A peer, or None and a line that says what is missing."""
    try:
        __import__(name)
    except ImportError as error:
        print(f"not measured: {name} ({error}); pip install 'authweave[bench]'")
        return None
    return sys.modules[name]


def _with_requests(peer: Any, server: Loopback) -> Contestant:
    """requests has no flow: a step is the call of the auth object, and nobody looks at the answer."""
    import requests

    auth = peer.OAuth2ClientCredentialsAuth(peer.OAuth2Client(f"{server.url}/token", auth=("client", "secret"), testing=True))
    session = requests.Session()
    session.trust_env = False
    session.get(f"{server.url}/warm", auth=auth).raise_for_status()

    def steps(pairs: list[tuple[Any, Any]]) -> None:
        for request, _ in pairs:
            auth(request)

    def pair() -> tuple[Any, Any]:
        return session.prepare_request(requests.Request("GET", f"{server.url}/v1/me")), None

    return Contestant("requests_oauth2client", steps, pair, lambda request, _: auth(request).headers["Authorization"])


def pairs_of(client: Any, server: Loopback) -> Callable[[], tuple[Any, Any]]:
    """Requests as the client makes them (authlib's client is one of httpx or of httpx2, whichever it prefers)."""
    return lambda: (client.build_request("GET", f"{server.url}/v1/me"), httpx.Response(200))


def sync_steps(auth: Any) -> Steps:
    def steps(pairs: list[tuple[Any, Any]]) -> None:
        for request, response in pairs:
            flow = auth.sync_auth_flow(request)
            next(flow)
            try:
                flow.send(response)
            except StopIteration:
                continue
            raise AssertionError("the flow goes on after a 200")

    return steps


def _async_steps(auth: Any, runner: asyncio.Runner) -> Steps:
    async def steps(pairs: list[tuple[Any, Any]]) -> None:
        for request, response in pairs:
            flow = auth.async_auth_flow(request)
            await flow.__anext__()
            try:
                await flow.asend(response)
            except StopAsyncIteration:
                continue
            raise AssertionError("the flow goes on after a 200")

    async def timed(pairs: list[tuple[Any, Any]]) -> int:
        start = time.perf_counter_ns()
        await steps(pairs)
        return time.perf_counter_ns() - start

    return lambda pairs: runner.run(timed(pairs))


def sync_bearer(auth: Any) -> Callable[[Any, Any], str]:
    def sent_with(request: Any, response: Any) -> str:
        flow = auth.sync_auth_flow(request)
        return str(next(flow).headers["Authorization"])

    return sent_with


def _async_bearer(auth: Any, runner: asyncio.Runner) -> Callable[[Any, Any], str]:
    async def sent_with(request: Any, response: Any) -> str:
        flow = auth.async_auth_flow(request)
        try:
            return str((await flow.__anext__()).headers["Authorization"])
        finally:
            await flow.aclose()

    return lambda request, response: runner.run(sent_with(request, response))


def warmed(contestant: Contestant) -> None:
    """A contestant that does not send the token is none."""
    if (sent := contestant.sent_with(*contestant.pair())) != BEARER:
        raise SystemExit(f"{contestant.name} sends {sent!r}, not {BEARER!r}")
    pairs = [contestant.pair() for _ in range(BATCH)]
    contestant.steps(pairs)
    if contestant.name.startswith(OURS) and not all("trace" in request.extensions and "authweave" in answer.extensions for request, answer in pairs):
        raise SystemExit("a step of authweave without guard or judgement: that is not what the product does")


def measure(contestants: Sequence[Contestant], rounds: int) -> None:
    order = list(contestants)
    gc.disable()
    for _ in range(rounds):
        random.shuffle(order)
        for contestant in order:
            pairs = [contestant.pair() for _ in range(BATCH)]
            start = time.perf_counter_ns()
            inner = contestant.steps(pairs)  # the async ones time themselves, inside the loop
            took = time.perf_counter_ns() - start
            contestant.times.append((inner or took) / BATCH / 1000)
        gc.collect()
    gc.enable()


def _told(colour: str, table: Sequence[Contestant]) -> bool:
    """Print a table; was a target missed?"""
    minimal = next(one for one in table if one.name == MINIMAL)
    print(f"\nauth step, {colour}, µs{'':20}{'p10':>8}{'median':>8}{'ratio p10':>11}{'ratio median':>14}")
    for one in table:
        low, middle = p10(one.times), statistics.median(one.times)
        ratios = low / p10(minimal.times), middle / statistics.median(minimal.times)
        print(f"  {one.name:{len(colour) + 32}}{low:8.2f}{middle:8.2f}{ratios[0]:11.2f}{ratios[1]:14.2f}")
    ours = next(one for one in table if one.name == OURS)
    slower = [one.name for one in table if one is not ours and one.has_expiry and p10(one.times) <= p10(ours.times)]
    ratio = p10(ours.times) / p10(minimal.times)
    print(f"  target ≤ {TARGET} × {MINIMAL} (p10): {ratio:.2f}  {'ok' if ratio <= TARGET else 'MISSED'}")
    print(f"  target below every library with tokens that end (p10): {'ok' if not slower else 'MISSED: ' + ', '.join(slower)}")
    return ratio > TARGET or bool(slower)


def p10(times: Sequence[float]) -> float:
    return sorted(times)[len(times) // 10]


if __name__ == "__main__":
    sys.exit(main())
