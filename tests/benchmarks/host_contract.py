"""What a task request costs a platform with a warm token: `python tests/benchmarks/host_contract.py [--rounds 200]`.

One step is everything that authweave, or what stands in its place, does for one request: authorize it, and judge its 200; no network.
The contract (through pluggy, through the plugin without pluggy, through a connection) is compared with the auth object called
directly, and each adapter with the auth that its platform brings along (which gets no token, renews none, and guards no
redirect) and with a few lines by hand. All take turns in one process, in an order shuffled each round; requests and answers
are made outside the timed part. Shown are microseconds per step, p10 and median over the rounds, and the ratio to the first
line of the table. A platform that is not installed is named and left out.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pluggy
from auth_step import BEARER, TOKEN, Loopback, loopback

from authweave import Engine, TaskRequest, TaskResponse
from authweave.plugin import AuthweavePlugin, join
from authweave.settings import Settings

BATCH = 50
_at_the_end: list[Callable[[], Any]] = []
GOOD = TaskResponse(200)


@dataclass
class Line:
    """A contestant: `make` gives what a batch is run over, outside the timed part; `step` is run over each; `sent` gives the bearer of one."""

    name: str
    make: Callable[[], Any]
    step: Callable[[Any], Any]
    sent: Callable[[Any], str]
    times: list[float] = field(default_factory=list)


def main() -> int:
    """Measure and print."""
    options = _options()
    with loopback() as server, tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner, _engine(server, Path(folder)) as engine:
        tables = {title: list(lines) for title, lines in _tables(engine, server, runner)}
        everybody = [line for lines in tables.values() for line in lines]
        for line in everybody:
            if (sent := line.sent(line.step(line.make()))) != BEARER and not sent.startswith("Basic "):
                raise SystemExit(f"{line.name} sends {sent!r}")
        given = server.tokens_given
        _measure(everybody, options.rounds)
        if server.tokens_given != given:
            raise SystemExit("somebody got a token while the clock ran: that was no warm step")
        for close in _at_the_end:
            runner.run(close())
    for title, lines in tables.items():
        _told(title, lines)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help=f"batches of {BATCH} steps for each (default: 200)")
    return parser.parse_args()


def _engine(server: Loopback, folder: Path) -> Engine:
    """One profile in a folder, as platforms keep them, and connections by its name."""
    text = json.dumps({
        "format": 1, "name": "acme", "identity_provider": "Acme", "servers": [server.url],
        "auth": {"type": "oauth2", "grant_type": "client_credentials", "token_url": f"{server.url}/token"},
    })  # fmt: skip
    (folder / "acme.json").write_text(text)
    settings = Settings.load({"sources": []}, env={})
    return Engine(folder, inputs={"client_id": "client", "client_secret": "secret"}, settings=settings)


def _tables(engine: Engine, server: Loopback, runner: asyncio.Runner) -> Iterator[tuple[str, Iterator[Line]]]:
    yield "the contract", _of_contract(engine, server)
    for name, lines in (("httpx", _of_httpx), ("requests", _of_requests), ("aiohttp", _of_aiohttp), ("grpc", _of_grpc)):
        try:
            importlib.import_module(name)
        except ImportError as error:
            print(f"not measured: {name} ({error})")
            continue
        yield name, lines(engine, server, runner)


def _of_contract(engine: Engine, server: Loopback) -> Iterator[Line]:
    connection, plugin = engine.connect("acme"), AuthweavePlugin(engine)
    manager = pluggy.PluginManager("mybot")
    join(manager, plugin)
    hook = manager.hook

    def task() -> TaskRequest:
        return TaskRequest("GET", f"{server.url}/v1/me", (("Accept", "application/json"),))

    def through_pluggy(request: Any) -> Any:
        finished = hook.authorize_request(profile="acme", request=request).result(30)
        hook.handle_response(profile="acme", request=finished, response=GOOD).result(30)
        return finished

    def without_pluggy(request: Any) -> Any:
        finished = plugin.authorize_request("acme", request).result(30)
        plugin.handle_response("acme", finished, GOOD).result(30)
        return finished

    def by_connection(request: Any) -> Any:
        finished = connection.authorize(request).result(30)
        connection.handle_response(finished, GOOD).result(30)
        return finished

    def through_pluggy_with_httpx(pair: Any) -> Any:
        finished = hook.authorize_request(profile="acme", request=pair[0]).result(30)
        pair[1].request = finished
        hook.handle_response(profile="acme", request=finished, response=pair[1]).result(30)
        return finished

    def bearer(finished: Any) -> str:
        return str(finished.header("authorization"))

    yield _httpx_line("the auth object, directly (httpx)", connection.auth, server)
    yield Line("by a connection, TaskRequest", task, by_connection, bearer)
    yield Line("by the plugin, without pluggy", task, without_pluggy, bearer)
    yield Line("through pluggy", task, through_pluggy, bearer)
    yield Line("through pluggy, a request of httpx", lambda: _pair(server), through_pluggy_with_httpx, _of_header)


def _of_httpx(engine: Engine, server: Loopback, runner: asyncio.Runner) -> Iterator[Line]:
    yield _httpx_line("httpx.BasicAuth", httpx.BasicAuth("client", "secret"), server)
    yield _httpx_line("authweave", engine.connect("acme").auth, server)


def _of_requests(engine: Engine, server: Loopback, runner: asyncio.Runner) -> Iterator[Line]:
    import requests

    from authweave.hosts.requests import ProfileAuth

    session = requests.Session()

    class ByHand(requests.auth.AuthBase):
        def __call__(self, request: Any) -> Any:
            request.headers["Authorization"] = f"Bearer {TOKEN}"
            return request

    def line(name: str, auth: Any) -> Line:
        def make() -> Any:
            response = requests.Response()
            response.status_code = 200
            response._content = b""
            response.url = f"{server.url}/v1/me"
            return session.prepare_request(requests.Request("GET", f"{server.url}/v1/me")), response

        def step(pair: Any) -> Any:
            request = auth(pair[0])
            pair[1].request = request
            requests.hooks.dispatch_hook("response", request.hooks, pair[1])
            return request

        return Line(name, make, step, _of_header)

    yield line("requests' HTTPBasicAuth", requests.auth.HTTPBasicAuth("client", "secret"))
    yield line("by hand: one header", ByHand())
    yield line("authweave", ProfileAuth("acme", engine=engine))


def _of_aiohttp(engine: Engine, server: Loopback, runner: asyncio.Runner) -> Iterator[Line]:
    """Whole requests over loopback: a middleware has no life without one."""
    import aiohttp

    from authweave.hosts.aiohttp import ProfileAuth

    async def with_header(request: Any, handler: Any) -> Any:
        request.headers["Authorization"] = BEARER
        return await handler(request)

    async def session_with(*middlewares: Any) -> Any:
        return aiohttp.ClientSession(middlewares=middlewares, connector=aiohttp.TCPConnector(force_close=True))

    sessions: list[Any] = []

    def line(name: str, *middlewares: Any, **options: Any) -> Line:
        session = runner.run(session_with(*middlewares))
        sessions.append(session)

        async def stepped() -> Any:
            async with session.get(f"{server.url}/v1/me", **options) as response:
                await response.read()
                return response.status

        return Line(f"{name}, whole request", lambda: None, lambda _: runner.run(stepped()), lambda status: BEARER if status == 200 else str(status))

    yield line("header by hand", headers={"Authorization": BEARER})
    yield line("middleware by hand", with_header)
    yield line("authweave", ProfileAuth("acme", engine=engine))
    _at_the_end.extend(session.close for session in sessions)


def _of_grpc(engine: Engine, server: Loopback, runner: asyncio.Runner) -> Iterator[Line]:
    """What gRPC asks for before each call; the call itself is not in it."""
    from types import SimpleNamespace

    from grpc._auth import AccessTokenAuthMetadataPlugin

    from authweave.hosts.grpc.credentials import CallMetadata
    from authweave.hosts.whose import Whose

    context = SimpleNamespace(service_url=f"{server.url}/acme.Speech", method_name="Recognize")

    def line(name: str, plugin: Any) -> Line:
        def step(answers: list[Any]) -> list[Any]:
            plugin(context, lambda metadata, error: answers.append((metadata, error)))
            return answers

        return Line(name, list, step, lambda answers: str(dict(answers[0][0])["authorization"]))

    yield line("grpc's access token plugin", AccessTokenAuthMetadataPlugin(TOKEN))
    yield line("authweave", CallMetadata(Whose.of("acme", engine)))


def _httpx_line(name: str, auth: Any, server: Loopback) -> Line:
    def step(pair: Any) -> Any:
        flow = auth.sync_auth_flow(pair[0])
        request = next(flow)
        pair[1].request = request
        try:
            flow.send(pair[1])
        except StopIteration:
            return request
        raise AssertionError("the flow goes on after a 200")

    return Line(name, lambda: _pair(server), step, _of_header)


def _pair(server: Loopback) -> tuple[Any, Any]:
    return httpx.Request("GET", f"{server.url}/v1/me"), httpx.Response(200)


def _of_header(request: Any) -> str:
    return str(request.headers["Authorization"])


def _measure(lines: list[Line], rounds: int) -> None:
    order = list(lines)
    gc.disable()
    for _ in range(rounds):
        random.shuffle(order)
        for line in order:
            batch = [line.make() for _ in range(BATCH)]
            start = time.perf_counter_ns()
            for one in batch:
                line.step(one)
            line.times.append((time.perf_counter_ns() - start) / BATCH / 1000)
        gc.collect()
    gc.enable()


def _told(title: str, lines: list[Line]) -> None:
    if not lines:
        return
    print(f"\n{title + ', µs':40}{'p10':>8}{'median':>8}{'ratio p10':>11}")
    base = _p10(lines[0].times)
    for line in lines:
        low = _p10(line.times)
        print(f"  {line.name:38}{low:8.2f}{statistics.median(line.times):8.2f}{low / base:11.2f}")


def _p10(times: list[float]) -> float:
    return sorted(times)[len(times) // 10]


if __name__ == "__main__":
    sys.exit(main())
