"""Tenants that share one profile name, one store and one process: cancelled, forked, hung, and never each other's."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from dataclasses import replace

import httpx
import pytest

from identities import vendor_client
from services import until
from sockets import Server
from stores import key_file, urls
from workers import ATTENDED, OWN, VENDOR, Place, asked, consented, processes, start

__all__ = ["key_file"]

TENANTS, ROUNDS, TASKS = 50, 3, 4
LIFE = 700.0


# ---- a storm of cancelled tasks


def storm(places, meet, seed, pipe):
    """Rounds of an event loop each, between which all tokens expire: every tenant's tasks call, half are cancelled, the
    loop is closed over what is left."""
    chance = random.Random(seed)
    answers = []
    with places[0].engine() as run:
        connections = {place.tenant: place.connection(run) for place in places}
        for _ in range(ROUNDS):
            meet.wait(120)
            with contextlib.suppress(TimeoutError):
                asyncio.run(asyncio.wait_for(one_round(places, connections, chance, answers), 20))
            run.flights.wait(60)
            meet.wait(120)
            run.clock.ahead += LIFE
    pipe.send(answers)


async def one_round(places, connections, chance, answers):
    async with contextlib.AsyncExitStack() as stack:
        clients = {place.tenant: await stack.enter_async_context(client(connections[place.tenant])) for place in places}
        tasks = [asyncio.create_task(one_call(place, clients[place.tenant], answers)) for place in places for _ in range(TASKS)]
        chance.shuffle(tasks)
        for task in tasks[: len(tasks) // 2]:
            await asyncio.sleep(chance.uniform(0, 0.01))
            task.cancel()
        left = asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(left, chance.uniform(0.5, 3.0))


def client(connection):
    return httpx.AsyncClient(auth=connection.auth, trust_env=False, verify=False, timeout=60)


async def one_call(place, http, answers):
    answer = await http.get(place.provider.api_url + "/me", headers={"X-Tenant": place.tenant})
    answers.append((place.tenant, answer.status_code, answer.json().get("client_id")))


def tenants(provider, store, key_file, many=TENANTS, **more):
    """Places that differ in the tenant and its client alone."""
    clients = [provider.new_client(delay=0.05, **more) for _ in range(many)]
    return [Place(provider, client, store, key_file, OWN, tenant=client.client_id) for client in clients]


def test_no_token_reaches_another_tenant(oidc_provider, redis_server, key_file, counted):
    """2 processes, 50 tenants of one profile name each, tasks cancelled at random, loops closed: every bearer that the API
    saw is of the tenant that sent it, and each expiry cost a tenant one token request at most."""
    places = tenants(oidc_provider, redis_server.fresh_url(), key_file)
    meet = processes.Barrier(2)
    workers = [start(storm, places, meet, seed) for seed in range(2)]
    answers = [answer for worker in workers for answer in worker.hear()]
    assert [0, 0] == [worker.end() for worker in workers]

    assert {200} == {status for _, status, _ in answers}
    assert [] == [answer for answer in answers if answer[0] != answer[2]]
    total = Counter()
    for place in places:
        counts = oidc_provider.counts(place.client)
        assert counts["token"] == counts["granted"] <= ROUNDS, (place.tenant, counts)
        assert counts["api"] == counts["api_200"]
        assert {place.tenant} >= {seen.header("x-tenant") for seen in oidc_provider.seen(place.client, kind="api")}
        total += counts
    counted.append(f"2 processes x {TENANTS} tenants, cancelled          redis   token {total['token']}  api_200 {total['api_200']}  of {2 * TENANTS * ROUNDS * TASKS}")
    assert TENANTS < total["token"] <= TENANTS * ROUNDS
    assert len(answers) <= total["api_200"] < 2 * TENANTS * ROUNDS * TASKS, "nobody was cancelled"


# ---- forks


def use_and_fork(place, pipe):
    """Use a connection, fork; then parent and child renew at once with what they have. Both tell."""
    told = []
    with place.engine(told) as run:
        first = asked(place, run, told)
        read, write = os.pipe()
        run.clock.ahead += LIFE
        child = os.fork()
        if not child:
            end_after(lambda: os.write(write, repr_of(asked(place, run, []))))
        mine = asked(place, run, told)
        _, status = os.waitpid(child, 0)
        assert status == 0
        pipe.send((first, mine, os.read(read, 65536).decode()))


def end_after(work):
    """A forked child ends here, whatever comes."""
    code = 1
    try:
        work()
        code = 0
    finally:
        os._exit(code)


def repr_of(told):
    return f"{told.status} {told.error} {told.token}".encode()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("grant", [ATTENDED, VENDOR])
@pytest.mark.parametrize("kind", ["memory", "sqlite", "redis"])
def test_a_fork_renews_and_spends_nothing_twice(oidc_provider, request, tmp_path, key_file, kind, grant):
    """After a fork both sides get on, at a server that ends the family of a refresh token used twice. In memory the
    child of one that holds a person's refresh token is told whose it is."""
    provider_client = vendor_client(oidc_provider, delay=0.05)
    given = consented(oidc_provider, provider_client) if grant == ATTENDED else ""
    oidc_provider.forget(provider_client)
    place = Place(oidc_provider, provider_client, urls(kind, request, tmp_path)(), key_file, grant, given)

    worker = start(use_and_fork, place)
    first, mine, forked = worker.hear()
    assert 0 == worker.end()
    counts = oidc_provider.counts(provider_client)

    assert first.is_good
    assert mine.is_good
    assert 0 == counts["invalid_grant"]
    if kind != "memory":
        assert f"200  {mine.token}" == forked
        assert 2 == counts["token"]
    elif grant == ATTENDED:
        assert "0 SignInNeeded " == forked
        assert 2 == counts["token"]
    else:
        assert forked.startswith("200  ")
        assert mine.token not in forked
        assert 3 == counts["token"]


# ---- an endpoint that hangs


def hang(peer):
    """Take the request, and never answer."""
    peer.request()
    peer.hang()


def ask_beside_the_dead(place, dead, hang_now, pipe):
    """Many tenants wait for the endpoint that hangs; then one asks for its first token at another."""
    run = place.engine()
    hung = [replace(place, provider=dead, tenant=f"t{number}").connection(run).token() for number in range(TENANTS)]
    hang_now.wait(60)
    began = time.monotonic()
    told = asked(place, run, [])
    took = time.monotonic() - began
    workers = [thread for thread in threading.enumerate() if thread.name == "authweave"]
    pipe.send((told, took, sum(each.done() for each in hung), len(workers)))
    hang_now.wait(60)  # until somebody kills us


def test_a_hanging_endpoint_holds_up_nobody_else(oidc_provider, redis_server, key_file):
    """50 tenants wait for an endpoint that does not answer; another tenant's first token comes meanwhile, and the
    waiting takes no more workers than one endpoint may have for all tenants together."""
    [place] = tenants(oidc_provider, redis_server.fresh_url(), key_file, 1)
    meet = processes.Barrier(2)
    with Server(hang) as server:
        worker = start(ask_beside_the_dead, place, replace(oidc_provider, http=server.url.rstrip("/")), meet)
        until(lambda: len(server.requests) >= TENANTS, 60)
        meet.wait(60)
        told, took, done, workers = worker.hear()
        os.kill(worker.pid, signal.SIGKILL)
        worker.end()

        assert told.is_good
        assert took < 20
        assert (0, TENANTS) == (done, len(server.requests))
        assert workers <= 64 + 4
