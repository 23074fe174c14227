"""Crowds at a real identity provider: one token request for everybody, counted by the server."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from identities import connected, vendor, vendor_client
from services import Clock, engine

DELAY = 0.2
PATIENCE = 60
QUICK = {"trust_env": False, "verify": False, "timeout": PATIENCE, "limits": httpx.Limits(max_connections=4)}
PHASES = ("cold", "expired", "refused")


def client_credentials(provider, run):
    client = provider.new_client(delay=DELAY)
    return client, connected(provider, client, run)


def rotated(provider, run):
    client = vendor_client(provider, delay=DELAY)
    return client, vendor(provider, client, run)


def kept(provider, run):
    client = vendor_client(provider, delay=DELAY, rotate=False)
    return client, vendor(provider, client, run)


# ---- the crowds: each gives the status of every answer


def in_threads(auth, url, many=64, start=None):
    """So many threads with one client, all at once."""
    start = start or threading.Barrier(many)

    with httpx.Client(auth=auth, trust_env=False, timeout=PATIENCE) as http, ThreadPoolExecutor(many) as threads:

        def ask(_):
            start.wait(PATIENCE)
            return http.get(url).status_code

        return list(threads.map(ask, range(many)))


def in_tasks(auth, url, many=1000, start=None):
    """So many tasks of one event loop, all at once. 20 share a client: httpx's pool is slow with long queues."""

    async def run():
        async with contextlib.AsyncExitStack() as stack:
            made = [httpx.AsyncClient(auth=auth, **QUICK) for _ in range(many // 20)]
            clients = [await stack.enter_async_context(each) for each in made]
            answers = await asyncio.gather(*(clients[number % len(clients)].get(url) for number in range(many)))
        return [answer.status_code for answer in answers]

    if start is not None:
        start.wait(PATIENCE)
    return asyncio.run(run())


def in_loops_and_threads(auth, url):
    """4 event loops of 20 tasks, and 16 threads, all at once."""
    start = threading.Barrier(4 + 16)

    with ThreadPoolExecutor(5) as loops:
        flying = [loops.submit(in_tasks, auth, url, 20, start) for _ in range(4)]
        flying.append(loops.submit(in_threads, auth, url, 16, start))
        return [status for each in flying for status in each.result()]


CROWDS = {"64 threads": (in_threads, 64), "1,000 tasks": (in_tasks, 1000), "4 loops x 20 tasks + 16 threads": (in_loops_and_threads, 96)}


def begin(phase, provider, client, clock):
    """Make it so that a phase needs a new token; and count anew."""
    if phase != "cold":
        provider.kill(client)
    if phase == "expired":
        clock.ahead += 700
    provider.forget(client)


@pytest.mark.parametrize("way", [client_credentials, rotated, kept], ids=lambda way: way.__name__)
@pytest.mark.parametrize("crowd", CROWDS)
def test_one_token_request_for_a_crowd(oidc_provider, counted, crowd, way):
    """Cold, expired, and refused by the API early: each time the server counts one token request and no invalid_grant."""
    ask, many = CROWDS[crowd]
    clock = Clock()
    client, connection = way(oidc_provider, engine(clock=clock))

    for phase in PHASES:
        begin(phase, oidc_provider, client, clock)
        started = time.monotonic()
        statuses = ask(connection.auth, oidc_provider.api_url + "/me")
        took = time.monotonic() - started

        counts = oidc_provider.counts(client)
        counted.append(line(crowd, way.__name__, phase, counts, took))
        print(counted[-1])
        assert [200] * many == statuses
        assert (1, 1, 0) == (counts["token"], counts["granted"], counts["invalid_grant"])
        assert many == counts["api_200"]
        assert (counts["api_401"] > 0) is (phase == "refused")
        assert took >= DELAY


def line(crowd, way, phase, counts, took):
    """One row: who asked how, and what the server counted."""
    shown = "  ".join(f"{name} {counts[name]:4}" for name in ("token", "granted", "invalid_grant", "api_200", "api_401"))
    return f"{crowd:32}{way:20}{phase:9}{shown}  {took:5.2f} s"


def test_connections_of_one_client_share_the_token(oidc_provider, counted):
    """64 connections of one engine, each connected anew by its own thread, are one token request too."""
    client = oidc_provider.new_client(delay=DELAY)
    run = engine()
    start = threading.Barrier(64)

    def ask(_):
        start.wait(PATIENCE)
        return connected(oidc_provider, client, run).token().result(PATIENCE).access_token.reveal()

    with ThreadPoolExecutor(64) as threads:
        tokens = set(threads.map(ask, range(64)))

    counts = oidc_provider.counts(client)
    counted.append(line("64 connections", "client_credentials", "cold", counts, 0))
    assert (1, {"token": 1, "granted": 1}) == (len(tokens), counts)


def test_the_count_tells_engines_apart(oidc_provider):
    """The twin: 8 engines that share nothing are 8 token requests, so the count of one is no accident of the server."""
    client = oidc_provider.new_client(delay=DELAY)
    start = threading.Barrier(8)

    def ask(_):
        start.wait(PATIENCE)
        return connected(oidc_provider, client).token().result(PATIENCE).access_token.reveal()

    with ThreadPoolExecutor(8) as threads:
        tokens = set(threads.map(ask, range(8)))

    assert (8, {"token": 8, "granted": 8}) == (len(tokens), oidc_provider.counts(client))


def test_two_clients_are_two_requests(oidc_provider):
    """Crowds of two clients through one engine: each gets its own token, by one request."""
    run = engine()
    clients = [oidc_provider.new_client(delay=DELAY) for _ in range(2)]
    connections = [connected(oidc_provider, client, run) for client in clients]

    with ThreadPoolExecutor(2) as pair:
        url = oidc_provider.api_url + "/me"
        statuses = list(pair.map(lambda connection: in_threads(connection.auth, url, 16), connections))

    assert [[200] * 16] * 2 == statuses
    assert [{"token": 1, "granted": 1, "api": 16, "api_200": 16}] * 2 == [oidc_provider.counts(client) for client in clients]
