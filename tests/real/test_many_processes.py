"""Many processes at the end of a token: token requests are counted at a real provider, one per key and expiry."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from identities import vendor_client
from stores import key_file, urls
from workers import ATTENDED, OWN, VENDOR, Place, consented, processes, start

__all__ = ["key_file"]

PROCESSES, THREADS, CALLS = 4, 8, 250
LIFE = 700.0
"""Seconds that the clocks go ahead from one expiry to the next; tokens live 600."""
DELAY = 0.1
SERVERS = {"rotates": {}, "keeps": {"rotate": False}}
KINDS = ("memory", "sqlite", "redis")


def expire(run, place, is_chosen):
    """The clock of each process goes ahead."""
    run.clock.ahead += LIFE


def revoke(run, place, is_chosen):
    """The provider ends the access token before its time; one process asks it to."""
    if is_chosen:
        place.provider.kill(place.client)


def crowd(place, meet, ends, expiries, calls, pipe):
    """A process: whenever the token has ended all of its threads call so often, and so do those of the other processes."""
    statuses, tokens = [], set()
    with place.engine() as run, ThreadPoolExecutor(THREADS) as threads, httpx.Client(trust_env=False, timeout=60) as http:
        auth = place.connection(run).auth
        together = threading.Barrier(THREADS)

        def ask(_):
            together.wait(60)
            answers = [http.get(place.provider.api_url + "/me", auth=auth) for _ in range(calls)]
            return [(answer.status_code, answer.request.headers["authorization"]) for answer in answers]

        for _ in range(expiries):
            meet.wait(120)
            for answers in threads.map(ask, range(THREADS)):
                statuses += [status for status, _ in answers]
                tokens |= {token for _, token in answers}
            ends(run, place, meet.wait(120) == 0)  # nothing ends while somebody still calls
    pipe.send((statuses, tokens))


def crowds(places, expiries, calls, ends):
    """So many processes, one at each place: all statuses, and how many tokens were seen."""
    meet = processes.Barrier(len(places))
    workers = [start(crowd, place, meet, ends, expiries, calls) for place in places]
    heard = [worker.hear() for worker in workers]
    assert [0] * len(places) == [worker.end() for worker in workers]
    return [status for statuses, _ in heard for status in statuses], len(set().union(*(tokens for _, tokens in heard)))


def line(what, place, counts, took):
    """One row of the table: who shared what, and what the server counted."""
    shown = "  ".join(f"{name} {counts[name]:5}" for name in ("token", "granted", "invalid_grant", "api_200", "api_401"))
    return f"{what:47}{place.store.partition(':')[0]:8}{place.grant:10}{shown}  {took:5.1f} s"


def counted_crowds(places, counted, what, *, expiries, calls, ends=expire):
    """Run them; the counts of the server, in the table too."""
    provider, client = places[0].provider, places[0].client
    began = time.monotonic()
    statuses, tokens = crowds(places, expiries, calls, ends)
    counts = provider.counts(client)
    counted.append(line(what, places[0], counts, time.monotonic() - began))
    assert [200] * (len(places) * THREADS * expiries * calls) == statuses
    assert (0, len(statuses)) == (counts["invalid_grant"], counts["api_200"])
    assert (ends is expire) is (counts["api_401"] == 0)
    assert counts["token"] == counts["granted"] == tokens
    return counts["token"]


def place_of(provider, store, key_file, grant=VENDOR, server="rotates", delay=DELAY):
    if grant == OWN:
        return Place(provider, provider.new_client(delay=delay), store, key_file, grant)
    client = vendor_client(provider, delay=delay, **SERVERS[server])
    given = consented(provider, client) if grant == ATTENDED else ""
    provider.forget(client)
    return Place(provider, client, store, key_file, grant, given)


@pytest.mark.parametrize("calls", [25, pytest.param(CALLS, marks=pytest.mark.heavy)])
@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("kind", KINDS)
def test_one_token_request_per_expiry(oidc_provider, request, tmp_path, key_file, counted, kind, server, calls):
    """8 threads in each of 4 processes, so many calls each, over 5 expiries: 5 token requests (in memory: 5 per process)."""
    place = place_of(oidc_provider, urls(kind, request, tmp_path)(), key_file, server=server)

    requests = counted_crowds([place] * PROCESSES, counted, f"4 processes x 8 threads x {calls}, {server}", expiries=5, calls=calls // 5)

    assert (5 * PROCESSES if kind == "memory" else 5) == requests


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_a_persons_refresh_token_is_spent_once_per_expiry(oidc_provider, request, tmp_path, key_file, counted, kind):
    """The same with what nobody but a person could give anew, at a server that ends the family of one that is used twice."""
    place = place_of(oidc_provider, urls(kind, request, tmp_path)(), key_file, ATTENDED)

    assert 5 == counted_crowds([place] * PROCESSES, counted, "4 processes x 8 threads x 10, rotates", expiries=5, calls=2)


@pytest.mark.parametrize("grant", [ATTENDED, VENDOR])
@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_a_token_that_ends_early_is_renewed_once(oidc_provider, request, tmp_path, key_file, counted, kind, grant):
    """The API refuses the token to everybody at once, five times: each time one request for all processes."""
    place = place_of(oidc_provider, urls(kind, request, tmp_path)(), key_file, grant)

    requests = counted_crowds([place] * PROCESSES, counted, "4 processes x 8 threads x 10, revoked", expiries=5, calls=2, ends=revoke)

    assert 5 == requests


def test_the_count_tells_stores_apart(oidc_provider, request, tmp_path, key_file, counted):
    """The twin: four processes with a database each are four requests per expiry."""
    new = urls("sqlite", request, tmp_path)
    place = place_of(oidc_provider, new(), key_file)
    places = [Place(oidc_provider, place.client, new(), key_file, VENDOR) for _ in range(PROCESSES)]

    assert 2 * PROCESSES == counted_crowds(places, counted, "4 stores x 8 threads x 4", expiries=2, calls=2)


@pytest.mark.heavy
@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_hundred_expiries(oidc_provider, request, tmp_path, key_file, counted, kind, server):
    """One call of each thread at each of a hundred expiries: nobody ever asks twice."""
    place = place_of(oidc_provider, urls(kind, request, tmp_path)(), key_file, server=server, delay=0.02)

    requests = counted_crowds([place] * PROCESSES, counted, f"4 processes x 8 threads, 100 expiries, {server}", expiries=100, calls=1)

    assert (100 * PROCESSES if kind == "memory" else 100) == requests
